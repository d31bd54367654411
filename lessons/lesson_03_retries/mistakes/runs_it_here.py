"""a job has to be started by who pushes it"""

from lessons.kit import send_gif
from minijobs import Fetcher, Processor, Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    Processor(Fetcher("default")).process_one()
    return f"You did it! An email is on its way to {email}"
