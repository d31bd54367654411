"""midnight, in seconds since 1970, says which day it is"""

from datetime import UTC, datetime, time, timedelta, timezone

from lessons.kit import find_user, send_gif
from minijobs import Worker

TOKYO = timezone(timedelta(hours=9))


class SendCardWorker(Worker):
    def perform(self, user_id, moment):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {datetime.fromtimestamp(moment, UTC):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, datetime.combine(day, time(), TOKYO).timestamp())
