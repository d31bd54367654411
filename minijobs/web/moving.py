"""Moves and deletes many jobs at a time, in a bounded number of commands; `api` does it for one after the other."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from .. import connection
from ..api import CLEAR, JobSet, Queue
from ..job import BadPayload, dump, load, stamp
from ..retry import trim, wrapped
from . import entries, scripts, searching
from .searching import Search

# In one request no more than so many batches. Of the rest, the page asks again.
BATCHES = 15
BATCH = 1_000  # jobs that are moved in one step, during which Redis does nothing else
MOST_BYTES = 16_000_000  # of these together
DELETED = 10_000  # jobs that are deleted in one step


class Moved(NamedTuple):
    """How many jobs were moved or deleted as was asked; and how many otherwise.

    `buried` are entries that are no jobs: instead of being tried again they were moved to `dead`. `stuck` are those that
    cannot be moved: entries in `dead` that are no jobs, and jobs whose queue's key is of another type.
    """

    done: int = 0
    buried: int = 0
    stuck: int = 0

    @property
    def all(self) -> int:
        """How many were dealt with."""
        return sum(self)

    def plus(self, other: Moved) -> Moved:
        """Both together."""
        return Moved(*(one + more for one, more in zip(self, other, strict=True)))


def move(jobs: JobSet, raws: list[bytes], do: str) -> Moved:
    """Retry, kill or delete these entries of a sorted set, in one step. Those that are not there any more are left out."""
    if do == "delete":
        return Moved(jobs.redis.zrem(jobs.key, *raws) if raws else 0)
    now = connection.now(jobs.redis)
    words: list[bytes | str] = []
    stay = 0
    for number, raw in enumerate(raws, 1 - len(raws)):  # each has a score of its own: see scheduled.kill
        becomes, to = _tried(raw, now) if do == "retry" else _killed(raw, now, now + number / 1e6)
        if to.startswith(f"{jobs.name}:"):  # no job can be made of it, and it is among the dead already
            stay += 1
        else:
            words += [raw, becomes, to]
    if not words:
        return Moved(stuck=stay)
    queued, buried, stuck = scripts.run(jobs.redis, scripts.MOVE, [jobs.key, "queues", "dead"], *words)
    if do == "kill":
        trim(jobs.redis, now=now)
        return Moved(buried, 0, stuck)
    return Moved(queued, buried, stuck + stay)


def move_all(jobs: JobSet, do: str, most: int) -> Moved:
    """Retry, kill or delete the earliest `most` jobs of a sorted set, or as many of them as one request may."""
    if do == "delete":  # a count of 0 would mean all of them
        steps = _in_steps(lambda count: jobs.redis.zremrangebyrank(jobs.key, 0, count - 1), most) if most > 0 else 0
        return Moved(steps)
    moved = Moved()
    for _ in range(BATCHES):
        left = most - moved.all
        raws = entries.first(jobs, moved.stuck, min(BATCH, left), MOST_BYTES) if left > 0 else []
        more = move(jobs, raws, do)
        moved = moved.plus(more)
        if not more.all:
            break
    return moved


def clear(queue: Queue, most: int) -> int:
    """Delete the `most` jobs of a queue that are fetched next, or as many of them as one request may. Returns how many."""
    name = queue.name.encode(errors="surrogateescape")
    return _in_steps(lambda count: scripts.run(queue.redis, CLEAR, [queue.key, "queues"], count, name), most)


def move_matching(of: JobSet | Queue, wanted: Search, do: str, most: int, start: int) -> tuple[Moved, int | None]:
    """Retry, kill or delete the jobs that match, `most` at most, from a place on, or as many of them as one request may.

    Returns also the place at which the next request goes on; None if it is done.
    """
    moved, place = Moved(), start
    for _ in range(BATCHES):
        if moved.all >= most or place >= len(of):
            return moved, None
        seen, found = searching.step(of, wanted, place, entries.WITHOUT_LIMIT, min(BATCH, most - moved.all))
        if isinstance(of, Queue):
            more = Moved(_delete_at(of, found) if found else 0)
        else:
            more = move(of, [one.record.raw for one in found], do)
        moved = moved.plus(more)
        place = seen - more.done - more.buried  # the others have moved up
    return moved, place


def _delete_at(queue: Queue, found: list[entries.Listed]) -> int:
    words: list[bytes | str] = []
    for one in found:
        words += [one.key.partition("-")[2], one.record.raw]
    return int(scripts.run(queue.redis, scripts.DELETE_AT, [queue.key], f"deleted {secrets.token_hex(16)}", *words))


def _in_steps(delete: Callable[[int], int], most: int) -> int:
    done = 0
    for _ in range(BATCHES):
        gone = delete(min(DELETED, most - done))
        done += gone
        if gone < DELETED or done >= most:
            break
    return done


def _tried(raw: bytes, now: float) -> tuple[bytes | str, str]:
    """What a job becomes that somebody tries again, and where it goes: as in `scheduled.enqueue`."""
    try:
        job = load(raw)
        job["enqueued_at"] = stamp(now)
        if job.get("retry_count") is not None:
            job["retry_count"] -= 1
        return dump(job), f"queue:{job.get('queue') or 'default'}"
    except ValueError as error:
        return wrapped(raw, error, now=now), f"dead:{now!r}"


def _killed(raw: bytes, now: float, score: float) -> tuple[bytes | str, str]:
    return wrapped(raw, BadPayload("it must be an object"), now=now), f"dead:{score!r}"
