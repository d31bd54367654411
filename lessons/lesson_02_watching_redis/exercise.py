"""Exercise 2: what travels.

The application greets its users. `greet(user, day)` is called with a `User` and a `datetime.date`.
It pushes a job at once, and the job sends the mail: "Happy Monday, Ada". It may have to wait in its
queue for days. The weekday is that of `day`, however late the mail goes out. The name and the
address are those that the user has *when the mail is sent*.

`greet` pushes the user and the date themselves, and JSON can hold neither: the push is refused.
Change `greet` and `perform` so that

1. what travels through Redis is JSON, and says only *which* user and *which* date, in whatever
   form you like;
2. `perform` finds the rest itself. `find_user(id)` asks the database, and returns a `User`
   with `id`, `name` and `email`.

The job runs in another process. That one has loaded this file as well, but nothing that happens in
this process changes anything there.
Check it with: make check-2 (or: python -m lessons check 2)
"""

from datetime import date

from lessons.kit import find_user, send_gif
from minijobs import Worker


class SendCardWorker(Worker):
    def perform(self, user, day):
        send_gif(user.email, f"Happy {day:%A}, {user.name}")


def greet(user, day):
    SendCardWorker.perform_async(user, day)
