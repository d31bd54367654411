"""the worker process can wait for the moment"""

import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name, at):
        time.sleep(max(0, at - time.time()))
        event = find_event(name)
        if event and event["at"] == at:
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_async(name, at)


move = create


def cancel(name):
    delete_event(name)
