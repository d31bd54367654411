"""a name that was cancelled is not used again"""

from lessons.kit import find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event["job"] == self.jid and not event.get("cancelled"):
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def move(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def cancel(name):
    save_event(name, cancelled=True)
