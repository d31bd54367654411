"""A simulation of worker processes, by the package simpy: the clock is a number, so a day takes a second.

Simulated are the queues, the threads that take jobs from them, and the interpreter, which one thread of a process has at a
time. Each process has a processor of its own, and Redis takes no time.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

from .command_line import ProcessPlan, plans
from .runs import Coming, Ran, Runs

TURN = 0.1  # seconds. Python's own turns are shorter, which is slower to simulate


@dataclass
class Process:
    """A worker process of the simulation."""

    plan: ProcessPlan
    interpreter: simpy.Resource
    dice: random.Random

    @property
    def turn(self) -> float:
        """Seconds that a thread may compute until the next one gets its turn. A thread that is alone just goes on."""
        return TURN if self.plan.threads > 1 else math.inf

    def order(self) -> Sequence[str]:
        """Its queues, in the order in which it looks into them now."""
        if not self.plan.weights:
            return self.plan.queues
        return sorted(self.plan.queues, key=lambda queue: self.dice.random() ** (1 / self.plan.weights[queue]), reverse=True)


class Model:
    """These processes, and these jobs: `run` says how it went.

    `extra` seconds more are computed for each job, and an idle thread notices a job after `lag` seconds. Without `alone`,
    all threads of a process could compute at the same time.
    """

    def __init__(
        self,
        processes: Iterable[ProcessPlan],
        coming: Iterable[Coming],
        *,
        extra: float = 0.0,
        lag: float = 0.0,
        alone: bool = True,
    ) -> None:
        self.clock = simpy.Environment()
        self.coming, self.extra, self.lag = sorted(coming), extra, lag
        self.queues: dict[str, deque[Coming]] = defaultdict(deque)
        self.idle: list[tuple[Process, Any]] = []  # threads with nothing to do, the one that waits longest first
        self.ran: list[Ran] = []
        self.threads = 0
        for plan in processes:
            self.threads += plan.threads
            turns = 1 if alone else plan.threads
            process = Process(plan, simpy.Resource(self.clock, turns), random.Random(10))
            for _ in range(plan.threads):
                self.clock.process(self.thread(process))
        self.clock.process(self.push())

    def run(self) -> Runs:
        """Let it happen, to the last job that anybody takes."""
        self.clock.run()
        return Runs(self.ran, self.threads)

    @property
    def left(self) -> list[Coming]:
        """The jobs that nobody took."""
        return [job for queue in self.queues.values() for job in queue]

    def push(self) -> Generator[Any, Any, None]:
        for job in self.coming:
            yield self.clock.timeout(job.at - self.clock.now)
            self.queues[job.queue].append(job)
            for one in self.idle:
                if job.queue in one[0].plan.queues:
                    self.idle.remove(one)
                    one[1].succeed()
                    break

    def thread(self, process: Process) -> Generator[Any, Any, None]:
        while True:
            job = yield from self.fetch(process)
            begun = self.clock.now
            yield self.clock.timeout(job.waits)
            left = job.computes + self.extra
            while left > 1e-9:
                with process.interpreter.request() as turn:
                    yield turn
                    yield self.clock.timeout(min(left, process.turn))
                left -= process.turn
            self.ran.append(Ran(job, job.at, begun, self.clock.now))

    def fetch(self, process: Process) -> Generator[Any, Any, Coming]:
        while True:
            for queue in process.order():
                if self.queues[queue]:
                    return self.queues[queue].popleft()
            news = self.clock.event()
            self.idle.append((process, news))
            yield news
            if self.lag:
                yield self.clock.timeout(self.lag)


def simulate(words: str | Sequence[str], coming: Iterable[Coming], *, extra: float = 0.0, lag: float = 0.0) -> Runs:
    """What would happen if `minijobs worker` were started with these words, once for each, and these jobs came.

    `extra` is what each job costs beside what it does: fetching it, and writing down how it went. `lag` is what it takes
    until an idle thread has noticed a job. Seconds.
    """
    return Model(plans(words), coming, extra=extra, lag=lag).run()
