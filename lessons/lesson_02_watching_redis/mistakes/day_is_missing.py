"""the day is the same when the job runs"""

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id):
        user = find_user(user_id)
        send_gif(user.email, f"Happy day, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id)
