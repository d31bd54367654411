# Wrong: a job that comes too early pushes itself for the right moment, and move pushes one as well.
import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event is None:
            return
        if event["at"] > time.time():
            ReminderWorker.perform_at(event["at"], name)
        else:
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    create(name, at)


def cancel(name):
    delete_event(name)
