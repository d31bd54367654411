# Right: there is one job of an event at a time. If it is too early, it pushes its successor for the new moment.
import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name, number):
        event = find_event(name)
        if not event or event["number"] != number:
            return
        if event["at"] > time.time():
            follow(name, event["at"])
        else:
            save_event(name, number=None)
            remind(name)


def follow(name, at):
    number = time.monotonic_ns()
    save_event(name, at=at, number=number)
    ReminderWorker.perform_at(at, name, number)


def create(name, at):
    follow(name, at)


def move(name, at):
    event = find_event(name)
    if event["number"] is None or at < event["at"]:
        follow(name, at)
    else:
        save_event(name, at=at)


def cancel(name):
    delete_event(name)
