"""a job that has begun has done its work"""

from lessons.kit import send_gif
from minijobs import Worker, connection


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        if connection.current().set(f"sent:{self.jid}", 1, nx=True):
            send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
