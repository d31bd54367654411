"""a thread of your own is a background job"""

import threading

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    threading.Thread(target=SendGifToUserWorker().perform, args=(email, thought)).start()
    return f"You did it! An email is on its way to {email}"
