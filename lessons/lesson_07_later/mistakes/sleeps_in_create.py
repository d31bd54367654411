"""the web process has time"""

import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


def create(name, at):
    save_event(name, at=at)
    time.sleep(at - time.time())
    event = find_event(name)
    if event and event["at"] == at:
        remind(name)


move = create


def cancel(name):
    delete_event(name)
