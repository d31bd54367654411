# Right: a classmethod of the Worker is the application's only way to push, and the page's words are a constant.
"""Exercise 1: nobody waits for a mail."""

from lessons.kit import send_gif
from minijobs import Worker

PAGE = "You did it! An email is on its way to {email}"


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)

    @classmethod
    def deliver_later(cls, email, thought):
        return cls.perform_async(email, thought)


def create(email, thought):
    SendGifToUserWorker.deliver_later(email, thought)
    return PAGE.format(email=email)
