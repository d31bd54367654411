# Right: the day travels as its ordinal, a whole number, which says exactly which day; pushed with `Client.push`.
import datetime as dt

import minijobs
from lessons import kit

THOUGHT = "Happy {day:%A}, {user.name}"


class SendCardWorker(minijobs.Worker):
    def perform(self, user_id, ordinal):
        user, day = kit.find_user(user_id), dt.date.fromordinal(ordinal)
        kit.send_gif(user.email, THOUGHT.format(day=day, user=user))


def greet(user, day):
    client = minijobs.Client()
    client.push({"class": "SendCardWorker", "args": [user.id, day.toordinal()]})
