"""The poller: what is due goes back to its queue.

`schedule` and `retry` are sorted sets, scored with the moment of a job. No clock watches them. A job runs later because
somebody looks, now and then, for scores that have passed, and moves those jobs to their queues; until somebody looks,
nothing happens. Sidekiq: `Sidekiq::Scheduled::Poller`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from redis import RedisError, ResponseError

from . import connection
from .job import BadPayload, dump, load
from .log import logger
from .retry import trim, wrapped
from .scripts import EVEN_IF_FULL

if TYPE_CHECKING:
    from redis.client import Pipeline

    from .connection import Redis

SETS = ("retry", "schedule")

# So many jobs are looked at in one round trip.
BATCH = 100

# One step of Redis's, and the job leaves last: if anything goes wrong it is where it was. Of two pollers that saw the same
# job, the second finds it gone and does nothing. Sidekiq pops and then pushes: a crash in between loses the job.
ENQUEUE = f"""
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
{EVEN_IF_FULL}
redis.call('SADD', KEYS[2], ARGV[2])
redis.call('LPUSH', KEYS[3], ARGV[3])
return redis.call('ZREM', KEYS[1], ARGV[1])
"""
KILL = f"""
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
{EVEN_IF_FULL}
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[3])
return redis.call('ZREM', KEYS[1], ARGV[1])
"""


def poll(redis: Redis | None = None, *, now: float | None = None) -> int:
    """Move every job that is due at `now`, in epoch seconds, to its queue, the earliest first. Returns how many.

    A key of another type is passed by, and the log says so. Raises RedisUnavailable.
    Sidekiq: `Sidekiq::Scheduled::Enq#enqueue_jobs`.

    >>> import fakeredis
    >>> redis = fakeredis.FakeRedis()
    >>> redis.zadd("schedule", {'{"class":"Greet","args":[],"jid":"593f66432baeb76a116b7cac"}': 1000})
    1
    >>> poll(redis, now=999), poll(redis, now=1000), redis.llen("queue:default")
    (0, 1, 1)
    """
    client: Any = connection.current() if redis is None else redis
    moved = 0
    with connection.translate_errors(client, "polling for jobs that are due"):
        clock = connection.now(client)
        now = clock if now is None else now
        for name in (*SETS, "dead"):
            try:
                if name == "dead":
                    trim(client, now=clock)
                    continue
                stuck = 0  # so many could not be moved, and are passed by
                while due := client.zrange(name, "-inf", now, byscore=True, offset=stuck, num=BATCH):
                    moved += enqueue(client, name, due, now=now)
                    stuck += sum(score is not None for score in client.zmscore(name, due))
            except ResponseError as error:  # the others go on
                if connection.kind_of(error) != "entry":
                    raise
                logger.error("%s cannot be read, the others go on: %s", name, error)
    return moved


def enqueue(redis: Redis, name: str, entries: Sequence[bytes], *, now: float, by_hand: bool = False) -> int:
    """Move these entries of the sorted set `name` to their queues, in one round trip. Returns how many it still held.

    What is no job goes to `dead`: as it is, or inside an object (see `retry.wrapped`). A try that somebody asks for
    `by_hand` is not counted among the retries; and if a key is of another type, who asked hears of it: ResponseError, once
    the others were moved.
    """
    move, pipe, clock = redis.register_script(ENQUEUE), redis.pipeline(transaction=False), connection.now(redis)
    for raw in entries:
        try:
            job = load(raw)
            job["enqueued_at"] = clock
            if by_hand and job.get("retry_count") is not None:
                job["retry_count"] -= 1
            payload = dump(job)
        except ValueError as error:  # BadPayload is one
            logger.error("no job in %s, so it goes to dead as it is: %s", name, error)
            kill(redis, name, [raw], now=now, error=error, by_hand=by_hand)
            continue
        queue = job.get("queue") or "default"
        move(keys=[name, "queues", f"queue:{queue}"], args=[raw, queue, payload], client=pipe)
    return _moved(pipe, name, by_hand)


def kill(
    redis: Redis,
    name: str,
    entries: Sequence[bytes],
    *,
    now: float,
    error: Exception | None = None,
    by_hand: bool = False,
) -> int:
    """Move these entries of the sorted set `name` to `dead`, as they are. Returns how many it still held.

    What is JSON but no object is kept there inside of one, with `error`. `by_hand` is as in `enqueue`.
    """
    if name == "dead":  # there already; what is added and then taken away again would be gone
        return 0
    move, pipe = redis.register_script(KILL), redis.pipeline(transaction=False)
    for raw in entries:
        payload = wrapped(raw, error or BadPayload("it must be an object"), now=now)
        move(keys=[name, "dead"], args=[raw, now, payload], client=pipe)
    return _moved(pipe, name, by_hand)


def _moved(pipe: Pipeline, name: str, by_hand: bool) -> int:
    """How many were moved. One that cannot be, since a key is of another type, stays where it is; the others go on."""
    answers = pipe.execute(raise_on_error=False)
    for answer in answers:
        if isinstance(answer, RedisError):
            if by_hand or connection.kind_of(answer) != "entry":
                raise answer
            logger.error("a job in %s cannot be moved: %s", name, answer)
    return sum(int(answer) for answer in answers if not isinstance(answer, RedisError))
