"""what has left schedule is in its queue"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Queue, ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


def take_back(name):
    jid = find_event(name)["job"]
    for place in (ScheduledSet(), Queue("default")):
        if (job := place.find(jid)) and job.delete():
            return


def create(name, at):
    save_event(name, job=ReminderWorker.perform_at(at, name))


def move(name, at):
    take_back(name)
    create(name, at)


def cancel(name):
    take_back(name)
    delete_event(name)
