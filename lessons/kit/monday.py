"""A Monday morning in Redis, for the exercise of lesson 4: what a weekend with a bug has left."""

from __future__ import annotations

import time
from collections.abc import Sequence

from minijobs import connection
from minijobs.job import build, dump

HOUR = 60 * 60

BUG = ("ValueError", "not enough values to unpack (expected 2, got 1)")
AWAY = ("ConnectionError", "nobody answers")
UNKNOWN = ("minijobs.worker.UnknownWorker", "No Worker is called {}.")


def monday_morning(names: Sequence[str] = ("Plato", "Sappho", "Zeno")) -> None:
    """Put the jobs there. `names` are those whom nobody has welcomed; two at least.

    There are good and bad jobs in each place, jobs of one class with different errors, and one error with different classes.
    """
    redis, now = connection.current(), time.time()
    first, *between, last = names
    dead = [
        ("WelcomeWorker", [first], BUG),
        ("InvoiceWorker", [7], ("ValueError", "could not convert string to float: 'seven'")),
        *(("WelcomeWorker", [name], BUG) for name in between),
        ("CertificateWorker", ["Seneca"], BUG),
        ("NewsletterWorker", ["last week", "ada@example.com"], UNKNOWN),
        ("SendUserGifWorker", ["grace@example.com", "a cat"], UNKNOWN),
        ("WelcomeWorker", [last], AWAY),
    ]
    retry = [
        ("NewsletterWorker", ["last week", "grace@example.com"], UNKNOWN),
        ("InvoiceWorker", [8], AWAY),
        ("WelcomeWorker", ["Hannah Arendt"], AWAY),
    ]
    for age, (name, args, error) in enumerate(dead):
        redis.zadd("dead", {_failed(name, args, error, now, retry=1): now - (len(dead) - age) * HOUR})
    for age, (name, args, error) in enumerate(retry, start=1):
        redis.zadd("retry", {_failed(name, args, error, now, retry=True): now + age * HOUR})
    redis.zadd("schedule", {dump(build({"class": "WelcomeWorker", "args": ["Hypatia"]}, now=now)): now + HOUR})
    redis.sadd("queues", "default")
    redis.lpush("queue:default", dump(build({"class": "WelcomeWorker", "args": ["Ada Lovelace"]}, now=now)))
    redis.set("visitors", 7)


def _failed(name: str, args: Sequence[object], error: tuple[str, str], now: float, *, retry: bool | int) -> str:
    kind, message = error
    failed = {"error_class": kind, "error_message": message.format(name), "retry_count": 1, "failed_at": now - 20 * HOUR}
    return dump({**build({"class": name, "args": list(args), "retry": retry}, now=now - 21 * HOUR), **failed})
