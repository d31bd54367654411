"""what is written back is as it was"""

import time

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def without(jobs, name):
    kept = [job.raw for job in jobs if job.class_name != name]
    jobs.clear()
    for raw in kept:
        jobs.redis.zadd(jobs.key, {raw: time.time()})


def clean_up():
    for job in DeadSet():
        if job.class_name == "WelcomeWorker":
            job.retry()
    for jobs in (DeadSet(), RetrySet()):
        without(jobs, "NewsletterWorker")
