"""The poller: what is due goes back to its queue.

`schedule` and `retry` are sorted sets, scored with the moment of a job. No clock watches them. A job runs later because
somebody looks, now and then, for scores that have passed, and moves those jobs to their queues; until somebody looks,
nothing happens. Sidekiq: `Sidekiq::Scheduled::Poller`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import connection
from .job import dump, load
from .log import logger
from .retry import bury

if TYPE_CHECKING:
    from .connection import Redis

SETS = ("retry", "schedule")

# So many jobs are looked at in one round trip.
BATCH = 100

# One step of Redis's. Of two pollers that saw the same job, the second finds it gone and does nothing; a crash finds the job
# in the set or in the queue. Sidekiq pops and then pushes: a crash in between loses the job.
MOVE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[3])
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
    redis = connection.current() if redis is None else redis
    now = time.time() if now is None else now
    with connection.one_sentence(redis, "polling for jobs that are due"):
        return sum(_move_due(redis, name, now) for name in SETS)


def _move_due(redis: Redis, name: str, now: float) -> int:
    move = redis.register_script(MOVE)
    moved = 0
    while True:
        due: Any = redis.zrange(name, "-inf", now, byscore=True, offset=0, num=BATCH)
        if not due:
            return moved
        pipe = redis.pipeline(transaction=False)
        for raw in due:
            try:
                job = load(raw)
                job["enqueued_at"] = time.time()
                payload = dump(job)
            except ValueError as error:  # BadPayload is one
                logger.error("no job in %s, so it goes to dead as it is: %s", name, error)
                _bury(redis, name, raw, now)
                continue
            queue = job.get("queue") or "default"
            move(keys=[name, "queues", f"queue:{queue}"], args=[raw, queue, payload], client=pipe)
        moved += sum(pipe.execute())


def _bury(redis: Redis, name: str, raw: bytes, now: float) -> None:
    """From the set to `dead`, untouched. Two pollers may both do it: a sorted set holds a member once."""
    multi = redis.pipeline(transaction=True)
    multi.zrem(name, raw)
    bury(multi, raw, now=now)
    multi.execute()
