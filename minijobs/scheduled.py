"""The poller: it moves jobs that are due back to their queues.

`schedule` and `retry` are sorted sets whose scores are the times at which jobs are due. Redis itself starts nothing: a job
runs later only because a poller looks, now and then, for scores that have passed, and moves those jobs to their queues.
Sidekiq: `Sidekiq::Scheduled::Poller`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from redis import RedisError, ResponseError

from . import connection
from .job import BadPayload, dump, load, stamp
from .log import logger
from .retry import trim, wrapped
from .scripts import EVEN_IF_FULL

if TYPE_CHECKING:
    from .connection import Redis

SETS = ("retry", "schedule")

# How many jobs are fetched in one round trip.
BATCH = 100

# One atomic step, in which the job is removed last: if anything goes wrong, it is still where it was. If two pollers saw the
# same job, the second finds it gone and does nothing. Sidekiq pops and then pushes: a crash in between loses the job.
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


def poll_interval(every: float, processes: int, uniform: Callable[[float, float], float]) -> float:
    """Return the seconds until a process polls again; `every` is the average between two polls of all processes together.

    With a fixed interval, processes that were started together would always poll together, and then nobody would for a
    while. `uniform` is that of a random.Random. Sidekiq: `random_poll_interval`.

    >>> poll_interval(5, 10, lambda least, most: least), poll_interval(5, 10, lambda least, most: most)
    (25.0, 75.0)
    """
    return every * max(1, processes) * uniform(0.5, 1.5)


def poll(redis: Redis | None = None, *, now: float | None = None) -> int:
    """Move every job that is due at `now`, in epoch seconds, to its queue, the earliest first. Returns how many.

    It also trims `dead`. A key of the wrong type is logged and skipped. Raises RedisUnavailable.
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
                stuck = 0  # how many could not be moved, and are skipped
                while due := client.zrange(name, "-inf", now, byscore=True, offset=stuck, num=BATCH):
                    moved += enqueue(client, name, due, now=now)
                    stuck += sum(score is not None for score in client.zmscore(name, due))
            except ResponseError as error:  # the others go on
                if connection.kind_of(error) != "entry":
                    raise
                logger.error("%s cannot be read, the others go on: %s", name, error)
    return moved


def enqueue(redis: Redis, name: str, entries: Sequence[bytes], *, now: float, by_hand: bool = False) -> int:
    """Move these entries of the sorted set `name` to their queues, in one round trip. Returns how many were still there.

    An entry that is not a job goes to `dead`: unchanged, or inside a job (see `retry.wrapped`). A try that somebody
    starts `by_hand` does not count as a retry; and if a key is of the wrong type, ResponseError is raised after the other
    entries were moved.
    """
    move, pipe, clock = redis.register_script(ENQUEUE), redis.pipeline(transaction=False), connection.now(redis)
    for raw in entries:
        try:
            job = load(raw)
            job["enqueued_at"] = stamp(clock)
            if by_hand and job.get("retry_count") is not None:
                job["retry_count"] -= 1
            payload = dump(job)
        except ValueError as error:  # BadPayload is one
            logger.error("no job in %s, so it goes to dead: %s", name, error)
            kill(redis, name, [raw], now=now, error=error, by_hand=by_hand)
            continue
        queue = job.get("queue") or "default"
        move(keys=[name, "queues", f"queue:{queue}"], args=[raw, queue, payload], client=pipe)
    return _moved(pipe, name, by_hand)


def kill(
    redis: Redis, name: str, entries: Sequence[bytes], *, now: float, error: Exception | None = None, by_hand: bool = False
) -> int:
    """Move these entries of the sorted set `name` to `dead`. Returns how many were still there.

    A job moves unchanged. What would break Sidekiq's page of dead jobs is put inside one, with `error`: see `retry.wrapped`.
    `by_hand` is as in `enqueue`.
    """
    if name == "dead":  # already there; the script would add it and then remove it
        return 0
    move, pipe = redis.register_script(KILL), redis.pipeline(transaction=False)
    # Each has a score of its own: to move one entry, Sidekiq's API takes all those with its score out of the set, and then
    # puts the others back.
    for number, raw in enumerate(entries, 1 - len(entries)):
        payload = wrapped(raw, error or BadPayload("it must be an object"), now=now)
        move(keys=[name, "dead"], args=[raw, now + number / 1e6, payload], client=pipe)
    return _moved(pipe, name, by_hand)


def _moved(pipe: Any, name: str, by_hand: bool) -> int:
    """Run the pipeline and return how many entries were moved. One stays if a key is of the wrong type; the others go on."""
    replies = pipe.execute(raise_on_error=False)
    for reply in replies:
        if isinstance(reply, RedisError):
            if by_hand or connection.kind_of(reply) != "entry":
                raise reply
            logger.error("a job in %s cannot be moved: %s", name, reply)
    return sum(int(reply) for reply in replies if not isinstance(reply, RedisError))
