"""`create` pushes, `perform` sends. `create` answers within a millisecond or so; the five seconds
are spent by the worker process, when it gets to the job.

What travels through Redis is two strings, the address and the thought: `perform` gets them back
as its arguments, in another process, perhaps on another machine. It must find everything else it
needs by itself.

The message stays as it was, and only now is it true: the email is on its way. "Email sent" is more
than `create` can know.
"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
