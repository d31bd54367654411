"""one job of an event, which sees the new moment only when it runs."""

import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event is None:
            return
        if event["at"] > time.time():
            # it was moved: wait on
            ReminderWorker.perform_at(event["at"], name)
        else:
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    # one job per event: it will see the new moment when it runs
    save_event(name, at=at)


def cancel(name):
    delete_event(name)
