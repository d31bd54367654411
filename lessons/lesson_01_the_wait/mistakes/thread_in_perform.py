"""a job is faster if it hands its work to a thread"""

import threading

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        threading.Thread(target=send_gif, args=(email, thought)).start()


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
