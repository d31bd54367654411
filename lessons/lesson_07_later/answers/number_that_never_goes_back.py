# Right: the changes of a name are counted in Redis, and a cancelled event keeps its number.
from lessons.kit import remind
from minijobs import Worker
from minijobs.connection import current


class ReminderWorker(Worker):
    def perform(self, name, number):
        if int(current().get(f"changes:{name}")) == number:
            remind(name)


def change(name):
    return current().incr(f"changes:{name}")


def create(name, at):
    ReminderWorker.perform_at(at, name, change(name))


def move(name, at):
    create(name, at)


def cancel(name):
    change(name)
