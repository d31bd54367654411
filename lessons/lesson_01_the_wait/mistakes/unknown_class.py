"""the name of the class in a job is only a label"""

from lessons.kit import send_gif
from minijobs import Client, Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    Client().push({"class": "SendGif", "args": [email, thought]})
    return f"You did it! An email is on its way to {email}"
