"""the old job is in the way"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["job"] == self.jid:
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def move(name, at):
    if job := ScheduledSet().find(find_event(name)["job"]):
        job.delete()
    save_event(name, at=at)


def cancel(name):
    delete_event(name)
