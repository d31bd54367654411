"""Looking at the jobs in Redis, and moving them by hand. Running jobs needs none of this.

    Queue           jobs that wait for a worker process
    ScheduledSet    jobs that were pushed for later
    RetrySet        jobs that failed, and will be tried again
    DeadSet         jobs that will not be tried again, and entries that were not jobs

For running jobs, see `overview`; for statistics, `stats`; to delete everything, see `clearing`. Sidekiq: `sidekiq/api`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from redis import ResponseError

from . import connection, scheduled
from .backtrace import unpack
from .fields import plain, wrong_field
from .job import BadPayload, Job, peek, seconds
from .retry import trim

if TYPE_CHECKING:
    from .connection import Redis

PAGE = 100

# How many jobs are moved or deleted in one round trip, during which Redis does nothing else.
BATCH = 1_000

# Each is one atomic step in Redis that first checks the types of the keys, and whether anything is left to do.
RESCHEDULE = """
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], 'XX', ARGV[2], ARGV[1])
return 1
"""
CLEAR = """
redis.call('SISMEMBER', KEYS[2], ARGV[2])
local size = redis.call('LLEN', KEYS[1])
local gone = math.min(size, tonumber(ARGV[1]))
if gone > 0 then redis.call('LTRIM', KEYS[1], 0, -gone - 1) end
if gone == size then redis.call('SREM', KEYS[2], ARGV[2]) end
return gone
"""

Progress = Callable[[int], object]
"""Called from time to time with the number of jobs that have been moved or deleted so far."""


class JobRecord:
    """One entry, decoded as far as possible; `raw` is the bytes in Redis. Sidekiq: `Sidekiq::JobRecord`."""

    def __init__(self, raw: bytes, queue: str | None = None, home: Entries[Any] | None = None) -> None:
        self.raw = raw
        try:
            self.item: Job = peek(raw)
        except BadPayload:
            self.item = {}
        self.queue: str | None = queue or self.item.get("queue")
        """The name of the queue that it is in or came from."""
        self._home = home

    @property
    def jid(self) -> str | None:
        """The job's id, or None if it has none or cannot be read."""
        return self.item.get("jid")

    @property
    def class_name(self) -> str | None:
        """The name of the job's Worker. Sidekiq: `klass`."""
        return self.item.get("class")

    @property
    def args(self) -> list[Any]:
        """The job's arguments."""
        return list(self.item.get("args", []))

    @property
    def error_backtrace(self) -> list[str]:
        """Where it failed, innermost call first; empty unless its Worker asked for a backtrace. Sidekiq: the same name."""
        return unpack(self["error_backtrace"])

    def at(self, field: str) -> float | None:
        """The time in `field` ("created_at", "enqueued_at", "failed_at" or "retried_at") in epoch seconds, or None."""
        return seconds(self[field])

    def latency(self, *, now: float | None = None) -> float:
        """Seconds since it was enqueued or, failing that, created; 0 if neither is known. Sidekiq: the same name."""
        since = self.at("enqueued_at") or self.at("created_at")
        return 0.0 if since is None else (time.time() if now is None else now) - since

    def delete(self) -> bool:
        """Delete it from where it was found. Returns whether it was still there. Sidekiq: the same name."""
        return self._home is not None and self._home.gone(self._home.remove(self.raw))

    def __getitem__(self, field: str) -> Any:
        return self.item.get(field)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.class_name} {self.args} jid={self.jid}>"


class SortedEntry(JobRecord):
    """A job in a sorted set; its `score` is a time in epoch seconds. Sidekiq: `Sidekiq::SortedEntry`."""

    def __init__(self, raw: bytes, score: float, home: JobSet) -> None:
        super().__init__(raw, home=home)
        self.score = score
        self._set = home

    def retry(self) -> bool:
        """Move it to its queue now, without counting this as a retry. Returns whether it was still there.

        An entry that is not a job goes to `dead` instead. Sidekiq: the same name; for a scheduled job, `add_to_queue`.
        """
        return self._set.gone(self._set.enqueue([self.raw]))

    def kill(self) -> bool:
        """Move it to `dead`, where a person can look at it. Returns whether it was still there. Sidekiq: the same name.

        JSON that is not an object is wrapped in one: see `retry.wrapped`. If there are too many dead jobs, the oldest are
        removed.
        """
        return self._set.gone(self._set.bury([self.raw]))

    def reschedule(self, when: float) -> bool:
        """Set its score to `when`, in epoch seconds. Returns whether it was still there. Raises ValueError for what no push
        takes as "at", such as milliseconds. Sidekiq: the same name."""
        if wrong := wrong_field({"at": (when := plain(when))}):
            raise ValueError(f"{wrong}.")
        if there := bool(self._set.redis.register_script(RESCHEDULE)(keys=[self._set.key], args=[self.raw, when])):
            self.score = when
        return there


