"""retry_in is a method of the object"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def retry_in(self, count, error):
        return "kill" if count >= 5 else 60

    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
