"""Jobs that are to come, and jobs that have run: the same two lists for a real worker process and for a simulated one."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from statistics import mean
from typing import Any, NamedTuple

from .curves import about
from .show import Shown, Table


class Coming(NamedTuple):
    """A job that is to be pushed `at` so many seconds after the beginning. It waits, and then computes, for so long."""

    at: float
    waits: float = 0.0
    computes: float = 0.0
    queue: str = "default"
    worker: str = "TaskWorker"


class Ran(NamedTuple):
    """A job that has run: when it was pushed, when it began and when it ended, in seconds, and on which host."""

    job: Coming
    pushed: float
    begun: float
    ended: float
    host: str = ""

    @property
    def waited(self) -> float:
        """For how long it waited in its queue."""
        return max(0.0, self.begun - self.pushed)


def burst(count: int, **job: float | str) -> list[Coming]:
    """So many jobs, all pushed at once.

    >>> burst(2, waits=0.5)[1]
    Coming(at=0.0, waits=0.5, computes=0.0, queue='default', worker='TaskWorker')
    """
    return [Coming(0.0, **job)] * count  # type: ignore[arg-type]


def by_chance(
    count: int, every: float, seed: int = 10, **job: float | str | Callable[[random.Random], float]
) -> list[Coming]:
    """So many jobs, as they come when nobody knows of the others: `every` so many seconds on average.

    A function in place of a number is called with the dice, once for each job. The same `seed` is the same chance.
    """
    dice, at, coming = random.Random(seed), 0.0, []
    for _ in range(count):
        at += dice.expovariate(1 / every)
        settled: dict[str, Any] = {name: one(dice) if callable(one) else one for name, one in job.items()}
        coming.append(Coming(at, **settled))
    return coming


class Runs(Shown):
    """What has run, on so many `threads`. `lengths` are looks at the queues: at which second, how many jobs."""

    def __init__(self, ran: Iterable[Ran], threads: int, lengths: Sequence[tuple[float, int]] = ()) -> None:
        self.ran, self.threads, self.lengths = list(ran), threads, list(lengths)

    def of(self, name: str) -> Runs:
        """Only those of this queue, or of this Worker."""
        return Runs([one for one in self.ran if name in (one.job.queue, one.job.worker)], self.threads)

    @cached_property
    def seconds(self) -> float:
        """From the first push to the last end."""
        return max(one.ended for one in self.ran) - min(one.pushed for one in self.ran)

    @property
    def a_second(self) -> float:
        """How many jobs ended in a second, from the first that began to the last that ended."""
        return len(self.ran) / (max(one.ended for one in self.ran) - min(one.begun for one in self.ran))

    @property
    def arrived(self) -> float:
        """How many jobs were pushed in a second, on average, as long as there were any."""
        return len(self.ran) / self.seconds

    @property
    def waited(self) -> float:
        """For how long a job waited in its queue, on average. Seconds."""
        return mean(one.waited for one in self.ran)

    @property
    def busy(self) -> float:
        """Which share of their time the threads had a job: the utilisation."""
        return sum(one.ended - one.begun for one in self.ran) / (self.seconds * self.threads)

    @property
    def length(self) -> float:
        """How many jobs were in the queues, on average over all looks, weighted by the time until the next one."""
        if len(self.lengths) < 2:
            return 0.0
        held = [(later - at, length) for (at, length), (later, _) in pairwise(self.lengths)]
        return sum(time * length for time, length in held) / sum(time for time, _ in held)

    @property
    def extra(self) -> float:
        """What each job cost a single thread beside what the job itself did, on average: fetching it, and the like."""
        ran = sorted(self.ran, key=lambda one: one.begun)
        gaps = [one.begun - before.ended for before, one in pairwise(ran) if one.pushed < before.ended]
        own = mean(one.ended - one.begun - one.job.waits - one.job.computes for one in ran)
        return max(0.0, own + (mean(gaps) if gaps else 0.0))

    @property
    def lag(self) -> float:
        """How long it took until a single thread that was idle had begun a job, on average. Seconds."""
        ran = sorted(self.ran, key=lambda one: one.begun)
        return mean([one.waited for before, one in pairwise(ran) if one.pushed >= before.ended] or [0.0])

    def as_they_came(self) -> list[Coming]:
        """The same jobs, each at the moment at which it was really pushed."""
        first = min(one.pushed for one in self.ran)
        return [one.job._replace(at=one.pushed - first) for one in self.ran]

    def within(self, share: float) -> float:
        """Within how many seconds this share of them had begun."""
        waited = sorted(one.waited for one in self.ran)
        return waited[math.ceil(share * len(waited)) - 1]

    def lines(self) -> list[str]:
        told = [about(1000 * one) for one in (self.waited, self.within(0.5), self.within(0.95), self.within(1))]
        head = ["jobs", "waited (ms): average", "half by", "19 of 20 by", "all by"]
        return Table(head, [[len(self.ran), *told]]).lines()
