"""a moment has to be a datetime"""

from datetime import datetime

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["job"] == self.jid:
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(datetime.fromtimestamp(at), name))


def move(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(datetime.fromtimestamp(at), name))


def cancel(name):
    delete_event(name)
