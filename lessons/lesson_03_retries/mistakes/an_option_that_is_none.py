"""the option is called max_retries"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    max_retries = 5

    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
