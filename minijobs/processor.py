"""Running one job: find its class, perform, and then: done, retry or dead.

`run` does the work and says what became of it; telling Redis is `Fetcher.acknowledge`. So a run can be looked at before
it is settled, and a worker process can settle many at once.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from . import retry, worker
from .fetch import Fetcher, UnitOfWork
from .job import BadPayload, load
from .log import about, info, logger, tid
from .retry import DONE, Outcome


class Work(NamedTuple):
    """What a thread is doing: the unit it runs, and since when, in epoch seconds."""

    unit: UnitOfWork
    run_at: float


class Processor:
    """Runs what a Fetcher fetches. One serves a whole process; threads share it. Sidekiq: `Sidekiq::Processor`.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> class Greet(minijobs.Worker):
    ...     def perform(self, name):
    ...         print("Hello,", name)
    >>> jid = Greet.perform_async("Ada")
    >>> processor = Processor(Fetcher("default"))

    The three steps, one at a time:

    >>> unit = processor.fetcher.fetch()
    >>> outcome = processor.run(unit)
    Hello, Ada
    >>> processor.settle(unit, outcome)

    And nothing is left to do:

    >>> processor.process_one() is None
    True
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self.work: dict[str, Work] = {}  # by thread id; the heartbeat shows it
        self.processed = 0  # since the last heartbeat, failures included
        self.failed = 0
        self.stopping = threading.Event()  # set when the process is about to end: jobs see it in Worker.stopping

    def process_one(self, timeout: float = 0) -> Outcome | None:
        """Fetch one job, run it, settle it. None if there was none for `timeout` seconds.

        If this thread is interrupted meanwhile, the job goes back to its queue: to be stopped is not to fail.
        """
        unit = self.fetcher.fetch(timeout)
        if unit is None:
            return None
        try:
            outcome = self.run(unit)
        except BaseException:
            self.fetcher.give_back(unit)
            raise
        self.settle(unit, outcome)
        return outcome

    def run(self, unit: UnitOfWork) -> Outcome:
        """Run one job and say what became of it. A job's exception ends here, in the outcome; Redis is not told yet.

        What cannot be read goes to `dead` as it is: nobody could run it, and nobody should lose it.
        """
        now = time.time()
        try:
            job = load(unit.raw)
        except BadPayload as error:
            logger.error("no job in queue %s, so it goes to dead as it is: %s", unit.queue, error)
            return retry.dead(unit.raw, error, now=now)
        thread = tid()
        self.work[thread] = Work(unit, now)
        try:
            with about(job["class"], job["jid"]):
                return self._perform(unit, job)
        finally:
            del self.work[thread]

    def settle(self, unit: UnitOfWork, outcome: Outcome) -> None:
        """Tell Redis what became of a run, in one step, and count it."""
        self.fetcher.acknowledge(unit, outcome.enter)
        self.count(outcome)

    def count(self, outcome: Outcome) -> None:
        """Note a run for the statistics. Only the thread that settles calls this."""
        self.processed += 1
        self.failed += outcome.error is not None

    def _perform(self, unit: UnitOfWork, job: dict[str, object]) -> Outcome:
        kind = None
        info("start")
        started = time.perf_counter()
        try:
            kind = worker.find(str(job["class"]))
            worker.run(kind, job, self.stopping)
        except KeyboardInterrupt:  # somebody stops the process, and with it whoever called this
            raise
        except BaseException as error:  # a job that calls sys.exit(), or is cancelled, has failed; the process goes on
            outcome = retry.after_failure(unit, job, error, kind)
            logger.info("fail: %.3f sec", time.perf_counter() - started)
            logger.warning("%s: %s (%s)", type(error).__name__, retry.message(error), outcome.describe())
            return outcome
        info("done: %.3f sec", time.perf_counter() - started)
        return DONE
