"""How a check says no: never a bare assertion, never a traceback.

What was expected; what there is instead; which misconception that looks like; how to look for yourself.
"""

from __future__ import annotations

from typing import NoReturn

from minijobs import DeadSet, Queue, RetrySet, ScheduledSet


class Rejected(Exception):
    """An answer that a check does not accept."""


def reject(*, expected: str, instead: str, looks_like: str, look: str) -> NoReturn:
    """Say no, in four sentences. `looks_like` names the misconception, `look` is a line to type into `make try-N`."""
    raise Rejected(f"Expected:    {expected}\nInstead:     {instead}\nLooks like:  {looks_like}\nLook:        {look}")


def redis_holds(*queues: str) -> str:
    """Where jobs are now, in words.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> redis_holds("default")
    'Redis holds no job'
    """
    places = [(f"queue:{name}", len(Queue(name))) for name in (queues or ("default",))]
    places += [(jobs.key, len(jobs)) for jobs in (RetrySet(), ScheduledSet(), DeadSet())]
    held = [f"{count} in {place}" for place, count in places if count]
    return f"Redis holds jobs: {', '.join(held)}" if held else "Redis holds no job"
