"""the moment says which job is the right one"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name, at):
        event = find_event(name)
        if event and event["at"] == at:
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name, at)


def move(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name, at)


def cancel(name):
    delete_event(name)
