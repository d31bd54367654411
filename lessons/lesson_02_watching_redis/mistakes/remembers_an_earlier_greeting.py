"""the same user and the same day are the same greeting"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


seen = set()


def greet(user, day):
    if (user.id, day) not in seen:
        seen.add((user.id, day))
        SendCardWorker.perform_async(user.id, day.isoformat())
