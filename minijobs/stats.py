"""How many jobs there are, and how many runs there have been: now, and day by day. Sidekiq: `Sidekiq::Stats`."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import connection
from .api import DeadSet, JobRecord, Queue, RetrySet, ScheduledSet, readable
from .overview import ProcessSet

if TYPE_CHECKING:
    from .connection import Redis


class Stats:
    """Statistics, read from Redis at each access. Sidekiq: `Sidekiq::Stats`.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> jids = minijobs.Client().push_bulk({"class": "SendGif", "args": [["ada"], ["grace"]], "queue": "mail"})
    >>> stats = Stats()
    >>> stats.processed, stats.enqueued, stats.queues()
    (0, 2, {'mail': 2})
    """

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis: Any = connection.current() if redis is None else redis

    @property
    def processed(self) -> int:
        """How many runs there have been, failures included, as of the last heartbeats."""
        return self.totals()[0]

    @property
    def failed(self) -> int:
        """How many runs ended in an exception, as of the last heartbeats."""
        return self.totals()[1]

    @property
    def enqueued(self) -> int:
        """How many jobs are waiting in queues."""
        return sum(self.queues().values())

    @property
    def scheduled_size(self) -> int:
        """How many jobs are scheduled for later."""
        return self._size(ScheduledSet.name)

    @property
    def retry_size(self) -> int:
        """How many jobs are waiting for their next try."""
        return self._size(RetrySet.name)

    @property
    def dead_size(self) -> int:
        """How many jobs are kept in `dead`."""
        return self._size(DeadSet.name)

    @property
    def processes_size(self) -> int:
        """How many worker processes are alive."""
        return len(ProcessSet(self.redis))

    @property
    def workers_size(self) -> int:
        """How many jobs are running, as of the last heartbeats."""
        return sum(process["busy"] for process in ProcessSet(self.redis))

    @property
    def default_queue_latency(self) -> float:
        """Seconds for which the next job of the queue `default` has been waiting; 0 if there is none."""
        [raw] = readable(self.redis.pipeline(transaction=False).lindex("queue:default", -1))
        return JobRecord(raw).latency() if raw else 0.0

    def totals(self) -> tuple[int, int]:
        """How many runs there have been and how many of them failed: `processed` and `failed`, in one round trip."""
        processed, failed = map(whole, self.redis.mget("stat:processed", "stat:failed"))
        return processed, failed

    def queues(self) -> dict[str, int]:
        """How many jobs are waiting in each queue, longest queue first. Sidekiq: the same name."""
        pipe = self.redis.pipeline(transaction=False)
        [names] = readable(pipe.smembers("queues"))
        queues = Queue.named(names or (), self.redis)
        for queue in queues:
            pipe.llen(queue.key)
        sizes = [(queue.name, size or 0) for queue, size in zip(queues, readable(pipe), strict=True)]
        return dict(sorted(sizes, key=lambda item: -item[1]))

    def history(self, days: int, until: date | None = None) -> dict[date, tuple[int, int]]:
        """For each of `days` days, latest first: how many runs there were, and how many of them failed.

        Days are in UTC; the latest one is `until`, or today. Raises ValueError for less than one day, or for more than the
        five years for which daily statistics are kept. Sidekiq: `Sidekiq::Stats::History`.

        >>> import fakeredis
        >>> redis = fakeredis.FakeRedis()
        >>> _ = redis.set("stat:processed:2026-11-23", 5)
        >>> list(Stats(redis).history(2, until=date(2026, 11, 24)).values())
        [(0, 0), (5, 0)]
        """
        if not 1 <= days <= 5 * 365:
            raise ValueError(f"{days} days: a history has from 1 to {5 * 365} days.")
        last = datetime.fromtimestamp(time.time(), UTC).date() if until is None else until
        dates = [last - timedelta(days=number) for number in range(days)]
        names = [f"stat:{stat}:{day.isoformat()}" for day in dates for stat in ("processed", "failed")]
        counts = iter([whole(count) for count in self.redis.mget(names)])
        return dict(zip(dates, zip(counts, counts, strict=True), strict=True))

    def reset(self, *names: str) -> None:
        """Reset "processed" or "failed" to 0, or both if no name is given. Daily statistics are not changed.

        Raises ValueError for any other name. Sidekiq: the same name.
        """
        for name in names:
            if name not in ("processed", "failed"):
                raise ValueError(f"{name!r} cannot be reset: processed and failed can.")
        self.redis.mset({f"stat:{name}": 0 for name in names or ("processed", "failed")})

    def _size(self, key: str) -> int:
        [size] = readable(self.redis.pipeline(transaction=False).zcard(key))
        return size or 0


def whole(count: bytes | None) -> int:
    """A count that Redis holds, as an int; 0 if it is missing, or nothing that INCR could have made of it.

    >>> whole(b"12"), whole(b"abc"), whole(b"-1"), whole(b"9" * 400)
    (12, 0, 0, 0)
    """
    try:
        number = int(count or 0)
    except ValueError:
        return 0
    return number if 0 <= number < 2**63 else 0
