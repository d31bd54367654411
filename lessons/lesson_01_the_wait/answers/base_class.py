# Right: a base class holds `perform` for every kind of mail; there is an exception for a job without an address.
from lessons.kit import send_gif
from minijobs import Worker


class NoAddress(ValueError):
    """A mail to nobody."""


class MailWorker(Worker):
    """What all Workers that send mail have in common."""

    def perform(self, email, *rest):
        if not email:
            raise NoAddress("This mail has no address.")
        self.deliver(email, *rest)

    def deliver(self, email, *rest):
        raise NotImplementedError


class SendGifToUserWorker(MailWorker):
    def deliver(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    push = SendGifToUserWorker.perform_async
    push(email, thought)
    return f"You did it! An email is on its way to {email}"
