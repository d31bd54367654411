"""Looking at running jobs and statistics, as the processes report them in their heartbeats. Sidekiq: `sidekiq/api`.

ProcessSet    the worker processes that are alive
WorkSet       what their threads are doing
Stats         how many jobs there are, and how many runs there have been
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import connection
from .api import DeadSet, JobRecord, Queue, RetrySet, ScheduledSet, readable

if TYPE_CHECKING:
    from .connection import Redis

SIGNAL_FOR = 60  # seconds after which a signal that was not received expires


class Process:
    """A worker process; `process["hostname"]` and so on are as of its last heartbeat. Sidekiq: `Sidekiq::Process`."""

    def __init__(self, told: dict[str, Any], redis: Any) -> None:
        self.told = told
        self.identity = str(told.get("identity"))
        self.redis = redis

    @property
    def stopping(self) -> bool:
        """Whether it has stopped fetching jobs. Sidekiq: `stopping?`."""
        return bool(self["quiet"] == "true")

    @property
    def embedded(self) -> bool:
        """Whether it runs inside another application, and only that may end it. Sidekiq: `embedded?`."""
        return self["embedded"] is True

    def quiet(self) -> None:
        """Ask it to fetch no more jobs, from its next heartbeat on. Raises RuntimeError if it is embedded.

        Sidekiq: `quiet!`.
        """
        self._refuse_embedded("made quiet")
        self._signal("TSTP")

    def stop(self) -> None:
        """Ask it to end, which it will do at its next heartbeat. Raises RuntimeError if it is embedded. Sidekiq: `stop!`."""
        self._refuse_embedded("stopped")
        self._signal("TERM")

    def dump_threads(self) -> None:
        """Ask it to log the stack of each of its threads. Sidekiq: the same name."""
        self._signal("TTIN")

    def _refuse_embedded(self, done: str) -> None:
        if self.embedded:
            raise RuntimeError(f"The process {self.identity} is part of another application and cannot be {done} from here.")

    def _signal(self, name: str) -> None:
        multi = self.redis.pipeline(transaction=True)
        multi.lpush(f"{self.identity}-signals", name)
        multi.expire(f"{self.identity}-signals", SIGNAL_FOR)
        multi.execute()

    def __getitem__(self, field: str) -> Any:
        return self.told.get(field)

    def __repr__(self) -> str:
        return f"<Process {self.identity} busy={self['busy']} of {self['concurrency']}>"


class ProcessSet:
    """The worker processes whose heartbeat has not expired, both ours and Ruby's. Sidekiq: `Sidekiq::ProcessSet`.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> minijobs.Heartbeat(minijobs.Processor(minijobs.Fetcher("default", identity="web-1:7:abc"))).beat()
    []
    >>> [(process.identity, process["queues"]) for process in ProcessSet()]
    [('web-1:7:abc', ['default'])]
    """

    FIELDS = ("info", "quiet", "concurrency", "busy", "beat", "rss", "rtt_us", "clock_off")

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis: Any = connection.current() if redis is None else redis

    def __iter__(self) -> Iterator[Process]:
        pipe = self.redis.pipeline(transaction=False)
        for identity in _identities(pipe):
            pipe.hmget(identity, self.FIELDS)
        yield from filter(None, map(self.decode, filter(None, readable(pipe))))

    def decode(self, values: Sequence[bytes | None]) -> Process | None:
        """The process whose heartbeat holds these values of FIELDS; None if they cannot be read, or it has expired."""
        info, quiet, concurrency, *numbers = values
        if not (told := read(info)):
            return None
        told |= {name: _number(number) for name, number in zip(self.FIELDS[3:], numbers, strict=True)}
        if concurrency:  # Sidekiq 8.1.2 writes it next to `info`, others inside it
            told["concurrency"] = _number(concurrency)
        told.setdefault("queues", _queues(told.get("capsules")))
        return Process({**told, "quiet": (quiet or b"").decode(errors="replace")}, self.redis)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, identity: str) -> Process | None:
        """The process with this identity, or None. Sidekiq: `ProcessSet[identity]`."""
        return next((process for process in self if process.identity == identity), None)


class Work:
    """The job that one thread has been running since `run_at`, in epoch seconds. Sidekiq: `Sidekiq::Work`."""

    def __init__(self, process: str, thread: str, told: dict[str, Any]) -> None:
        self.process = process
        self.thread = thread
        self.queue = str(told.get("queue"))
        self.run_at = _number(told.get("run_at"))
        payload = told.get("payload")
        text = payload if isinstance(payload, str) else json.dumps(payload)  # Sidekiq 5 wrote an object instead of a string
        self.job = JobRecord(text.encode(errors="backslashreplace"), self.queue)


class WorkSet:
    """The jobs that were running at the last heartbeats, longest-running first. Sidekiq: `Sidekiq::WorkSet`."""

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis: Any = connection.current() if redis is None else redis

    def __iter__(self) -> Iterator[Work]:
        pipe = self.redis.pipeline(transaction=False)
        identities = _identities(pipe)
        for identity in identities:
            pipe.hgetall(identity + b":work")
            pipe.hgetall(identity + b":workers")  # its name in Sidekiq before 6.5
        answers = iter([answer or {} for answer in readable(pipe)])
        work = [
            Work(identity.decode(errors="replace"), thread.decode(errors="replace"), told)
            for identity, new, old in zip(identities, answers, answers, strict=True)
            for thread, text in {**old, **new}.items()
            if (told := read(text))
        ]
        return iter(sorted(work, key=lambda one: one.run_at))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, jid: str) -> Work | None:
        """The Work with this job id, or None. Sidekiq: `find_work`."""
        return next((work for work in self if work.job.jid == jid), None)


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


def _identities(pipe: Any) -> list[bytes]:
    [found] = readable(pipe.smembers("processes"))
    return sorted(found or ())


def read(text: bytes | None) -> dict[str, Any]:
    """What a process reported; empty if it is missing or cannot be read."""
    try:
        told = json.loads(text or b"")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _queues(capsules: Any) -> list[str]:
    """The queues of all capsules, each once. By its announcement, Sidekiq 9 reports its queues nowhere else."""
    found = capsules.values() if isinstance(capsules, dict) else ()
    weights = [weights for one in found if isinstance(one, dict) and isinstance(weights := one.get("weights"), dict)]
    return list(dict.fromkeys(queue for one in weights for queue in one))


def _number(told: Any) -> float:
    """A number in a heartbeat, or 0 if it is not one: nothing that comes from Redis is trusted."""
    try:
        number = float(told or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    return (int(number) if number.is_integer() else number) if abs(number) < 1e300 else 0  # NaN becomes 0, too
