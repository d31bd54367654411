"""only what died since Friday"""

import time

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    friday = time.time() - 72 * 60 * 60
    for job in DeadSet():
        if job.class_name == "WelcomeWorker" and job.score > friday:
            job.retry()
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name == "NewsletterWorker":
                job.delete()
