"""a failed job is tried again, so one that is too early should fail"""

import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class TooEarly(Exception):
    pass


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["at"] > time.time():
            raise TooEarly(name)
        if event:
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    save_event(name, at=at)


def cancel(name):
    delete_event(name)
