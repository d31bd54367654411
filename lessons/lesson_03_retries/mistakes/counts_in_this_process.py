"""failures are counted by address"""

from collections import Counter

from lessons.kit import send_gif
from minijobs import Worker

failures = Counter()


class SendGifToUserWorker(Worker):
    def perform(self, email, thought):
        try:
            send_gif(email, thought)
        except Exception:
            failures[email] += 1
            raise
        failures.pop(email, None)

    @staticmethod
    def retry_in(count, error, *args):
        gone = [email for email, times in failures.items() if times > 5]
        for email in gone:
            del failures[email]
        return "kill" if gone else None


def create(email, thought):
    SendGifToUserWorker.perform_async(email, thought)
    return f"You did it! An email is on its way to {email}"
