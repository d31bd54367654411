"""retry_in counts from 1"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        send_gif(email, thought)

    @staticmethod
    def retry_in(count, error):
        return "kill" if count >= 4 else 60


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
