"""tidying the address up"""

from lessons.kit import send_gif
from minijobs import Worker


def normalise(address: str) -> str:
    """Forms deliver all sorts of things: spaces around the address, capitals from a phone keyboard."""
    return address.strip().lower()


class SendGifToUserWorker(Worker):
    def perform(self, email: str, thought: str) -> None:
        send_gif(email, thought)


def create(email: str, thought: str) -> str:
    email = normalise(email)
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
