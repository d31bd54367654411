# Right: what several Workers share is in a class of its own; so is the way to tell who is responsible.
import logging

from lessons.kit import send_gif
from minijobs import Worker


class Patient(Worker):
    retry = 5

    @staticmethod
    def retry_in(count, error):
        return 30 * (count + 1)

    @staticmethod
    def retries_exhausted(job, error):
        logging.getLogger(__name__).error("gave up on %s: %s", job["args"][0], error)


class SendGifToUserWorker(Patient):
    def perform(self, email: str, thought: str) -> None:
        sent = False
        try:
            send_gif(email, thought)
            sent = True
        finally:
            print("sent" if sent else "not sent")


def create(email: str, thought: str) -> str:
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
