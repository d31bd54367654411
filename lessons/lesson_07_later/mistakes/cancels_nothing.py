"""a job of an event that is gone does nothing by itself"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name, number):
        event = find_event(name)
        if event is None or event["number"] == number:
            remind(name)


def push(name, at, number):
    save_event(name, at=at, number=number)
    ReminderWorker.perform_at(at, name, number)


def create(name, at):
    push(name, at, 1)


def move(name, at):
    push(name, at, find_event(name)["number"] + 1)


def cancel(name):
    delete_event(name)
