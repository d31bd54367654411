"""an error of its own"""

import smtplib

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        try:
            send_gif(email, thought)
        except smtplib.SMTPException:
            self.retry()


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
