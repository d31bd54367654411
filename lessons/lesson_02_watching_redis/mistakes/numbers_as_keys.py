"""any dict is JSON"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, cards):
        for number, day in cards.items():
            user = find_user(int(number))
            send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async({user.id: day.isoformat()})
