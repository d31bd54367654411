"""Reads what the pages show from Redis. The number of round trips does not depend on how many jobs there are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import flask

from .. import connection
from ..api import DeadSet, JobRecord, JobSet, Queue, RetrySet, ScheduledSet, SortedEntry, readable
from ..overview import Process, ProcessSet, whole

if TYPE_CHECKING:
    from ..connection import Redis

PER_PAGE = 25

# How many entries are searched in one round trip.
CHUNK = 200


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
            "No job waits for another try.",
            RetrySet,
            {"retry": "Retry now", "kill": "Kill", "delete": "Delete"},
        ),
        Shelf(
            "scheduled",
            "Scheduled",
            "Due",
            "No job was pushed for later.",
            ScheduledSet,
            {"retry": "Add to queue now", "delete": "Delete"},
        ),
        Shelf("dead", "Dead", "Died", "No job is dead.", DeadSet, {"retry": "Retry now", "delete": "Delete"}),
    )
}


@dataclass(frozen=True)
class Numbers:
    """The numbers at the top of each page."""

    processed: int
    failed: int
    sizes: dict[str, int]
    """How many jobs each shelf has, by its name."""
    queues: dict[str, int]
    """How many jobs are waiting in each queue, by its name."""
    processes: list[Process]

    @property
    def enqueued(self) -> int:
        return sum(self.queues.values())

    @property
    def busy(self) -> int:
        return sum(process["busy"] for process in self.processes)

    @property
    def threads(self) -> int:
        return sum(count for process in self.processes if isinstance(count := process["concurrency"], int))


def client() -> Redis:
    """The Redis that this dashboard shows."""
    given: Redis | None = flask.current_app.config["MINIJOBS_REDIS"]
    return connection.current() if given is None else given


def numbers(redis: Redis) -> Numbers:
    """Read the numbers."""
    pipe: Any = redis.pipeline(transaction=False)
    pipe.mget("stat:processed", "stat:failed")
    pipe.smembers("queues")
    for shelf in SHELVES.values():
        pipe.zcard(shelf.kind.name)
    (processed, failed), names, *sizes = readable(pipe)
    queues = Queue.named(names or (), redis)
    for queue in queues:
        pipe.llen(queue.key)
    lengths = {queue.name: length or 0 for queue, length in zip(queues, readable(pipe), strict=True)}
    shelves = {name: size or 0 for name, size in zip(SHELVES, sizes, strict=True)}
    return Numbers(whole(processed), whole(failed), shelves, lengths, list(ProcessSet(redis)))


def latencies(redis: Redis, names: Iterable[str]) -> dict[str, float]:
    """Seconds for which the next job of each queue has been waiting; 0 if there is none."""
    queues = [Queue(name, redis) for name in names]
    pipe: Any = redis.pipeline(transaction=False)
    for queue in queues:
        pipe.lindex(queue.key, -1)
    firsts = zip(queues, readable(pipe), strict=True)
    return {queue.name: JobRecord(raw).latency() if raw else 0.0 for queue, raw in firsts}


def digest(raw: bytes) -> str:
    """A name for an entry, whatever it holds. An action by this name affects exactly the entry that was seen, or none."""
    return hashlib.sha256(raw).hexdigest()[:24]


def key(entry: JobRecord, place: int = 0) -> str:
    """How a page refers to an entry: its digest and where to look for it, which is its score or its place in a queue."""
    return f"{digest(entry.raw)}-{entry.score!r}" if isinstance(entry, SortedEntry) else f"{digest(entry.raw)}-{place}"


def entries(jobs: JobSet, keys: Iterable[str]) -> list[SortedEntry]:
    """The entries that these keys name and that are still there, each at the score in its key."""
    wanted: dict[float, set[str]] = {}
    for one in keys:
        name, _, score = one.partition("-")
        try:
            wanted.setdefault(float(score), set()).add(name)
        except ValueError:
            continue
    return [
        SortedEntry(raw, score, jobs)
        for score, names in wanted.items()
        if score == score  # not NaN
        for raw in _at(jobs, score, names)
    ]


def record(queue: Queue, key: str) -> JobRecord | None:
    """The job in this queue that a key names, or None if it is gone.

    The search goes from CHUNK places behind its old one to the front: jobs move up, unless others are requeued before them.
    """
    name, _, place = key.partition("-")
    start = CHUNK + (int(place) if place.isdecimal() and len(place) < 18 else 0)
    client: Any = queue.redis
    while start >= 0:
        for raw in client.lrange(queue.key, -start - 1, -max(0, start - CHUNK) - 1):
            if digest(raw) == name:
                return JobRecord(raw, queue.name, queue)
        start -= CHUNK
    return None


def _at(jobs: JobSet, score: float, names: set[str]) -> Iterator[bytes]:
    offset, missing = 0, set(names)
    while missing and (found := jobs.redis.zrange(jobs.key, score, score, byscore=True, offset=offset, num=CHUNK)):
        for raw in found:
            if digest(raw) in missing:
                missing.discard(digest(raw))
                yield raw
        offset += len(found)
