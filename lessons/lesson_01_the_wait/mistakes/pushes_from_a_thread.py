"""a push may take long, so it needs a thread"""

import threading

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    threading.Thread(target=SendGifToUserWorker.perform_async, args=(email, thought)).start()
    return f"You did it! An email is on its way to {email}"
