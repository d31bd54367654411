"""a class is known by the beginning of its name, or by its end"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    for job in DeadSet():
        if job.class_name.startswith("Welcome"):
            job.retry()
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name.endswith("NewsletterWorker"):
                job.delete()
