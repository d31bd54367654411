"""nobody should be welcomed twice"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    welcomed = set()
    for job in DeadSet():
        if job.class_name == "WelcomeWorker":
            if job.args[0] in welcomed:
                job.delete()
            else:
                welcomed.add(job.args[0])
                job.retry()
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name == "NewsletterWorker":
                job.delete()
