"""taking what perform_async gives back for the result"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    result = SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! {result}"
