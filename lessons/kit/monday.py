"""A Monday morning in Redis, for the exercise of lesson 4: what a weekend with a bug has left."""

from __future__ import annotations

import time
from collections.abc import Sequence

from minijobs import UnitOfWork, UnknownWorker, connection
from minijobs.job import build, dump
from minijobs.retry import record_failure

HOUR = 60 * 60

BUG = ValueError("not enough values to unpack (expected 2, got 1)")
AWAY = ConnectionError("nobody answers")


def monday_morning(names: Sequence[str] = ("Plato", "Sappho", "Zeno")) -> None:
    """Put the jobs of that Monday into Redis. `names` are the people whom nobody has welcomed yet, at least two.

    There are good and bad jobs in each place, jobs of one class with different errors, and one error with different classes.
    """
    redis, now = connection.current(), time.time()
    first, *between, last = names
    dead = [
        ("WelcomeWorker", [first], BUG),
        ("InvoiceWorker", [7], ValueError("could not convert string to float: 'seven'")),
        *(("WelcomeWorker", [name], BUG) for name in between),
        ("CertificateWorker", ["Seneca"], BUG),
        ("NewsletterWorker", ["last week", "ada@example.com"], UnknownWorker("No Worker is called NewsletterWorker.")),
        ("SendUserGifWorker", ["grace@example.com", "a cat"], UnknownWorker("No Worker is called SendUserGifWorker.")),
        ("WelcomeWorker", [last], AWAY),
    ]
    retry = [
        ("NewsletterWorker", ["last week", "grace@example.com"], UnknownWorker("No Worker is called NewsletterWorker.")),
        ("InvoiceWorker", [8], AWAY),
        ("WelcomeWorker", ["Hannah Arendt"], AWAY),
    ]
    for age, (name, args, error) in enumerate(dead):
        died = now - (len(dead) - age) * 8 * HOUR
        redis.zadd("dead", {failed_twice(name, args, error, died, retry=1): died})
    for age, (name, args, error) in enumerate(retry, start=1):
        redis.zadd("retry", {failed_twice(name, args, error, now, retry=True): now + age * HOUR})
    redis.zadd("schedule", {dump(build({"class": "WelcomeWorker", "args": ["Hypatia"]}, now=now)): now + HOUR})
    redis.sadd("queues", "default")
    redis.lpush("queue:default", dump(build({"class": "WelcomeWorker", "args": ["Ada Lovelace"]}, now=now)))
    redis.set("visitors", 7)


def failed_twice(
    name: str, args: Sequence[object], error: Exception, last: float, *, retry: bool | int, queue: str = "default"
) -> str:
    """A job that failed with this error an hour before `last`, in epoch seconds, and again at `last`."""
    job = build({"class": name, "args": list(args), "retry": retry, "queue": queue}, now=last - HOUR)
    for moment in (last - HOUR, last):
        job = record_failure(UnitOfWork(queue, b""), job, error, now=moment)
    return dump(job)
