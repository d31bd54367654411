"""redis-py and nothing else: the limit. It keeps no promises: a job that was popped is gone when the process dies.

The payload looks like Sidekiq's and is made once, before the clock starts: only talking to Redis is measured.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import common
import redis

QUEUE = "queue:bare"
SLICE = 1_000  # commands in one round trip, when there are many

client = redis.Redis.from_url(common.REDIS_URL)
functions = {"noop": common.noop, "nap": common.nap, "stamp": common.stamp}


def payload(name: str, args: Sequence[object]) -> str:
    """One job."""
    job = {"class": name, "args": args, "retry": True, "queue": "bare", "jid": "adfa15f29ed6c09cda7f6973"}
    return json.dumps({**job, "created_at": 1532784329.095427, "enqueued_at": 1532784329.095466}, separators=(",", ":"))


def push(name: str, *args: object) -> None:
    client.lpush(QUEUE, payload(name, args))


def repeat(name: str, args: Sequence[object], count: int) -> None:
    text = payload(name, args)
    for _ in range(count):
        client.lpush(QUEUE, text)


def bulk(name: str, args: Sequence[object], count: int) -> None:
    text = payload(name, args)
    for start in range(0, count, SLICE):
        pipe = client.pipeline(transaction=False)
        for _ in range(min(SLICE, count - start)):
            pipe.lpush(QUEUE, text)
        pipe.execute()


def work(threads: int, level: str) -> None:
    while True:
        popped = client.brpop(QUEUE, timeout=2)
        if popped:
            job = json.loads(popped[1])
            functions[job["class"]](*job["args"])


if __name__ == "__main__":
    common.main(push, work, bulk=bulk, repeat=repeat)
