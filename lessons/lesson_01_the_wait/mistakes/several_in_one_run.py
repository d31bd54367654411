"""to be sure, a job sends its mail more than once"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        for _ in range(3):
            send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
