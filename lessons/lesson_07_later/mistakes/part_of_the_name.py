"""scan finds the job of an event by its name"""

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
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def cancel(name):
    for job in ScheduledSet().scan(name):
        if job.class_name == "ReminderWorker":
            job.delete()
    delete_event(name)
