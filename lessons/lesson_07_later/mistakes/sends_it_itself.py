"""perform is what makes it a job"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


def create(name, at):
    save_event(name, at=at)
    ReminderWorker().perform(name)


def move(name, at):
    save_event(name, at=at)
    ReminderWorker().perform(name)


def cancel(name):
    delete_event(name)
