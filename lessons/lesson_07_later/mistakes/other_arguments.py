"""the moment can come along, and perform need not take it"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name, at)


def move(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name, at)


def cancel(name):
    delete_event(name)
