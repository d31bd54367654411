"""After a crash: rescuing the jobs of a dead process.

A process that was killed cannot requeue the jobs that it was running. They are still in its in-flight lists, whose names
are in the set `inflight`. From time to time the poller of every worker process looks there for lists whose owner's heartbeat
has expired (see `server`). How long a job has been running does not matter: a slow job is no orphan. (A new process in place
of the dead one is another matter: see `cli/supervisor`.) Sidekiq: the paid `super_fetch`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from redis import ResponseError

from . import connection, retry
from .clock import monotonic
from .fetch import forget
from .heartbeat import living
from .job import dump, load, seconds, stamp
from .log import logger
from .scripts import EVEN_IF_FULL

if TYPE_CHECKING:
    from .connection import Redis
    from .heartbeat import Heartbeat

# At this rescue a job goes to `dead`: it has probably killed its processes. Sidekiq calls such a job a poison pill.
MAX_RESCUES = 3

# Seconds after which a job's earlier rescues no longer count. Sidekiq: the same, in `super_fetch`.
RESCUE_FADES = 72 * 60 * 60

# One atomic step, so that of two rescuers the second finds nothing. It checks again that the job is still there and that its
# owner has no heartbeat, and that Redis knows the rescuer's last beat; if not, Redis was restored from an older snapshot, in
# which living processes look dead. KEYS: the in-flight list, the job's destination, the owner's heartbeat, the rescuer's.
# ARGV: the entry, the entry to store at the destination, its score for a sorted set or "", the rescuer's last beat or "".
RESCUE = f"""
if not redis.call('LPOS', KEYS[1], ARGV[1]) or redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
if ARGV[4] ~= '' and redis.call('HGET', KEYS[4], 'beat') ~= ARGV[4] then return 0 end
{EVEN_IF_FULL}
if ARGV[3] == '' then
    redis.call('RPUSH', KEYS[2], ARGV[2])
else
    redis.call('ZADD', KEYS[2], ARGV[3], ARGV[2])
end
return redis.call('LREM', KEYS[1], 1, ARGV[1])
"""


class PoisonPill(Exception):
    """A job whose process died again and again while it ran. The message is stored with the job in `dead`."""


def rescue_orphans(
    redis: Redis | None = None, *, now: float | None = None, patience: float = float("inf"), heart: Heartbeat | None = None
) -> int:
    """Requeue every job of a process whose heartbeat has expired, or, on its third rescue, send it to `dead`.

    Returns how many jobs were rescued. A job that is sent to `dead` has a message that says why. The count starts over if
    the last rescue was more than 72 hours ago. Call this only after Redis has been reachable for longer than the key of a
    heartbeat lasts: before, the living may look dead (see `Heartbeat.may_rescue`). Nothing is rescued if Redis takes more
    than `patience` seconds to say which processes are alive, because it may have been unreachable; nor if it does not have
    the last beat of `heart`, the caller's own. `now` is in epoch seconds. Raises RedisUnavailable.

    >>> import fakeredis
    >>> redis = fakeredis.FakeRedis()
    >>> _ = redis.sadd("inflight", "host:1:abc|default")
    >>> _ = redis.lpush("inflight:host:1:abc|default", '{"class":"Greet","args":[],"jid":"593f66432baeb76a116b7cac"}')
    >>> rescue_orphans(redis), redis.llen("queue:default"), redis.exists("inflight")
    (1, 1, 0)
    """
    client: Any = connection.current() if redis is None else redis
    rescued = 0
    with connection.translate_errors(client, "rescuing the jobs of dead processes"):
        now = connection.now(client) if now is None else now
        sent_at = monotonic()
        names = sorted(client.smembers("inflight"))
        lives = living(client, [_owner(name) for name in names])
        if monotonic() - sent_at > patience:
            return 0
        for name in (name for name, alive in zip(names, lives, strict=True) if not alive):
            try:
                rescued += _rescue_list(client, name, now, heart)
                forget(client, name)
            except ResponseError as error:  # a key of another type: go on with the other lists
                if connection.kind_of(error) != "entry":
                    raise
                logger.error("the jobs in inflight:%s cannot be rescued: %s", name.decode(errors="replace"), error)
    return rescued


def count_rescuers(redis: Redis) -> int:
    """Return how many living processes have in-flight lists. About as many rescue; a process of Ruby's Sidekiq has none."""
    names: Any = redis.smembers("inflight")
    return sum(living(redis, sorted({_owner(name) for name in names})))


def _owner(name: bytes) -> bytes:
    return name.partition(b"|")[0]


def _rescue_list(redis: Redis, name: bytes, now: float, heart: Heartbeat | None) -> int:
    """Requeue the jobs of one list, the last fetched first, so that the oldest will be fetched first again."""
    key, queue, rescue = b"inflight:" + name, name.rpartition(b"|")[2], redis.register_script(RESCUE)
    if redis.type(key) != b"list":  # empty, or sealed: see fetch
        return 0
    identity, beat = (heart.identity, heart.last_beat) if heart else ("", "")
    entries: Any = redis.lrange(key, 0, -1)
    rescued = 0
    for raw in entries:
        payload, poison = _count_rescue(raw, now)
        to, score = (b"queue:" + queue, "") if poison is None else (b"dead", str(now))
        if rescue(keys=[key, to, _owner(name), identity], args=[raw, payload, score, beat]):
            rescued += 1
            if poison is not None:
                retry.run_death_handlers(load(payload), poison)
            logger.warning("rescued from a dead process: %s", poison or payload.decode(errors="backslashreplace"))
    return rescued


def _count_rescue(raw: bytes, now: float) -> tuple[bytes, PoisonPill | None]:
    """The entry with "rescued" incremented, and the reason if the job must die. Unreadable entries are not counted."""
    try:
        job = load(raw)
        count = int(job.get("rescued") or 0) + 1
        if now - (seconds(job.get("rescued_at")) or now) > RESCUE_FADES:
            count = 1
        job |= {"rescued": count, "rescued_at": stamp(now)}
        if count < MAX_RESCUES:
            return dump(job).encode(), None
        poison = PoisonPill(f"{job['class']} JID-{job['jid']}: its process died {count} times while it ran; not tried again")
        job |= {"error_message": str(poison), "error_class": "minijobs.PoisonPill"}
        return dump(job).encode(), poison
    except Exception:  # requeued unchanged, whatever is wrong with it: it must not keep the others from being rescued
        return raw, None
