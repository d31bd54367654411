"""which job counts is noted in a variable, and the worker process has another one."""

from lessons.kit import delete_event, remind, save_event
from minijobs import Worker

current = {}  # the name of an event -> the job that counts


class ReminderWorker(Worker):
    def perform(self, name):
        if current.get(name) == self.jid:
            remind(name)
            del current[name]


def create(name, at):
    save_event(name, at=at)
    current[name] = ReminderWorker.perform_at(at, name)


move = create


def cancel(name):
    delete_event(name)
    current.pop(name, None)
