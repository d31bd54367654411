"""who has handled the end may discard the job"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        send_gif(email, thought)

    @staticmethod
    def retries_exhausted(job, error):
        print("gave up on", job["args"][0])
        return "discard"


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
