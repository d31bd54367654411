"""a weekday in place of a day"""

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, weekday):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {weekday}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, f"{day:%A}")
