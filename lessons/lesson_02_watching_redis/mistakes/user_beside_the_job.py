"""what does not fit into a job is put beside it, and stays true there"""

import json
from dataclasses import asdict
from datetime import date

from lessons.kit import User, send_gif
from minijobs import Worker, connection


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = User(**json.loads(connection.current().get(f"user:{user_id}")))
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    connection.current().set(f"user:{user.id}", json.dumps(asdict(user)))
    SendCardWorker.perform_async(user.id, day.isoformat())
