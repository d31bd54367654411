"""Running one job: find its class, call `perform`, and return the outcome: done, retry, dead or dropped.

`run` runs the job and returns the outcome; `Fetcher.acknowledge` then stores it in Redis. Because these are two steps, an
outcome can be inspected before it is settled, and a worker process can settle many at once, with
`Fetcher.settle_and_fetch`. Whether a failed job is tried again is decided in `retry`.
"""

from __future__ import annotations

import contextvars
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from redis import RedisError, ResponseError

from . import backtrace, connection, retry, worker
from .fetch import Fetcher, UnitOfWork
from .job import BadPayload, Job, load
from .log import job_context, logger, tid
from .middleware import exit_if_forked
from .retry import DONE, Outcome
from .scripts import EVEN_IF_FULL
from .worker import Worker

# For how many seconds a process that uses `process_one` counts as alive after it last said so. See `heartbeat`.
ALIVE_FOR = 20

KEEP_ALIVE_EVEN_IF_FULL = f"""
{EVEN_IF_FULL}
local new = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return new
"""


class Running(NamedTuple):
    """The job that a thread is running, and since when, in epoch seconds."""

    unit: UnitOfWork
    run_at: float


class AliveKey:
    """The key that shows that this process is alive, while any of its threads runs single jobs."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.threads = 0  # how many of them are running one
        self.ours = False  # whether we created the key, not a Heartbeat


class Processor:
    """Runs the jobs that a Fetcher fetches. All threads of a process share one. Sidekiq: `Sidekiq::Processor`.

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

    Now no job is left:

    >>> processor.process_one() is None
    True
    """

    def __init__(self, fetcher: Fetcher) -> None:
        self.fetcher = fetcher
        self.running: dict[str, Running] = {}  # by thread id; the heartbeat reports it
        self.processed = 0  # since the last heartbeat, failures included
        self.failed = 0
        self._kept_alive: dict[str, AliveKey] = {}  # by identity: a forked child has its own
        self.stopping = threading.Event()  # set when the process is about to end; jobs see it as Worker.stopping

    def process_one(self, timeout: float = 0) -> Outcome | None:
        """Fetch one job, run it, settle it, and return the outcome; None if no job came within `timeout` seconds.

        Until it returns, a key in Redis shows that this process is alive, as a worker process's heartbeat does; otherwise
        another process would rescue the job while it runs. If this thread is interrupted, the job goes back to its queue,
        and does not count as failed. Raises RedisUnavailable. Sidekiq: `Sidekiq::Processor#process_one`.
        """
        with self._keep_alive():
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
        """Run one job and return the outcome, with the job's exception if it raised one. Nothing is sent to Redis yet.

        An entry that cannot be parsed goes to `dead`, perhaps inside a job (see `retry.wrapped`): it must not be lost.
        """
        run_at = time.time()
        try:
            job = load(unit.raw)
        except BadPayload as error:
            logger.error("no job in queue %s, so it goes to dead: %s", unit.queue, error)
            return retry.dead(unit.raw, error, now=self.now())
        thread = tid()
        around = self.running.get(thread)  # a job may run another job by calling `process_one`
        self.running[thread] = Running(unit, run_at)
        try:
            # What the job sets in its context, such as the precision of decimal, does not affect later jobs.
            return contextvars.copy_context().run(self._perform, unit, job)
        finally:
            if around is None:
                del self.running[thread]
            else:
                self.running[thread] = around

    def settle(self, unit: UnitOfWork, outcome: Outcome) -> None:
        """Store the outcome of a run in Redis, in one step, and count it."""
        self.fetcher.acknowledge(unit, outcome.to)
        self.count(outcome)

    def count(self, outcome: Outcome) -> None:
        """Count a run for the statistics. Only the thread that settles may call this."""
        self.processed += 1
        self.failed += outcome.error is not None

    @contextmanager
    def _keep_alive(self) -> Iterator[None]:
        """Keep this process's key in Redis alive meanwhile, like a heartbeat without the details.

        If a Heartbeat has created the key, it is only extended. If we have, the last thread to finish deletes it.
        """
        redis, identity, over = self.fetcher.redis, self.fetcher.current_identity(), threading.Event()
        shared = self._kept_alive.setdefault(identity, AliveKey())

        def renew() -> bool:
            with connection.translate_errors(redis, "fetching a job"):
                words = (identity, "beat", time.time())
                try:
                    return bool(connection.execute(redis, ("HSETNX", *words), ("EXPIRE", identity, ALIVE_FOR))[0])
                except ResponseError as error:
                    if connection.kind_of(error) != "full":
                        raise
                    return bool(redis.eval(KEEP_ALIVE_EVEN_IF_FULL, 1, *map(str, (*words, ALIVE_FOR))))

        def renew_until_over() -> None:
            while not over.wait(ALIVE_FOR / 4):
                with suppress(RedisError):  # up to three in a row may fail
                    renew()

        with shared.lock:
            shared.ours |= renew()
            renewer = threading.Thread(target=renew_until_over, name="keep-alive", daemon=True)
            renewer.start()
            shared.threads += 1
        try:
            yield
        finally:
            over.set()
            renewer.join(1)  # otherwise it could renew the key after it was removed below
            with shared.lock:
                shared.threads -= 1
                if shared.ours and not shared.threads:
                    shared.ours = False
                    with suppress(RedisError):  # then it expires by itself
                        redis.unlink(identity)

    def _after_failure(self, unit: UnitOfWork, job: Job, error: BaseException, kind: type[Worker] | None) -> Outcome:
        now = self.now()
        try:  # as it was in the queue: if perform changed its arguments, the next try must not see that
            job = {**load(unit.raw), "jid": job["jid"]}
        except BadPayload:  # nested so deep that it cannot be parsed this far down the stack
            return retry.dead(unit.raw, error, now=now)
        return retry.after_failure(unit, job, error, kind, now=now)

    def now(self) -> float:
        """Return the time in epoch seconds, by Redis's clock, which all hosts share; estimated while Redis is away."""
        try:
            return connection.now(self.fetcher.redis)
        except RedisError:
            return connection.estimated_now(self.fetcher.redis)

    def _perform(self, unit: UnitOfWork, job: Job) -> Outcome:
        if decimal := sys.modules.get("decimal"):  # a copied context still shares decimal's context object
            decimal.setcontext(decimal.getcontext().copy())
        with job_context(job["class"], job["jid"]):
            kind, process = None, os.getpid()
            logger.line("start")
            started = time.perf_counter()
            try:
                kind = worker.find(str(job["class"]))
                worker.run(kind, job, self.stopping)
                exit_if_forked(process)
            except BaseException as error:  # a job that calls sys.exit() or is cancelled has failed; the process goes on
                exit_if_forked(process, error)
                if retry.is_interrupt(error):
                    raise
                outcome = self._after_failure(unit, job, error, kind)
                logger.info("fail: %.3f sec", time.perf_counter() - started)
                logger.warning("%s: %s (%s)", type(error).__name__, retry.message(error), outcome.describe(now=self.now()))
                with suppress(Exception):  # without our own frame, which is still running, the rest can be freed
                    error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
                backtrace.free_locals(error)
                return outcome
            logger.line("done: %.3f sec", time.perf_counter() - started)
            return DONE
