"""Reads what the pages show from Redis. The number of commands does not depend on how much there is: see `scripts`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import flask

from .. import connection
from ..api import DeadSet, JobRecord, JobSet, RetrySet, ScheduledSet, readable
from ..overview import Process, ProcessSet, Work, read
from ..retry import DEAD_FOR, DEAD_SIZE
from ..stats import whole
from . import scripts
from .entries import PER_PAGE, WHOLE
from .words import some

if TYPE_CHECKING:
    from ..connection import Redis

BEAT_LATE = 30  # seconds: three beats of Sidekiq's, half of the time after which a process counts as gone
MOST_THREADS = 200  # of one process
LONGEST_REPORT = 64_000  # bytes of what a process tells about itself


class NoAddress(ValueError):
    """REDIS_URL is no address of a Redis."""


@dataclass(frozen=True)
class Shelf:
    """A sorted set, with the names that the pages use for it; `does` maps each action to the words on its button."""

    name: str
    title: str
    when: str
    empty: str
    kind: type[JobSet]
    does: dict[str, str]

    @property
    def kept(self) -> str:
        """Which jobs leave it without having been run, in a sentence."""
        days = f"{DEAD_FOR / 86_400:,.0f} days"
        return f"It keeps {DEAD_SIZE:,} jobs at most, for {days}; the oldest leave." if self.kind is DeadSet else ""

    @property
    def all(self) -> dict[str, str]:
        """The same for the buttons that act on all of its jobs."""
        words = {"retry": "Retry all", "kill": "Kill all", "delete": "Delete all"}
        if self.kind is ScheduledSet:
            words["retry"] = "Add all to their queues"
        return {do: words[do] for do in self.does}


SHELVES = {
    shelf.name: shelf
    for shelf in (
        Shelf(
            "retries",
            "Retries",
            "Next try",
            "No job waits for another try. A job comes here when its perform raises an exception.",
            RetrySet,
            {"retry": "Retry now", "kill": "Kill", "delete": "Delete"},
        ),
        Shelf(
            "scheduled",
            "Scheduled",
            "Due",
            "No job waits for its time. Push one for later: YourWorker.perform_in(3600, …)",
            ScheduledSet,
            {"retry": "Add to queue now", "delete": "Delete"},
        ),
        Shelf(
            "dead",
            "Dead",
            "Died",
            "No job is dead. A job comes here when its last retry has failed, or when you kill it.",
            DeadSet,
            {"retry": "Retry now", "delete": "Delete"},
        ),
    )
}


@dataclass(frozen=True)
class Numbers:
    """The numbers at the top of each page."""

    processed: int
    failed: int
    sizes: dict[str, int]
    """How many jobs each shelf has, by its name."""
    queues: int
    """How many queues there are."""
    enqueued: int
    """How many jobs are waiting in them."""
    processes: list[Process]

    @property
    def busy(self) -> int:
        return sum(process["busy"] for process in self.processes)

    @property
    def threads(self) -> int:
        return _threads(self.processes)

    def serving(self, queue: str) -> int:
        """How many threads fetch jobs from this queue."""
        return _threads([one for one in self.processes if not one.stopping and queue in some(one["queues"])])


def _threads(processes: list[Process]) -> int:
    return sum(count for process in processes if isinstance(count := process["concurrency"], int))


class QueueRow(NamedTuple):
    """A queue; `size` is None if its key is of another type, `latency` if it is not known."""

    name: str
    size: int | None
    latency: float | None


def client() -> Redis:
    """The Redis that this dashboard shows. Raises NoAddress if REDIS_URL names none."""
    given: Redis | None = flask.current_app.config["MINIJOBS_REDIS"]
    try:
        return connection.current() if given is None else given
    except ValueError as error:
        raise NoAddress(f"REDIS_URL is no address of a Redis: {error}") from None


def now() -> float:
    """The time by Redis's clock, in epoch seconds: every page counts from this one."""
    if "now" not in flask.g:
        flask.g.now = connection.now(client())
    return float(flask.g.now)


def clock_off() -> float:
    """Seconds by which this server's clock is ahead of Redis's."""
    return time.time() - connection.now(client())


def next_due(redis: Redis) -> dict[str, float | None]:
    """When the earliest job of each shelf but the dead is due, in epoch seconds, by the shelf's name."""
    waiting = {name: shelf.kind.name for name, shelf in SHELVES.items() if shelf.kind is not DeadSet}
    scores = scripts.run(redis, scripts.EARLIEST, list(waiting.values()))
    return {name: float(score) if score else None for name, score in zip(waiting, scores, strict=True)}


def numbers(redis: Redis) -> Numbers:
    """Read the numbers."""
    pipe: Any = redis.pipeline(transaction=False)
    pipe.mget("stat:processed", "stat:failed")
    for shelf in SHELVES.values():
        pipe.zcard(shelf.kind.name)
    (processed, failed), *sizes = readable(pipe)
    shelves = {name: size or 0 for name, size in zip(SHELVES, sizes, strict=True)}
    count, enqueued = scripts.run(redis, scripts.QUEUES, ["queues"], 0, 0, 0)
    told = scripts.run(redis, scripts.PROCESSES, ["processes"], LONGEST_REPORT, *ProcessSet.FIELDS)
    processes = []
    for name, *values in told:
        if process := ProcessSet(redis).decode(values):
            process.report["key"] = name
            processes.append(process)
    return Numbers(whole(processed), whole(failed), shelves, count, enqueued, processes)


def queues(redis: Redis, start: int = 0, *, most: int = PER_PAGE) -> list[QueueRow]:
    """A page of the queues by name, from number `start` on."""
    _, _, *flat = scripts.run(redis, scripts.QUEUES, ["queues"], start, most, WHOLE)
    three = iter(flat)
    return [
        QueueRow(name.decode(errors="surrogateescape"), size if size >= 0 else None, _waiting(size, entry))
        for name, size, entry in zip(three, three, three, strict=True)
    ]


def _waiting(size: int, entry: bytes) -> float | None:
    """Seconds for which a queue's next job has been waiting."""
    record = JobRecord(entry)
    return record.latency(now=now()) if size > 0 and (record["enqueued_at"] or record["created_at"]) else None


def work(redis: Redis, processes: list[Process]) -> dict[str, list[Work]]:
    """What the threads of these processes are doing, by their identities, longest-running first."""
    # The second is the name of the key in Sidekiq before 6.5.
    keys = [process["key"] + kind for process in processes for kind in (b":work", b":workers")]
    replies = iter(scripts.run(redis, scripts.WORK, keys, MOST_THREADS, WHOLE) if keys else ())
    found = {}
    for process, new, old in zip(processes, replies, replies, strict=False):
        flat = iter([*old, *new])
        threads = dict(zip(flat, flat, strict=True))
        works = [
            Work(process.identity, thread.decode(errors="replace"), told)
            for thread, text in threads.items()
            if (told := read(text)) or not text
        ]
        found[process.identity] = sorted(works, key=lambda one: one.run_at)
    return found


def free(processes: list[Process]) -> list[Process]:
    """Those which may be stopped from here, being no part of another application."""
    return [process for process in processes if not process.embedded]
