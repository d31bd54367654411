"""a day as people write it"""

from datetime import datetime

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {datetime.strptime(day, '%d.%m.%y'):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, day.strftime("%d.%m.%y"))
