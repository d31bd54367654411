"""clearing everything"""

from lessons.kit import send_gif
from minijobs import Worker, clear_everything


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    clear_everything()
