"""What the pages show, read from Redis: in a number of round trips that does not depend on how many jobs there are."""

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

# So many entries are looked through in one round trip, where one is sought.
CHUNK = 200


@dataclass(frozen=True)
class Shelf:
    """A sorted set, as the pages call it; `does` are the words on its buttons."""

    name: str
    title: str
    when: str
    empty: str
    kind: type[JobSet]
    does: dict[str, str]

    @property
    def all(self) -> dict[str, str]:
        """The words on the buttons that do it to all of its jobs."""
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
    """What stands at the top of each page."""

    processed: int
    failed: int
    sizes: dict[str, int]
    """How many jobs each shelf has."""
    queues: dict[str, int]
    """How many jobs wait in each queue, by name."""
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
    """The Redis that is shown."""
    given: Redis | None = flask.current_app.config["MINIJOBS_REDIS"]
    return connection.current() if given is None else given


def numbers(redis: Redis) -> Numbers:
    """The numbers, now."""
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
    """Seconds that the next job of each queue has been waiting."""
    queues = [Queue(name, redis) for name in names]
    pipe: Any = redis.pipeline(transaction=False)
    for queue in queues:
        pipe.lindex(queue.key, -1)
    firsts = zip(queues, readable(pipe), strict=True)
    return {queue.name: JobRecord(raw).latency() if raw else 0.0 for queue, raw in firsts}


def digest(raw: bytes) -> str:
    """A name for an entry, whatever it holds: who acts on it acts on exactly what was seen, or on nothing."""
    return hashlib.sha256(raw).hexdigest()[:24]


def key(entry: JobRecord, place: int = 0) -> str:
    """What a page calls an entry: its digest, and where to look for it: its score, or its place in a queue."""
    return f"{digest(entry.raw)}-{entry.score!r}" if isinstance(entry, SortedEntry) else f"{digest(entry.raw)}-{place}"


def entries(jobs: JobSet, keys: Iterable[str]) -> list[SortedEntry]:
    """Those entries that are still there, at the scores that their keys name."""
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
        if score == score  # NaN is no score
        for raw in _at(jobs, score, names)
    ]


def record(queue: Queue, key: str) -> JobRecord | None:
    """The job in this queue that a key names, if it is still there: it moves up, unless others were put back before it."""
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
