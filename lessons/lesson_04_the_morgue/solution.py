"""You go through the two sets, job by job, and decide by the class.

`retry()` moves the old job to its queue, with its jid and its history. So every line of the log
about it is found under one id, and nobody is greeted twice. It runs when a worker process takes
it, and by then the new code is there.

The error would have been a bad sign to go by: a certificate failed with the very same words, and
its bug is not fixed. A renamed class is as unknown as a deleted one, and its mails are wanted. Nor
does it matter where in `dead` a job lies, or how many there are.
"""

from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    for job in DeadSet():
        if job.class_name == "WelcomeWorker":
            job.retry()
    for jobs in (DeadSet(), RetrySet()):
        for job in jobs:
            if job.class_name == "NewsletterWorker":
                job.delete()
