"""a job that is done has done something"""

from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        pass


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
