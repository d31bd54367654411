# Right: the same job is moved if it is still there; if not, there is another one. Only the one in the row mails.
import time

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import ScheduledSet, Worker


class ReminderWorker(Worker):
    def perform(self, name):
        event = find_event(name)
        if event is not None and event["job"] == self.jid and event["at"] <= time.time():
            remind(name)


def create(name, at):
    save_event(name, at=at, job=ReminderWorker.perform_in(at - time.time(), name))


def move(name, at):
    save_event(name, at=at)
    job = ScheduledSet().find(find_event(name)["job"])
    if not (job and job.reschedule(at)):
        create(name, at)


def cancel(name):
    delete_event(name)
