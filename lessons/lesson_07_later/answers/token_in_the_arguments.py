# Right: each change has a token that no other change has; row and job carry it.
import uuid

from lessons.kit import delete_event, find_event, remind, save_event
from minijobs import Worker


class ReminderWorker(Worker):
    def perform(self, name, token):
        match find_event(name):
            case {"token": wanted} if wanted == token:
                remind(name)


def schedule(name, at):
    token = str(uuid.uuid4())
    save_event(name, at=at, token=token)
    ReminderWorker.perform_at(at, name, token)


create = move = schedule


def cancel(name):
    delete_event(name)
