"""only 'busy' is worth another try"""

import smtplib

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        try:
            send_gif(email, thought)
        except smtplib.SMTPDataError:
            raise
        except smtplib.SMTPException as error:
            print(f"could not send to {email}: {error}")


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
