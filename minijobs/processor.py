"""Running one job: find its class, perform, and then: done, retry or dead.

`run` does the work and says what became of it; telling Redis is `Fetcher.acknowledge`. So a run can be looked at before
it is settled, and a worker process can settle many at once.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from redis import RedisError

from . import connection, retry, worker
from .fetch import Fetcher, UnitOfWork
from .job import BadPayload, Job, load
from .log import job_context, logger, tid
from .retry import DONE, Outcome
from .worker import Worker

# So many seconds after its last sign of life a process that runs single jobs counts as dead. See heartbeat.
KNOWN_FOR = 20


class Work(NamedTuple):
    """What a thread is doing: the unit it runs, and since when, in epoch seconds."""

    unit: UnitOfWork
    run_at: float


class Sign:
    """That this process lives, as long as a thread of it runs single jobs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads = 0  # so many run one
        self.ours = False  # the key is not a Heartbeat's


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
        self._signs: dict[str, Sign] = {}  # by identity: a child of this process has another one
        self.stopping = threading.Event()  # set when the process is about to end: jobs see it in Worker.stopping

    def process_one(self, timeout: float = 0) -> Outcome | None:
        """Fetch one job, run it, settle it. None if there was none for `timeout` seconds.

        Until it returns, Redis knows that this process lives, as it knows of a worker process by its heartbeat: or another
        one would rescue the job while it runs. If this thread is interrupted meanwhile, the job goes back to its queue: to
        be stopped is not to fail. Raises RedisUnavailable. Sidekiq: `Sidekiq::Processor#process_one`.
        """
        with self._known_to_live():
            unit = self.fetcher.fetch(timeout)
            if unit is None:
                return None
            try:
                outcome = self.run(unit)
            except BaseException:
                self.fetcher.requeue(unit)
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
            return retry.dead(unit.raw, error, now=self.now())
        thread = tid()
        around = self.work.get(thread)  # a job may run another one, with `process_one`
        self.work[thread] = Work(unit, now)
        try:
            # What it sets in its context, such as decimal's precision, ends with it.
            return contextvars.copy_context().run(self._perform, unit, job)
        finally:
            if around is None:
                del self.work[thread]
            else:
                self.work[thread] = around

    def settle(self, unit: UnitOfWork, outcome: Outcome) -> None:
        """Tell Redis what became of a run, in one step, and count it."""
        self.fetcher.acknowledge(unit, outcome.to)
        self.count(outcome)

    def count(self, outcome: Outcome) -> None:
        """Note a run for the statistics. Only the thread that settles calls this."""
        self.processed += 1
        self.failed += outcome.error is not None

    @contextmanager
    def _known_to_live(self) -> Iterator[None]:
        """What a Heartbeat says, without the details. If there is one, its key is only kept. The last thread ends it."""
        redis, identity, over = self.fetcher.redis, self.fetcher.own_name(), threading.Event()
        sign = self._signs.setdefault(identity, Sign())

        def say() -> bool:
            with connection.translate_errors(redis, "fetching a job"):
                words = (("HSETNX", identity, "beat", time.time()), ("EXPIRE", identity, KNOWN_FOR))
                return bool(connection.execute(redis, *words)[0])

        def go_on() -> None:
            while not over.wait(KNOWN_FOR / 4):
                with suppress(RedisError):  # four may fail
                    say()

        with sign.lock:
            sign.ours |= say()
            goes_on = threading.Thread(target=go_on, name="sign of life", daemon=True)
            goes_on.start()
            sign.threads += 1
        try:
            yield
        finally:
            over.set()
            goes_on.join(1)  # or it could say so once more, after this
            with sign.lock:
                sign.threads -= 1
                if sign.ours and not sign.threads:
                    sign.ours = False
                    with suppress(RedisError):  # it expires
                        redis.unlink(identity)

    def _after_failure(self, unit: UnitOfWork, job: Job, error: BaseException, kind: type[Worker] | None) -> Outcome:
        now = self.now()
        try:  # as it was in the queue: what perform did to its arguments must not be in the next try
            job = {**load(unit.raw), "jid": job["jid"]}
        except BadPayload:  # nested so deep that it cannot be read from in here
            return retry.dead(unit.raw, error, now=now)
        return retry.after_failure(unit, job, error, kind, now=now)

    def now(self) -> float:
        """The moment by Redis's clock, which all hosts share, or by this one's while Redis is away."""
        try:
            return connection.now(self.fetcher.redis)
        except RedisError:
            return time.time()

    def _perform(self, unit: UnitOfWork, job: Job) -> Outcome:
        if decimal := sys.modules.get("decimal"):  # a copied context refers to the same one of decimal's
            decimal.setcontext(decimal.getcontext().copy())
        with job_context(job["class"], job["jid"]):
            kind, process = None, os.getpid()
            logger.line("start")
            started = time.perf_counter()
            try:
                kind = worker.find(str(job["class"]))
                worker.run(kind, job, self.stopping)
                _end_child(process)
            except BaseException as error:  # a job that calls sys.exit(), or is cancelled, has failed; the process goes on
                _end_child(process, error)
                if retry.stops_us(error):
                    raise
                outcome = self._after_failure(unit, job, error, kind)
                logger.info("fail: %.3f sec", time.perf_counter() - started)
                logger.warning("%s: %s (%s)", type(error).__name__, retry.message(error), outcome.describe(now=self.now()))
                with suppress(Exception):  # this call is still running, and need not be known
                    error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
                retry.release(error)
                return outcome
            logger.line("done: %.3f sec", time.perf_counter() - started)
            return DONE


def _end_child(process: int, error: BaseException | None = None) -> None:
    """End this process if it is not `process`: a job called os.fork(), and its child is no worker process.

    Only the forking thread lives on in a child, in the middle of our stack; it must neither settle the job nor fetch more.
    """
    if os.getpid() == process:
        return
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        traceback.print_exception(error)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # either may be closed, or None
            stream.flush()
    os._exit(code)
