"""An id travels, and the user stays where users are kept. Whoever runs the job looks the user up and
gets what is true at that moment: the new address, the new name. Had the address travelled, the card
would have gone to where Ada lived when it was pushed.

A day does not change, so it can travel: as text, in the form that `fromisoformat` reads back.
`perform` gets exactly what JSON can hold, a number and a text. Turning the text back into a
date is its own business.
"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user_id, day):
        user = find_user(user_id)
        send_gif(user.email, f"Happy {date.fromisoformat(day):%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user.id, day.isoformat())
