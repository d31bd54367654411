"""fake mode is a lightweight queue"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker, testing


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    with testing.fake():
        SendCardWorker.perform_async(user.id, day.isoformat())
