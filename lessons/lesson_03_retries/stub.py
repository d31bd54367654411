"""Exercise 3: the mail that never came.

When the mail server is busy, visitors never get their mail. Somebody saw the exceptions in
the log and caught them. The log is quiet now, and the mails are still missing.

Fix it:

1. When the mail server refuses, the same job is tried again later, and then the mail goes out.
   Each try asks the mail server once.
2. After 5 retries the job is given up: it goes to `dead`.
3. `create` answers the visitor at once, in the words below, whatever the mail server says.

Check it with: make check-3 (or: python -m lessons check 3)
"""

import smtplib

from lessons.kit import send_gif
from minijobs import Worker


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        try:
            send_gif(email, thought)
        except smtplib.SMTPException as error:
            print(f"could not send to {email}: {error}")


def create(email, thought):
    SendGifToUserWorker().perform(email, thought)
    return f"You did it! An email is on its way to {email}"
