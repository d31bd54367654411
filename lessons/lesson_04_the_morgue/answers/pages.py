# Right: page after page, and only then is anything moved.
from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name: str) -> None:
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def everything(jobs):
    found = []
    while page := jobs.page(len(found)):
        found += page
    return found


def clean_up() -> None:
    dead, waiting = everything(DeadSet()), everything(RetrySet())
    welcomes = (job for job in dead if job.class_name == "WelcomeWorker")
    newsletters = (job for job in dead + waiting if job.class_name == "NewsletterWorker")
    assert all(job.retry() for job in welcomes)
    assert all(job.delete() for job in newsletters)
