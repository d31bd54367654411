"""The jobs that a process holds: fetched, and not settled yet.

Redis knows them as well, from the in-flight lists (see `fetch`). Most of the time the two agree. They do not after an answer
got lost: a job was moved, and nobody here knows of it; or it was settled, and is still held. So they are compared now and
then, and when they differ, or may, the lists are left for new ones, which begin with what is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis import RedisError

from .fetch import UnitOfWork
from .log import logger
from .retry import Outcome

if TYPE_CHECKING:
    from .processor import Processor

Held = tuple[int, UnitOfWork]
"""A job that was fetched, with a number, because two entries may be alike to the last byte."""


class HeldJobs:
    """Settles what `processor` has run. One thread at a time may use it; any thread may `finish` a job."""

    def __init__(self, processor: Processor) -> None:
        self.processor, self.fetcher = processor, processor.fetcher
        self.jobs: dict[int, UnitOfWork] = {}
        self.finished: list[tuple[int, Outcome]] = []
        """What was run, and Redis does not know it yet."""
        self.refused: dict[int, Outcome] = {}
        """What was run and could not go where it should, to a full Redis perhaps: it is tried again after each heartbeat."""
        self._numbers = 0

    def hold(self, unit: UnitOfWork) -> Held:
        """Note that this entry was fetched."""
        self._numbers += 1
        self.jobs[self._numbers] = unit
        return self._numbers, unit

    def finish(self, number: int, outcome: Outcome) -> None:
        """Note what became of a job."""
        self.finished.append((number, outcome))

    def running(self) -> int:
        """How many of them run, or are about to."""
        over = self.refused.keys() | {number for number, _ in self.finished} if self.refused else self.finished
        return len(self.jobs) - len(over)

    def exchange(self, want: int) -> list[Held]:
        """Settle what has finished, and fetch up to `want` jobs, in one round trip. Raises RedisUnavailable."""
        run = list(self.finished)  # others add to it meanwhile
        units, refused = self.fetcher.exchange([(self.jobs[number], outcome.to) for number, outcome in run], want)
        for index, (number, outcome) in enumerate(run):
            if error := refused.get(index):
                if number not in self.refused:
                    logger.error("Redis does not take a job (%s), so it waits here: %s", outcome.describe(), error)
                self.refused[number] = outcome
            else:
                del self.jobs[number]
                self.refused.pop(number, None)
                self.processor.count(outcome)
        del self.finished[: len(run)]
        return [self.hold(unit) for unit in units]

    def reconcile(self, *, in_doubt: bool) -> None:
        """See to it that our lists in Redis hold what is held, and have what was refused settled with the next exchange.

        `in_doubt`: a command whose answer got lost may still be carried out, so that it is no use to compare.
        """
        held = list(self.jobs.values())
        if (in_doubt or not self.fetcher.lists_match(held)) and (lost := self.fetcher.reconcile(held)):
            logger.warning("an answer of Redis got lost: requeued %d jobs that it had moved", lost)
        finished = {number for number, _ in self.finished}
        self.finished += [(number, outcome) for number, outcome in self.refused.items() if number not in finished]

    def requeue_unfinished(self) -> None:
        """Put what is unfinished back into its queue, to be taken next. That is no failure, and no retry is counted."""
        finished = {number for number, _ in self.finished} | self.refused.keys()
        # What has finished, and Redis could not be told of, another process rescues.
        for unit in [unit for number, unit in self.jobs.items() if number not in finished]:
            try:
                if self.fetcher.requeue(unit):
                    logger.warning("requeued unfinished: %s", unit.raw.decode(errors="backslashreplace"))
            except RedisError as error:
                logger.error("could not requeue a job; another process will rescue it: %s", error)
                return
