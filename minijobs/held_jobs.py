"""The jobs that a process holds: fetched, and not settled yet.

Redis has its own record of them, the in-flight lists (see `fetch`), and normally the two agree. They differ after a reply
was lost: Redis may have moved a job without this process knowing, or settled one that it still holds. So the two are
compared from time to time, and if they differ, or may differ, the process abandons its lists for new ones, which start with
the jobs that it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis import RedisError, ResponseError

from . import connection
from .fetch import UnitOfWork
from .log import logger
from .retry import Outcome

if TYPE_CHECKING:
    from .processor import Processor

# How many bytes of finished jobs are sent in one command. Some services that offer Redis refuse a command of a megabyte.
MOST_BYTES = 250_000

Held = tuple[int, UnitOfWork]
"""A fetched job with a number of its own, because two entries may be identical byte for byte."""


class HeldJobs:
    """Settles the jobs that `processor` has run. Any thread may call `finish`; the rest is for one thread at a time."""

    def __init__(self, processor: Processor) -> None:
        self.processor, self.fetcher = processor, processor.fetcher
        self.jobs: dict[int, UnitOfWork] = {}
        self.finished: list[tuple[int, Outcome]] = []
        """Jobs that have run, but are not settled in Redis yet."""
        self.refused: dict[int, Outcome] = {}
        """Jobs that have run, but that Redis refused to settle, perhaps because it is full. See `reconcile`."""
        self._numbers = 0

    def hold(self, unit: UnitOfWork) -> Held:
        """Record that this entry was fetched."""
        self._numbers += 1
        self.jobs[self._numbers] = unit
        return self._numbers, unit

    def finish(self, number: int, outcome: Outcome) -> None:
        """Record the outcome of a job."""
        self.finished.append((number, outcome))

    def running(self) -> int:
        """How many of the held jobs are running, or about to run."""
        # A job may be in both, because `reconcile` puts the refused ones back among the finished ones.
        over = len(self.refused.keys() | {number for number, _ in self.finished}) if self.refused else len(self.finished)
        return len(self.jobs) - over

    def settle_finished(self, *, fetch: int) -> list[Held]:
        """Settle the finished jobs and fetch up to `fetch` new ones, in one round trip. Raises RedisUnavailable.

        If the finished jobs are very large, only the first of them are settled, perhaps a single one.
        """
        finished: list[tuple[int, Outcome]] = []
        size = 0
        for number, outcome in list(self.finished):  # a copy, since other threads append to it meanwhile
            size += len(self.jobs[number].raw) + (len(outcome.to.entry) if outcome.to else 0)
            if finished and size > MOST_BYTES:
                break
            finished.append((number, outcome))
        to_settle = [(self.jobs[number], outcome.to) for number, outcome in finished]
        try:
            units, refused = self.fetcher.settle_and_fetch(to_settle, fetch)
        except ResponseError as refusal:
            too_large = size > MOST_BYTES and len(finished) == 1 and connection.kind_of(refusal) == "entry"
            if not too_large or "WRONGTYPE" in str(refusal):  # which is the answer of a sealed list, and not about its size
                raise
            units, refused = [], {0: str(refusal)}  # a single job that is too large for this Redis is set aside
        for index, (number, outcome) in enumerate(finished):
            if error := refused.get(index):
                if number not in self.refused:
                    logger.error(
                        "Redis does not take a job (%s), so it waits here: %s",
                        outcome.describe(now=self.processor.now()),
                        error,
                    )
                self.refused[number] = outcome
            else:
                del self.jobs[number]
                self.refused.pop(number, None)
                self.processor.count(outcome)
        del self.finished[: len(finished)]
        return [self.hold(unit) for unit in units]

    def reconcile(self, *, in_doubt: bool) -> None:
        """Make our lists in Redis match the held jobs, and let the next `settle_finished` try the refused ones again.

        `in_doubt` says that a command whose reply was lost may still be carried out, which makes comparing pointless.
        """
        held = list(self.jobs.values())
        if (in_doubt or not self.fetcher.lists_match(held)) and (lost := self.fetcher.reconcile(held)):
            logger.warning("a reply from Redis was lost: requeued %d jobs that it had moved", lost)
        finished = {number for number, _ in self.finished}
        self.finished += [(number, outcome) for number, outcome in self.refused.items() if number not in finished]

    def requeue_unfinished(self) -> None:
        """Put unfinished jobs back into their queues, to be fetched next. This is not a failure, and no retry is counted."""
        finished = {number for number, _ in self.finished} | self.refused.keys()
        # Jobs that have finished but could not be settled stay in flight; another process will rescue them.
        for unit in [unit for number, unit in self.jobs.items() if number not in finished]:
            try:
                if self.fetcher.requeue(unit):
                    logger.warning("requeued unfinished: %s", unit.raw.decode(errors="backslashreplace"))
            except RedisError as error:
                logger.error("could not requeue a job; another process will rescue it: %s", error)
                return
