"""a job that is too early comes again"""

import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["at"] <= time.time():
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    save_event(name, at=at)


def cancel(name):
    delete_event(name)
