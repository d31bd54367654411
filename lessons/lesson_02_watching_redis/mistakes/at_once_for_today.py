"""today needs no job"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    if day == date.today():
        SendCardWorker().perform(user.id, day.isoformat())  # nothing to wait for
    else:
        SendCardWorker.perform_async(user.id, day.isoformat())
