"""The poller: what is due goes back to its queue.

`schedule` and `retry` are sorted sets, scored with the moment of a job. No clock watches them. A job runs later because
somebody looks, now and then, for scores that have passed, and moves those jobs to their queues; until somebody looks,
nothing happens. Sidekiq: `Sidekiq::Scheduled::Poller`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import connection
from .job import dump, load
from .log import logger
from .retry import trim

if TYPE_CHECKING:
    from .connection import Redis

SETS = ("retry", "schedule")

# So many jobs are looked at in one round trip.
BATCH = 100

# One step of Redis's, and the job leaves last: if anything goes wrong it is where it was. Of two pollers that saw the same
# job, the second finds it gone and does nothing. Sidekiq pops and then pushes: a crash in between loses the job.
ENQUEUE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[3])
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
KILL = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
return redis.call('ZREM', KEYS[1], ARGV[1])
"""


def poll(redis: Redis | None = None, *, now: float | None = None) -> int:
    """Move every job that is due at `now`, in epoch seconds, to its queue, the earliest first. Gives back how many.

    Raises RedisUnavailable. Sidekiq: `Sidekiq::Scheduled::Enq#enqueue_jobs`.

    >>> import fakeredis
    >>> redis = fakeredis.FakeRedis()
    >>> redis.zadd("schedule", {'{"class":"Greet","args":[],"jid":"593f66432baeb76a116b7cac"}': 1000})
    1
    >>> poll(redis, now=999), poll(redis, now=1000), redis.llen("queue:default")
    (0, 1, 1)
    """
    client: Any = connection.current() if redis is None else redis
    now = time.time() if now is None else now
    moved = 0
    with connection.one_sentence(client, "polling for jobs that are due"):
        for name in SETS:
            while due := client.zrange(name, "-inf", now, byscore=True, offset=0, num=BATCH):
                moved += enqueue(client, name, due, now=now)
    return moved


def enqueue(redis: Redis, name: str, entries: Sequence[bytes], *, now: float, by_hand: bool = False) -> int:
    """Move these entries of the sorted set `name` to their queues, in one round trip. Gives back how many it still held.

    What is no job goes to `dead` as it is. A try that somebody asks for `by_hand` is not counted among the retries.
    """
    move, pipe = redis.register_script(ENQUEUE), redis.pipeline(transaction=False)
    for raw in entries:
        try:
            job = load(raw)
            job["enqueued_at"] = time.time()
            if by_hand and "retry_count" in job:
                job["retry_count"] -= 1
            payload = dump(job)
        except ValueError as error:  # BadPayload is one
            logger.error("no job in %s, so it goes to dead as it is: %s", name, error)
            kill(redis, name, [raw], now=now)
            continue
        queue = job.get("queue") or "default"
        move(keys=[name, "queues", f"queue:{queue}"], args=[raw, queue, payload], client=pipe)
    return int(sum(pipe.execute()))


def kill(redis: Redis, name: str, entries: Sequence[bytes], *, now: float) -> int:
    """Move these entries of the sorted set `name` to `dead`, as they are. Gives back how many it still held."""
    if name == "dead":  # there already; what is added and then taken away again would be gone
        return 0
    move, pipe = redis.register_script(KILL), redis.pipeline(transaction=False)
    for raw in entries:
        move(keys=[name, "dead"], args=[raw, now], client=pipe)
    moved = int(sum(pipe.execute()))
    trim(pipe, now=now)
    pipe.execute()
    return moved