Record = TypeVar("Record", bound=JobRecord)


class Entries(Generic[Record]):
    """The common base of Queue and JobSet: entries that are read page by page."""

    def __init__(self, key: str | bytes, redis: Redis | None) -> None:
        self.key = key
        self.redis: Any = connection.current() if redis is None else redis
        self._gone = 0

    def page(self, start: int, size: int = PAGE) -> list[Record]:
        """Return up to `size` entries, from index `start` on; the first is 0."""
        raise NotImplementedError

    def remove(self, raw: bytes) -> int:
        """Delete one entry equal to `raw`. Returns how many were deleted: 1 or 0."""
        raise NotImplementedError

    def __iter__(self) -> Iterator[Record]:
        seen, gone = 0, self._gone
        # Entries that are deleted on the way move the rest up. Changes by others may hide an entry, or show it twice.
        while page := self.page(seen - (self._gone - gone)):
            yield from page
            seen += len(page)

    def gone(self, count: int) -> bool:
        """Record that `count` of the entries handed out were removed. Returns whether `count` is above 0."""
        self._gone += count
        return count > 0


class Queue(Entries[JobRecord]):
    """The jobs that wait in one queue, the next one first. Sidekiq: `Sidekiq::Queue`.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> jid = minijobs.Client().push({"class": "SendGif", "args": ["ada@example.com"]})
    >>> queue = Queue("default")
    >>> len(queue), queue.find(jid).args
    (1, ['ada@example.com'])
    >>> queue.find(jid).delete(), len(queue)
    (True, 0)
    """

    def __init__(self, name: str = "default", redis: Redis | None = None) -> None:
        name = plain(name)
        if not isinstance(name, str):
            raise ValueError(f'"queue" is {name!r} and must be text.')
        raw = f"queue:{name}".encode(errors="surrogateescape")
        super().__init__(f"queue:{name}" if name.isprintable() else raw, redis)  # a lone surrogate is not printable
        self.name = name

    @classmethod
    def all(cls, redis: Redis | None = None) -> list[Queue]:
        """Every queue in the set `queues`, sorted by name. Sidekiq: the same name."""
        client: Any = connection.current() if redis is None else redis
        return cls.named(client.smembers("queues"), client)

    @classmethod
    def named(cls, names: Iterable[bytes], redis: Redis | None = None) -> list[Queue]:
        """The queues with these names, sorted; bytes that are not UTF-8 become lone surrogates, as in file names."""
        return [cls(name.decode(errors="surrogateescape"), redis) for name in sorted(names)]

    def __len__(self) -> int:
        return int(self.redis.llen(self.key))

    def page(self, start: int, size: int = PAGE) -> list[JobRecord]:
        """Return up to `size` entries, from index `start` on; 0 is the one that is fetched next."""
        entries = self.redis.lrange(self.key, -start - size, -start - 1)
        return [JobRecord(raw, self.name, self) for raw in reversed(entries)]

    def find(self, jid: str) -> JobRecord | None:
        """The job with this id, or None. Searches one job after the other. Sidekiq: `find_job`."""
        return next((record for record in self if record.jid == jid), None)

    def latency(self, *, now: float | None = None) -> float:
        """Seconds for which the next job has been waiting; 0 if there is none, or if unknown. Sidekiq: the same name."""
        return next((record.latency(now=now) for record in self.page(0, 1)), 0.0)

    def clear(self, progress: Progress = bool) -> int:
        """Delete its jobs, and its name from `queues`. Returns how many jobs were deleted. Sidekiq: the same name."""
        clear, size, done = self.redis.register_script(CLEAR), len(self), 0
        name = self.name.encode(errors="surrogateescape")
        while gone := clear(keys=[self.key, "queues"], args=[min(BATCH, size - done), name]):
            done += gone
            progress(done)
        return done

    def remove(self, raw: bytes) -> int:
        """Delete the entry equal to `raw` that is fetched next. Returns how many were deleted: 1 or 0."""
        return int(self.redis.lrem(self.key, -1, raw))


