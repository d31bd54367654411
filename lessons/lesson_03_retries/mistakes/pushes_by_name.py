"""pushing by the name of the class, whose options are not read then"""

import smtplib

from lessons.kit import send_gif
from minijobs import Client, Worker


class MailNotSent(Exception):
    pass


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        try:
            send_gif(email, thought)
        except smtplib.SMTPException as error:
            raise MailNotSent(email) from error


def create(email, thought):
    Client().push({"class": SendGifToUserWorker.job_name, "args": [email, thought]})
    return f"You did it! An email is on its way to {email}"
