"""the object travels, with what it was made with"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def __init__(self, email=None, thought=None):
        self.email, self.thought = email, thought

    def perform(self):
        send_gif(self.email, self.thought)


def create(email, thought):
    SendGifToUserWorker(email, thought).perform_async()
    return f"You did it! An email is on its way to {email}"
