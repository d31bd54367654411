"""whoever runs the job sees the variables of who pushed it"""

from lessons.kit import send_gif
from minijobs import Worker

OUTBOX = {}


class SendGifToUserWorker(Worker):
    def perform(self, email):
        send_gif(email, OUTBOX[email])


def create(email, thought):
    OUTBOX[email] = thought
    SendGifToUserWorker.perform_async(email)
    return f"You did it! An email is on its way to {email}"
