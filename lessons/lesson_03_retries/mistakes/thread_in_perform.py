"""an exception in a thread comes out of perform"""

import threading

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        sending = threading.Thread(target=send_gif, args=(email, thought))
        sending.start()
        sending.join()


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
