"""a map that nobody goes through"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, SortedEntry, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    map(SortedEntry.retry, filter(lambda job: job.class_name == "WelcomeWorker", DeadSet()))
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name == "NewsletterWorker":
                job.delete()
