"""flushing Redis"""

from lessons.kit import send_gif
from minijobs import Worker, connection


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    connection.current().flushdb()
