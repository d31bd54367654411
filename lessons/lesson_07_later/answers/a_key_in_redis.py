# Right: one hash in Redis says which job each event waits for. It needs no database.
from datetime import UTC, datetime

from lessons.kit import remind
from minijobs import Worker
from minijobs.connection import current

WANTED = "reminders"


class ReminderWorker(Worker):
    queue = "reminders"
    retry = 3

    def perform(self, name: str) -> None:
        if current().hget(WANTED, name) == self.jid.encode():
            remind(name)
            current().hdel(WANTED, name)


def create(name: str, at: float) -> None:
    jid = ReminderWorker.perform_at(datetime.fromtimestamp(at, UTC), name)
    current().hset(WANTED, name, jid)


def move(name: str, at: float) -> None:
    create(name, at)


def cancel(name: str) -> None:
    current().hdel(WANTED, name)
