# Right: an odd form; the Worker's own `perform_async` takes the objects, and lets only an id and a date travel.
import json
from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    @classmethod
    def perform_async(cls, user, day):
        return super().perform_async(json.dumps({"user": user.id, "day": day.isoformat()}))

    def perform(self, text):
        match json.loads(text):
            case {"user": int(number), "day": str(iso)}:
                user = find_user(number)
            case other:
                raise ValueError(f"This is no card: {other!r}")
        send_gif(user.email, f"Happy {date.fromisoformat(iso):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user, day)
