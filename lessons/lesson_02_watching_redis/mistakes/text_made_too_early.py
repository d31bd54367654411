"""what is to be sent is known when it is pushed"""

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, text):
        send_gif(find_user(user_id).email, text)


def greet(user, day):
    SendCardWorker.perform_async(user.id, f"Happy {day:%A}, {user.name}")
