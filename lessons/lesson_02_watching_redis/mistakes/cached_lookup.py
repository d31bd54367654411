"""looking somebody up is the same whenever it is done"""

from datetime import date
from functools import lru_cache

from lessons.kit import find_user, send_gif
from minijobs import Worker

lookup = lru_cache(find_user)


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = lookup(user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, day.isoformat())
