"""the web process remembers which job it was"""

from lessons.kit import remind
from minijobs import Queue, ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


jobs = {}


def create(name, at):
    jobs[name] = ReminderWorker.perform_at(at, name)


def cancel(name):
    jid = jobs.pop(name, None)
    if jid and (job := ScheduledSet().find(jid) or Queue().find(jid)):
        job.delete()


def move(name, at):
    cancel(name)
    create(name, at)
