"""giving them another moment"""

import time

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker, poll


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    for job in DeadSet():
        if job.class_name == "WelcomeWorker":
            job.reschedule(time.time() - 1)
    poll()
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name == "NewsletterWorker":
                job.delete()
