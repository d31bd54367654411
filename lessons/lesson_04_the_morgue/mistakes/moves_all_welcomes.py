"""moving all welcomes"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, ScheduledSet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    for jobs in (DeadSet(), RetrySet(), ScheduledSet()):
        for job in jobs:
            if job.class_name == "WelcomeWorker":
                job.retry()
            elif job.class_name == "NewsletterWorker":
                job.delete()
