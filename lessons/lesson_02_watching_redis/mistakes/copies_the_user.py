"""a copy of the user"""

from dataclasses import asdict
from datetime import date

from lessons.kit import send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user, day):
        send_gif(user["email"], f"Happy {date.fromisoformat(day):%A}, {user['name']}")


def greet(user, day):
    SendCardWorker.perform_async(asdict(user), day.isoformat())
