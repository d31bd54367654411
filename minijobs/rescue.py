"""Giving back what a dead process held.

A process that was killed cannot give back the jobs that it was running. They lie in its in-flight lists, and the set
`inflight` knows the names of those. Any living process looks there, now and then, for lists whose owner's heartbeat has
expired. Never by elapsed time: a slow job is not a dead one. Sidekiq: the paid `super_fetch`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from . import connection, retry
from .fetch import GIVE_BACK
from .heartbeat import living
from .job import dump, load
from .log import logger

if TYPE_CHECKING:
    from .connection import Redis

# A job that was rescued so often has probably killed its processes. Sidekiq calls it a poison pill.
MOST_RESCUES = 3

# One step, as GIVE_BACK is, so that of two rescuers the second finds nothing.
BURY = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
return 1
"""
# An empty list's name leaves the index, unless its owner has woken up meanwhile.
FORGET = """
if redis.call('EXISTS', KEYS[2], KEYS[3]) == 0 then redis.call('SREM', KEYS[1], ARGV[1]) end
"""


class PoisonPill(Exception):
    """A job whose process died again and again while it ran. Its message is what `dead` tells of it."""


def rescue_orphans(redis: Redis | None = None, *, now: float | None = None, patience: float = float("inf")) -> int:
    """Give back every job of a process whose heartbeat has expired. Gives back how many there were.

    The third rescue of a job sends it to `dead` instead, with a message that says so. Only call it when Redis has been
    there for longer than a heartbeat lasts: before that, living processes may look dead (see `Heartbeat.steady`). If Redis
    takes more than `patience` seconds to say who lives, it was not there, and nobody is rescued. Raises RedisUnavailable.

    >>> import fakeredis
    >>> redis = fakeredis.FakeRedis()
    >>> _ = redis.sadd("inflight", "host:1:abc|default")
    >>> _ = redis.lpush("inflight:host:1:abc|default", '{"class":"Greet","args":[],"jid":"593f66432baeb76a116b7cac"}')
    >>> rescue_orphans(redis), redis.llen("queue:default"), redis.exists("inflight")
    (1, 1, 0)
    """
    client: Any = connection.current() if redis is None else redis
    now = time.time() if now is None else now
    rescued = 0
    with connection.one_sentence(client, "rescuing the jobs of dead processes"):
        asked = time.monotonic()
        names = sorted(client.smembers("inflight"))
        owners = [name.rpartition(b"|")[0] for name in names]
        lives = living(client, owners)
        if time.monotonic() - asked > patience:
            return 0
        for name, owner, alive in zip(names, owners, lives, strict=True):
            if not alive:
                rescued += _empty(client, name, now)
                client.register_script(FORGET)(keys=["inflight", b"inflight:" + name, owner], args=[name])
    return rescued


def _empty(redis: Redis, name: bytes, now: float) -> int:
    """Give back what lies in one list, the one that was fetched last first: so the oldest is taken first again."""
    key, queue = b"inflight:" + name, name.rpartition(b"|")[2]
    give_back, to_dead = redis.register_script(GIVE_BACK), redis.register_script(BURY)
    entries: Any = redis.lrange(key, 0, -1)
    rescued = 0
    for raw in entries:
        payload, poison = _rescued_once_more(raw)
        if poison is None:
            done: Any = give_back(keys=[key, b"queue:" + queue], args=[raw, payload])
        else:
            done = to_dead(keys=[key, "dead"], args=[raw, payload, now])
        if done:
            rescued += 1
            if poison is not None:
                retry.run_death_handlers(load(payload), poison)
            logger.warning("rescued from a dead process: %s", poison or payload.decode(errors="backslashreplace"))
    return rescued


def _rescued_once_more(raw: bytes) -> tuple[bytes, PoisonPill | None]:
    """The entry with one more in "rescued", and why it must die, if it must. What cannot be read is not counted."""
    try:
        job = load(raw)
        job["rescued"] = count = int(job.get("rescued") or 0) + 1
        if count < MOST_RESCUES:
            return dump(job).encode(), None
        poison = PoisonPill(f"{job['class']} JID-{job['jid']}: its process died {count} times while it ran; not tried again")
        job |= {"error_message": str(poison), "error_class": "minijobs.PoisonPill"}
        return dump(job).encode(), poison
    except Exception:  # whatever is wrong with it, the others behind it are rescued, and it goes back as it is
        return raw, None
