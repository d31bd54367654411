"""a mail that takes five seconds is pushed for in five seconds"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_in(5, email, thought)
    return f"You did it! An email is on its way to {email}"
