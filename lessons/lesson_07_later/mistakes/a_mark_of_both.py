"""the second of the change tells the jobs apart, and two changes can come in one second."""

import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name, stamp):
        event = find_event(name)
        if event and event.get("changed_at") == stamp:
            remind(name)


def create(name, at):
    stamp = int(time.time())
    save_event(name, at=at, changed_at=stamp)
    ReminderWorker.perform_at(at, name, stamp)


def move(name, at):
    create(name, at)


def cancel(name):
    delete_event(name)
