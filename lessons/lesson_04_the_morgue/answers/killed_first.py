# Right: what waits in retry is killed, and then deleted with what is dead.
from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker

UNWANTED = {"NewsletterWorker"}


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def jobs_of(place, names):
    return [job for job in place if job.class_name in names]


def clean_up():
    for job in jobs_of(RetrySet(), UNWANTED):
        job.kill()
    for job in jobs_of(DeadSet(), UNWANTED):
        job.delete()
    for job in jobs_of(DeadSet(), {WelcomeWorker.job_name}):
        job.retry()
