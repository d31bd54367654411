# Right: the option is given at the push, and travels with the job.
from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    queue = "mail"

    def perform(self, *mail):
        return send_gif(*mail)


def create(email, thought):
    SendGifToUserWorker.set(retry=5, tags=["mail"]).perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
