"""going on by number in a set that gets shorter"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    dead = DeadSet()
    start = 0
    while jobs := dead.page(start, 5):
        for job in jobs:
            if job.class_name == "WelcomeWorker":
                job.retry()
        start += 5
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name == "NewsletterWorker":
                job.delete()
