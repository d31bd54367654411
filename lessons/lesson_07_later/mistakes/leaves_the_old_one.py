"""a new job takes the place of the old one"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        if find_event(name):
            remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    save_event(name, at=at)
    ReminderWorker.perform_at(at, name)


def cancel(name):
    delete_event(name)
