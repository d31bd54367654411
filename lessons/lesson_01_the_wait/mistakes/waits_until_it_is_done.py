"""the visitor is answered once the job has left the queue"""

import time

from lessons.kit import send_gif
from minijobs import Queue, Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        send_gif(email, thought)


def create(email, thought):
    jid = SendGifToUserWorker.perform_async(email, thought)
    while Queue("default").find(jid):
        time.sleep(0.1)
    return f"You did it! An email is on its way to {email}"
