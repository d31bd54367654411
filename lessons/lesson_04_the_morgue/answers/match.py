# Right: one walk through both sets, and what to do by class and place.
from lessons.kit import send_gif
from minijobs import DeadSet, RetrySet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    for place in (DeadSet(), RetrySet()):
        for job in list(place):
            match job["class"], place.key:
                case "NewsletterWorker", _:
                    job.delete()
                case "WelcomeWorker", "dead":
                    job.retry()
