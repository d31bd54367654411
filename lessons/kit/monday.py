"""A Monday morning in Redis, for the exercise of lesson 4: what a weekend with a bug has left."""

from __future__ import annotations

import time
from typing import Any

from minijobs import connection
from minijobs.job import build, dump

HOUR = 60 * 60

# The Worker, its arguments, and what it failed with. The first three died of a mistake that is mended by now, or is not.
DEAD: list[tuple[str, list[Any], str, str]] = [
    ("WelcomeWorker", ["Plato"], "ValueError", "not enough values to unpack (expected 2, got 1)"),
    ("InvoiceWorker", [7], "ValueError", "could not convert string to float: 'seven'"),
    ("WelcomeWorker", ["Sappho"], "ValueError", "not enough values to unpack (expected 2, got 1)"),
    (
        "NewsletterWorker",
        ["last week", "ada@example.com"],
        "minijobs.worker.UnknownWorker",
        "No Worker is called NewsletterWorker.",
    ),
]
RETRY: list[tuple[str, list[Any], str, str]] = [
    (
        "NewsletterWorker",
        ["last week", "grace@example.com"],
        "minijobs.worker.UnknownWorker",
        "No Worker is called NewsletterWorker.",
    ),
    ("InvoiceWorker", [8], "ConnectionError", "nobody answers"),
]


def monday_morning() -> None:
    """Put the jobs there: two places with bad ones and good ones in them, a queue, and a job for later."""
    redis, now = connection.current(), time.time()
    for age, (name, args, kind, message) in enumerate(DEAD):
        redis.zadd("dead", {_failed(name, args, kind, message, now): now - (len(DEAD) - age) * HOUR})
    for age, (name, args, kind, message) in enumerate(RETRY, start=1):
        redis.zadd("retry", {_failed(name, args, kind, message, now): now + age * HOUR})
    redis.zadd("schedule", {dump(build({"class": "WelcomeWorker", "args": ["Hypatia"]}, now=now)): now + HOUR})
    redis.sadd("queues", "default")
    redis.lpush("queue:default", dump(build({"class": "WelcomeWorker", "args": ["Ada Lovelace"]}, now=now)))
    redis.set("visitors", 7)


def _failed(name: str, args: list[Any], kind: str, message: str, now: float) -> str:
    failed = {"error_class": kind, "error_message": message, "retry_count": 1, "failed_at": now - 20 * HOUR}
    return dump({**build({"class": name, "args": args, "retry": 1}, now=now - 21 * HOUR), **failed})
