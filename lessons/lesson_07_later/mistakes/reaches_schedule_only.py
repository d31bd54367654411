"""a job for later is in schedule until it runs"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def take_back(name):
    if job := ScheduledSet().find(find_event(name)["job"]):
        job.delete()


def move(name, at):
    take_back(name)
    create(name, at)


def cancel(name):
    take_back(name)
    delete_event(name)
