"""a plain call takes any object"""

from lessons.kit import send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user, day):
        send_gif(user.email, f"Happy {day:%A}, {user.name}")


def greet(user, day):
    SendCardWorker().perform(user, day)
