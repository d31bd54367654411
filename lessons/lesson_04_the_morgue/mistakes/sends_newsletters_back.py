"""sending the newsletters back"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    DeadSet().retry_all()
    for job in RetrySet():
        if job.class_name == "NewsletterWorker":
            job.delete()
