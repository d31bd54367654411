"""swallowing the refusal"""

from lessons.kit import send_gif
from minijobs import BadArgument, Worker


class SendCardWorker(Worker):
    def perform(self, user, day):
        send_gif(user.email, f"Happy {day:%A}, {user.name}")


def greet(user, day):
    try:
        SendCardWorker.perform_async(user, day)
    except BadArgument:
        pass
