# Right: the row says for which moment Ada was reminded, and the job asks whether there is anything left to do.
import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if not event or event["reminded"] or time.time() < event["at"]:
            return
        save_event(name, reminded=True)
        remind(name)


def create(name, at):
    save_event(name, at=at, reminded=False)
    ReminderWorker.perform_at(at, name)


def move(name, at):
    create(name, at)


def cancel(name):
    delete_event(name)
