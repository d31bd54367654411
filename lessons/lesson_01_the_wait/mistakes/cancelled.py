"""a middleware only looks on"""

from lessons.kit import send_gif
from minijobs import Worker, middleware


@middleware.client.add
def note(job, call_next):
    print("pushing", job["class"])


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
