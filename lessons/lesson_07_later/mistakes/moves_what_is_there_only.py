"""there is always a job to be moved"""

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        if find_event(name):
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def move(name, at):
    job = ScheduledSet().find(find_event(name)["job"])
    if job:
        job.reschedule(at)
    save_event(name, at=at)


def cancel(name):
    delete_event(name)
