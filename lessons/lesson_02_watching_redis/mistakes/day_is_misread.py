"""a day has one form everywhere"""

from datetime import datetime

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {datetime.strptime(day, '%m/%d/%Y'):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, f"{day:%d/%m/%Y}")
