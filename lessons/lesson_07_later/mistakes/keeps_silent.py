"""a job thinks that it is the old one if there is another one in schedule."""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        if not find_event(name):
            return
        # Is there another reminder for it on the way? Then this one is the old one.
        for job in ScheduledSet():
            if job.class_name == "ReminderWorker" and job.args == [name]:
                return
        remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def cancel(name):
    delete_event(name)