class JobSet(Entries[SortedEntry]):
    """A sorted set of jobs, earliest first. Sidekiq: `Sidekiq::JobSet`."""

    name: ClassVar[str]

    def __init__(self, redis: Redis | None = None) -> None:
        super().__init__(self.name, redis)

    def __len__(self) -> int:
        return int(self.redis.zcard(self.key))

    def page(self, start: int, size: int = PAGE) -> list[SortedEntry]:
        """Return up to `size` entries, from index `start` on; 0 is the earliest."""
        found = self.redis.zrange(self.key, start, start + size - 1, withscores=True)
        return [SortedEntry(raw, score, self) for raw, score in found]

    def __iter__(self) -> Iterator[SortedEntry]:
        seen, gone = 0, self._gone
        moved: set[bytes] = set()
        while page := self.page(seen - (self._gone - gone)):
            scores, last = [entry.score for entry in page], (page[-1].score, page[-1].raw)
            yield from (entry for entry in page if entry.raw not in moved)
            # Entries rescheduled on the way are not shown again; those that move past this page move the rest up.
            again = [entry for entry, score in zip(page, scores, strict=True) if entry.score != score]
            moved |= {entry.raw for entry in again}
            seen += len(page) - sum((entry.score, entry.raw) > last for entry in again)

    def scan(self, text: str) -> Iterator[SortedEntry]:
        """The entries that contain this text, in no particular order. Redis does the search. Sidekiq: the same name."""
        pattern = "".join(f"\\{sign}" if sign in "*?[]^\\" else sign for sign in text)
        for raw, score in self.redis.zscan_iter(self.key, match=f"*{pattern}*", count=BATCH):
            yield SortedEntry(raw, score, self)

    def find(self, jid: str) -> SortedEntry | None:
        """The job with this id, or None. Sidekiq: `find_job`."""
        # Other characters than these may be written as escapes, each in several ways. A usual jid has none of them.
        part = max(re.findall(r"[\w-]*", jid, re.ASCII), key=len)
        return next((entry for entry in self.scan(part) if entry.jid == jid), None)

    def retry_all(self, progress: Progress = bool) -> int:
        """Move every job that is in it now to its queue. Returns how many were moved. Sidekiq: the same name."""
        return self._in_batches(self.enqueue, progress)

    def kill_all(self, progress: Progress = bool) -> int:
        """Move every job that is in it now to `dead`. Returns how many were moved. Sidekiq: the same name."""
        return self._in_batches(self.bury, progress)

    def clear(self, progress: Progress = bool) -> int:
        """Delete every job that is in it now. Returns how many were deleted. Sidekiq: the same name."""
        return self._in_batches(lambda entries: self.redis.zrem(self.key, *entries), progress)

    def enqueue(self, entries: list[bytes]) -> int:
        """Move these entries to their queues. Returns how many were still there."""
        return scheduled.enqueue(self.redis, self.name, entries, now=connection.now(self.redis), by_hand=True)

    def bury(self, entries: list[bytes]) -> int:
        """Move these entries to `dead`, and trim it if there are too many. Returns how many were still there."""
        now = connection.now(self.redis)
        moved = scheduled.kill(self.redis, self.name, entries, now=now, by_hand=True)
        if moved:
            trim(self.redis, now=now)  # worker processes do this from time to time, but there may be none
        return moved

    def remove(self, raw: bytes) -> int:
        """Delete this entry. Returns how many were deleted: 1 or 0."""
        return int(self.redis.zrem(self.key, raw))

    def _in_batches(self, move: Callable[[list[bytes]], int], progress: Progress) -> int:
        moved, left = 0, len(self)  # no more than these: a job that fails again at once must not be moved again
        while left > 0 and (entries := self.redis.zrange(self.key, 0, min(left, BATCH) - 1)):
            moved += move(entries)
            left -= len(entries)
            progress(moved)
        return moved


def readable(pipe: Any) -> list[Any]:
    """Execute a pipeline and return its replies, with None for a key of the wrong type, so that it spoils only its own."""
    replies: list[Any] = pipe.execute(raise_on_error=False)
    for number, reply in enumerate(replies):
        if isinstance(reply, ResponseError) and str(reply).startswith("WRONGTYPE"):
            replies[number] = None
        elif isinstance(reply, Exception):
            raise reply
    return replies


class RetrySet(JobSet):
    """Jobs that failed and are waiting for their next try. Sidekiq: `Sidekiq::RetrySet`."""

    name = "retry"


class ScheduledSet(JobSet):
    """Jobs that were pushed for later. Sidekiq: `Sidekiq::ScheduledSet`."""

    name = "schedule"


class DeadSet(JobSet):
    """Jobs that will not be tried again, and entries that were not jobs. Sidekiq: `Sidekiq::DeadSet`."""

    name = "dead"
