"""Looking at worker processes and running jobs, as the heartbeats report them. Sidekiq: `sidekiq/api`.

    ProcessSet    the worker processes that are alive
    WorkSet       what their threads are doing

For how many jobs there are, see `stats`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import connection
from .api import JobRecord, readable

if TYPE_CHECKING:
    from .connection import Redis

SIGNAL_FOR = 60  # seconds after which a signal that was not received expires


class Process:
    """A worker process; `process["hostname"]` and so on are as of its last heartbeat. Sidekiq: `Sidekiq::Process`."""

    def __init__(self, report: dict[str, Any], redis: Any) -> None:
        self.report = report
        self.identity = str(report.get("identity"))
        self.redis = redis

    @property
    def stopping(self) -> bool:
        """Whether it is quiet: it fetches no more jobs, and may run for hours yet. Sidekiq: `stopping?`."""
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
        return self.report.get(field)

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
        if not (report := read(info)):
            return None
        report |= {name: _number(number) for name, number in zip(self.FIELDS[3:], numbers, strict=True)}
        if concurrency:  # Sidekiq 8.1.2 writes it next to `info`, others inside it
            report["concurrency"] = _number(concurrency)
        queues = report.get("queues", _queues(report.get("capsules")))
        report["queues"] = [name for name in queues if isinstance(name, str)] if isinstance(queues, list) else []
        return Process({**report, "quiet": (quiet or b"").decode(errors="replace")}, self.redis)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, identity: str) -> Process | None:
        """The process with this identity, or None. Sidekiq: `ProcessSet[identity]`."""
        return next((process for process in self if process.identity == identity), None)


class Work:
    """The job that one thread has been running since `run_at`, in epoch seconds. Sidekiq: `Sidekiq::Work`."""

    def __init__(self, process: str, thread: str, report: dict[str, Any]) -> None:
        self.process = process
        self.thread = thread
        self.queue = str(report.get("queue"))
        self.run_at = _number(report.get("run_at"))
        payload = report.get("payload")
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
        replies = iter([reply or {} for reply in readable(pipe)])
        work = [
            Work(identity.decode(errors="replace"), thread.decode(errors="replace"), report)
            for identity, new, old in zip(identities, replies, replies, strict=True)
            for thread, text in {**old, **new}.items()
            if (report := read(text))
        ]
        return iter(sorted(work, key=lambda one: one.run_at))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def find(self, jid: str) -> Work | None:
        """The Work with this job id, or None. Sidekiq: `find_work`."""
        return next((work for work in self if work.job.jid == jid), None)


def _identities(pipe: Any) -> list[bytes]:
    [found] = readable(pipe.smembers("processes"))
    return sorted(found or ())


def read(text: bytes | None) -> dict[str, Any]:
    """What a process reported; empty if it is missing or cannot be read."""
    try:
        report = json.loads(text or b"")
    except (ValueError, RecursionError):
        return {}
    return report if isinstance(report, dict) else {}


def _queues(capsules: Any) -> list[str]:
    """The queues of all capsules, each once. By its announcement, Sidekiq 9 reports its queues nowhere else."""
    found = capsules.values() if isinstance(capsules, dict) else ()
    weights = [weights for one in found if isinstance(one, dict) and isinstance(weights := one.get("weights"), dict)]
    return list(dict.fromkeys(queue for one in weights for queue in one))


def _number(value: Any) -> float:
    """A number in a heartbeat, or 0 if it is not one: nothing that comes from Redis is trusted."""
    try:
        number = float(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0
    return (int(number) if number.is_integer() else number) if abs(number) < 1e300 else 0  # NaN becomes 0, too
