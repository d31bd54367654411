"""pickle"""

import base64
import pickle

from lessons.kit import send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, card):
        user, day = pickle.loads(base64.b64decode(card))
        send_gif(user.email, f"Happy {day:%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(base64.b64encode(pickle.dumps((user, day))).decode())
