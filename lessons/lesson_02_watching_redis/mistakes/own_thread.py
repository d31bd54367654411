"""a thread of your own is a background job"""

import threading
from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    threading.Thread(target=SendCardWorker().perform, args=(user.id, day.isoformat())).start()
