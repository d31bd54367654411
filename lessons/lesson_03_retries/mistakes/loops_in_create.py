"""trying again yourself, in create"""

import smtplib

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    for _ in range(6):
        try:
            SendGifToUserWorker().perform(email, thought)
            break
        except smtplib.SMTPException:
            pass
    return f"You did it! An email is on its way to {email}"
