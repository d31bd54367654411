"""Looking at what is in Redis: queues, the sorted sets, the numbers. Whoever runs jobs never needs this."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import connection
from .job import BadPayload, Job, load, seconds

if TYPE_CHECKING:
    from .connection import Redis

PAGE = 100


class JobRecord:
    """One entry, read as far as it can be read: `raw` is what Redis holds. Sidekiq: `Sidekiq::JobRecord`."""

    def __init__(self, raw: bytes, score: float | None = None) -> None:
        self.raw = raw
        self.score = score
        """In a sorted set: the job's moment, in epoch seconds."""
        try:
            self.item: Job = load(raw)
        except BadPayload:
            self.item = {}

    @property
    def jid(self) -> str | None:
        """Its id, or None if it cannot be read."""
        return self.item.get("jid")

    @property
    def class_name(self) -> str | None:
        """The name of its Worker. Sidekiq: `klass`."""
        return self.item.get("class")

    @property
    def args(self) -> list[Any]:
        """Its arguments."""
        return list(self.item.get("args", []))

    def __getitem__(self, field: str) -> Any:
        return self.item.get(field)

    def __repr__(self) -> str:
        return f"<JobRecord {self.class_name} {self.args} jid={self.jid}>"


class Queue:
    """The jobs that wait in one queue, the next one first. Sidekiq: `Sidekiq::Queue`.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> jid = minijobs.Client().push({"class": "SendGif", "args": ["ada@example.com"]})
    >>> queue = Queue("default")
    >>> len(queue), queue.find(jid).args
    (1, ['ada@example.com'])
    """

    def __init__(self, name: str = "default", redis: Redis | None = None) -> None:
        self.name = name
        self.key = f"queue:{name}"
        self.redis: Any = connection.current() if redis is None else redis

    def __len__(self) -> int:
        return int(self.redis.llen(self.key))

    def __iter__(self) -> Iterator[JobRecord]:
        # From the right, page by page. Others take from the right meanwhile, so an entry may be passed over; none is lost.
        seen = 0
        while page := self.redis.lrange(self.key, -seen - PAGE, -seen - 1):
            yield from (JobRecord(raw) for raw in reversed(page))
            if len(page) < PAGE:
                return
            seen += PAGE

    def find(self, jid: str) -> JobRecord | None:
        """The job with this id, or None. Looks at one after the other."""
        return next((record for record in self if record.jid == jid), None)

    def latency(self, *, now: float | None = None) -> float:
        """Seconds that the next job has been waiting; 0 for none, or if it does not say. Sidekiq: the same name."""
        first = next(iter(self), None)
        since: Any = None if first is None else first["enqueued_at"]
        if type(since) not in (int, float):
            return 0.0
        return (time.time() if now is None else now) - seconds(since)


class JobSet:
    """A sorted set of jobs, the earliest first. Sidekiq: `Sidekiq::JobSet`."""

    key: str

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis: Any = connection.current() if redis is None else redis

    def __len__(self) -> int:
        return int(self.redis.zcard(self.key))

    def __iter__(self) -> Iterator[JobRecord]:
        start = 0
        while page := self.redis.zrange(self.key, start, start + PAGE - 1, withscores=True):
            yield from (JobRecord(raw, score) for raw, score in page)
            start += len(page)

    def find(self, jid: str) -> JobRecord | None:
        """The job with this id, or None. Looks at one after the other. Sidekiq: `find_job`."""
        return next((record for record in self if record.jid == jid), None)


class RetrySet(JobSet):
    """Jobs that failed and wait for their next try. Sidekiq: `Sidekiq::RetrySet`."""

    key = "retry"


class ScheduledSet(JobSet):
    """Jobs that were pushed for later. Sidekiq: `Sidekiq::ScheduledSet`."""

    key = "schedule"


class DeadSet(JobSet):
    """Jobs whose tries are used up, and entries that were no jobs. Sidekiq: `Sidekiq::DeadSet`."""

    key = "dead"


class Stats:
    """The numbers, as the processes last told them in a heartbeat. Sidekiq: `Sidekiq::Stats`."""

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis: Any = connection.current() if redis is None else redis

    @property
    def processed(self) -> int:
        """How many runs there have been, failures included."""
        return int(self.redis.get("stat:processed") or 0)

    @property
    def failed(self) -> int:
        """How many runs ended in an exception."""
        return int(self.redis.get("stat:failed") or 0)
