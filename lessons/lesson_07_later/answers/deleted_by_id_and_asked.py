# Right: the old job is deleted where it is found, and the one that is not found asks.
from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event and event["job"] == self.jid:
            remind(name)


def drop(name):
    job = ScheduledSet().find(find_event(name)["job"])
    if job is not None:
        job.delete()


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_at(at, name))


def move(name, at):
    drop(name)
    create(name, at)


def cancel(name):
    drop(name)
    delete_event(name)
