"""Exercise 4: Monday morning.

A bug was deployed on Friday. It is fixed; `WelcomeWorker` below is the new version. But jobs died
of it over the weekend. Besides, there are jobs of `NewsletterWorker`. That class was deleted, and
nobody wants last week's newsletter any more.

Somebody has written `clean_up` with the four lines of the post. Rewrite it, so that afterwards

1. all jobs of `WelcomeWorker` that lay in `dead` are back in their queue, whatever they died of:
   the same jobs, under their old ids;
2. the jobs of `NewsletterWorker` are deleted: they lie in `dead` and in `retry`;
3. everything else is where it was.

`clean_up` only puts the jobs where they belong. Worker processes run them. In `make try-4`,
`monday_morning()` puts everything into Redis as it was that day.
Check it with: make check-4 (or: python -m lessons check 4)
"""

from lessons.kit import send_gif
from minijobs import DeadSet, Queue, RetrySet, ScheduledSet, Worker


class WelcomeWorker(Worker):
    retry = 1

    def perform(self, name):
        first = name.split()[0]
        send_gif(f"{first.lower()}@example.com", f"Welcome, {name}")


def clean_up():
    for queue in Queue.all():
        queue.clear()
    for jobs in (RetrySet(), ScheduledSet(), DeadSet()):
        jobs.clear()
