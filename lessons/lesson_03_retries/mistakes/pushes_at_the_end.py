"""what is given up is to be tried again from the start"""

from lessons.kit import send_gif
from minijobs import Worker, death_handlers


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        send_gif(email, thought)


@death_handlers.append
def once_more(job, error):
    SendGifToUserWorker.perform_async(*job["args"])


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
