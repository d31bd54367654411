"""a page may be sent piece by piece"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    yield f"You did it! An email is on its way to {email}"
