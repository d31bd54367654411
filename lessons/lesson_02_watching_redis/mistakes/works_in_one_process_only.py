"""a variable of this process"""

from datetime import date

from lessons.kit import send_gif
from minijobs import Worker

users = {}


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = users[user_id]
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    users[user.id] = user
    SendCardWorker.perform_async(user.id, day.isoformat())
