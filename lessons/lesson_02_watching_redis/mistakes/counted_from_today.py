"""a day that is counted from today"""

from datetime import date, timedelta

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, days):
        user = find_user(user_id)
        day = date.today() + timedelta(days=days)
        send_gif(user.email, f"Happy {day:%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, (day - date.today()).days)
