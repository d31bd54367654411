"""a job knows by itself when it is wanted"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["job"] == self.jid:
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_async(name))


def move(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_async(name))


def cancel(name):
    delete_event(name)
