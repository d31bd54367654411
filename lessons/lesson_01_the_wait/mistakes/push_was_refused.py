"""a job can hold any object"""

from lessons.kit import send_gif
from minijobs import Worker


class Mail:
    def __init__(self, email, thought):
        self.email, self.thought = email, thought


class SendGifToUserWorker(Worker):
    def perform(self, mail):
        send_gif(mail.email, mail.thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(Mail(email, thought))
    return f"You did it! An email is on its way to {email}"
