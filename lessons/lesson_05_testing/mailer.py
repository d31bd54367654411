"""What the tests of exercise 5 are for: `create`, which the page calls, and the Worker that mails. Both work."""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought, seconds=0)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
