"""a week and a weekday say which day it is"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, year, week, weekday):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {date.fromisocalendar(year, week, weekday):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, day.year, *day.isocalendar()[1:])
