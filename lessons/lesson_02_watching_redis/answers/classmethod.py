# Right: id and ISO date travel; one classmethod of the Worker writes them down, small helpers read them back.
from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, self._wish(user, date.fromisoformat(day)))

    @staticmethod
    def _wish(user, day):
        return f"Happy {day:%A}, {user.name}"

    @classmethod
    def enqueue_for(cls, user, day):
        return cls.perform_async(user.id, day.isoformat())


def greet(user, day):
    SendCardWorker.enqueue_for(user, day)
