"""a job with the same arguments is the same job, and must not be done twice"""

from lessons.kit import send_gif
from minijobs import Worker

sent = set()


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        if (email, thought) not in sent:
            sent.add((email, thought))
            send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
