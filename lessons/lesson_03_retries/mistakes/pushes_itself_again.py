"""to push the job again under its own id is to retry it"""

import smtplib
import time

from lessons.kit import send_gif
from minijobs import Client, Worker


class SendGifToUserWorker(Worker):
    retry = 5

    def perform(self, email, thought):
        try:
            send_gif(email, thought)
        except smtplib.SMTPException:
            Client().push({"class": self.job_name, "args": [email, thought], "jid": self.jid, "at": time.time() + 15})


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
