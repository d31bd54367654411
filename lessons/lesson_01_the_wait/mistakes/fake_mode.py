"""fake mode is a lightweight queue, and what is in it is run later"""

from lessons.kit import send_gif
from minijobs import Worker, testing


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    with testing.fake():
        SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
