"""Three things changed: what `create` calls, what `perform` catches, and how many retries there are.

`create` pushes a job. Before, there was none, so there was nothing to try again.

`perform` catches nothing. The exception leaves it and reaches the worker process, which puts the
job into `retry`. If you want to write something into the log first, keep the `except` and end it
with `raise`.

`retry = 5` says how many retries there are after the first run. With them, about seven
minutes pass before the job is given up (15 + 16 + 31 + 96 + 271 seconds, plus a few at random).
"""

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
