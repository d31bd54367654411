# Right here: whatever job of this event is found, in schedule or in the queue, is deleted.
from lessons.kit import remind
from minijobs import Queue, ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        remind(name)


def jobs_of(name):
    for job in [*ScheduledSet().scan(f'["{name}"]'), *Queue()]:
        if job.class_name == ReminderWorker.job_name and job.args == [name]:
            yield job


def cancel(name):
    for job in list(jobs_of(name)):
        job.delete()


def create(name, at):
    ReminderWorker.perform_at(at, name)


def move(name, at):
    cancel(name)
    create(name, at)
