"""a job that is done has done something"""

from lessons.kit import find_user
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        find_user(user_id)


def greet(user, day):
    SendCardWorker.perform_async(user.id, day.isoformat())
