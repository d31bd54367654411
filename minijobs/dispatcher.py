"""Runs many jobs at a time. One thread at a time settles and fetches for all of them: the pattern *leader/followers*.

There are `concurrency` + 1 threads. They are all alike, and any of them can lead. The leader talks to Redis on behalf of
all: in one round trip it settles the jobs that have finished, and fetches one for each idle thread. It keeps one of those
for itself and runs it, and the next thread that has a job to settle becomes the leader. So a thread that has run a job does
not have to wake another one, wait for it and be woken again: that would cost more time than many jobs take. When all queues
are empty, one more thread waits in Redis for the next job.

A thread is in one of four states (`State`), and these are all the transitions:

    FOLLOWING -> RUNNING      the leader has fetched a job for it
    FOLLOWING -> LEADING      it was asked to lead
    FOLLOWING -> FOLLOWING    it was asked to lead, but another thread already does
    LEADING   -> RUNNING      it has fetched a job for itself
    LEADING   -> FETCHING     there was no job: one thread waits for one (inside Redis, if there is a single queue)
    LEADING   -> FOLLOWING    there is nothing left for it to do
    LEADING   -> LEADING      another thread has finished a job and could not lead; or Redis gave an error: once more
    FETCHING  -> RUNNING      a job came
    FETCHING  -> LEADING      none came in time; meanwhile other jobs may have finished
    FETCHING  -> FOLLOWING    none came, and another thread leads
    RUNNING   -> LEADING      its job has finished, and has to be settled
    RUNNING   -> FOLLOWING    its job has finished; another thread leads, or a job or LEAD is already waiting for a thread

Each thread runs `Dispatcher._loop`, and gets its next job in one of three ways:

    as the leader, from a queue    _lead > _dispatch > HeldJobs.settle_finished > Fetcher.settle_and_fetch > SETTLE_AND_FETCH
    if all queues are empty        _lead > _blocking_fetch > Fetcher.blocking_fetch > BRPOPLPUSH (several: sleep, lead)
    as a follower                  _follow > WorkQueue.get, where the leader has put it

The running jobs and a fetching thread together never exceed `concurrency`, so there is always a follower that can be asked
to lead. A job is fetched only when a thread is idle: none waits behind a slow job while another process is free.
Sidekiq: `Sidekiq::Manager`, whose threads each fetch for themselves.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from enum import Enum
from threading import get_ident
from typing import TYPE_CHECKING, NamedTuple

from redis import RedisError

from . import connection
from .clock import monotonic
from .held_jobs import Held, HeldJobs
from .log import logger
from .retry import dead
from .work_queue import WorkQueue

if TYPE_CHECKING:
    from .connection import Outage
    from .fetch import UnitOfWork
    from .heartbeat import Heartbeat
    from .processor import Processor

LONGEST_PAUSE = 5.0  # seconds between two attempts, at most, while Redis is unreachable
MOST_REFUSED = 1000  # when a full Redis refuses to settle more jobs than this, no more are fetched
BLOCK = 1.0  # seconds of one blocking fetch, during which the thread cannot be stopped

LEAD = None  # in the queue of jobs that wait for a thread, it stands for no job: the thread that takes it should lead


class State(Enum):
    """What a thread is doing."""

    FOLLOWING = "following"
    LEADING = "leading"
    FETCHING = "fetching"
    RUNNING = "running"


class Turn(NamedTuple):
    """What one turn as the leader leaves to do."""

    job: Held | None = None
    """A job for the leader itself."""
    block: bool = False
    """Whether there was no job, and the leader should wait in Redis for one."""
    more: bool = False
    """Whether another thread should lead next, because there are jobs for others, or another one should wait in Redis."""


class Dispatcher:
    """Fetches, runs and settles jobs, up to `concurrency` at a time, until `stop`."""

    def __init__(self, processor: Processor, heart: Heartbeat, outage: Outage, concurrency: int) -> None:
        self.processor, self.fetcher, self.held = processor, processor.fetcher, HeldJobs(processor)
        self.heart = heart
        self.outage = outage
        self.concurrency = concurrency
        self.clean = False
        """Whether it ended as it should, with nothing left unfinished."""
        self.broken = False
        """Whether a bug in minijobs ended a thread, or Redis will never allow what we ask."""
        self.in_doubt = False
        """Whether a reply was lost: the command may still take effect without this process knowing."""
        self._ended = False  # no more jobs are run
        self._quiet, self._stop, self._deadline = threading.Event(), threading.Event(), float("inf")
        self.states: dict[int, State] = {}  # by thread
        # Any thread may add to this.
        self._work_queue: WorkQueue[Held | None] = WorkQueue()  # jobs that wait for a thread, and LEAD
        # A thread that finds this lock taken can simply follow: after releasing it, the leader checks whether there is more
        # to do. If so, it leads once more or, if it has a job to run, puts LEAD. The lock guards the attributes below,
        # except that `reconcile_soon` sets `_reconcile_due`, and a blocking fetch that fails sets `_pause`.
        self._leader_lock = threading.Lock()
        self._more_in_redis = True  # whether the queues may hold jobs: the last fetch got all that it wanted
        self._fetching = False  # whether a thread is FETCHING, or about to be
        self._reconcile_due = False  # whether our lists in Redis should be compared with the held jobs
        self._pause = 0.0  # seconds before the next attempt, after an error

    def quiet(self) -> None:
        """Fetch no more jobs."""
        self._quiet.set()

    def stop(self, timeout: float, *, broken: bool = False) -> None:
        """Fetch no more jobs, and end as soon as none is running, or after `timeout` seconds."""
        self.broken |= broken
        self._deadline = min(self._deadline, monotonic() + timeout)
        self._stop.set()
        self._quiet.set()

    def reconcile_soon(self) -> None:
        """Let the leader compare the in-flight lists with the held jobs, and try again to settle what was refused."""
        self._reconcile_due = True
        self._work_queue.put(LEAD)

    def threads(self) -> list[threading.Thread]:
        """The threads that do the work, not started yet."""
        names = (f"performer-{number}" for number in range(self.concurrency + 1))
        return [threading.Thread(target=self._loop, name=name, daemon=True) for name in names]

    def run(self) -> None:
        """Let the threads work until `stop`; then settle what has finished, and requeue the rest."""
        self._work_queue.put(LEAD)
        self._quiet.wait()
        logger.info("quiet: nothing more is fetched, jobs still running: %d", self.held.running())
        self._stop.wait()
        while not self._ended:
            while not self._may_end():
                time.sleep(0.01)
            self._leader_lock.acquire()
            self._ended = self._may_end()  # if so, the lock is kept, so that no thread leads again
            if not self._ended:
                self._leader_lock.release()
                self._work_queue.put(LEAD)
        if not self.broken:
            with suppress(RedisError):
                self._reconcile_due = True
                self._dispatch()  # settles what finished at the last moment
        self.clean = not (self.held.jobs or self.broken)
        self.held.requeue_unfinished()
        for _ in range(self.concurrency + 1):  # wakes the sleeping threads, so that they end
            self._work_queue.put(LEAD)

    def _may_end(self) -> bool:
        # Redis would hand a requeued job to a thread that waits there, so that thread must return first. It soon does.
        nobody_fetches = self.broken or not self._fetching
        return self._stop.is_set() and nobody_fetches and (not self.held.jobs or monotonic() > self._deadline)

    def _loop(self) -> None:
        """What each thread does until the end: it gets a job, by leading or by following, and runs it."""
        leads = False
        try:
            while not self._ended:
                job = self._lead() if leads else self._follow()
                if job is None:
                    leads = not leads  # as a follower, it was asked to lead; as the leader, it found nothing left to do
                elif not self._ended:
                    self._run(*job)
                    # If jobs wait for a thread, LEAD follows behind them, and the thread that takes it settles this job too.
                    leads = self._work_queue.empty()
                job = None  # so that a thread that waits keeps no payload in memory
        except BaseException:
            self.stop(0, broken=True)
            logger.exception("a mistake in minijobs: this process ends")

    def _follow(self) -> Held | None:
        """Wait for a job and return it; None if this thread should lead."""
        self.states[get_ident()] = State.FOLLOWING
        return self._work_queue.get()

    def _lead(self) -> Held | None:
        """Talk to Redis for all threads. Returns a job for this thread; None if it should follow."""
        while not self.broken and self._leader_lock.acquire(blocking=False):
            self.states[get_ident()] = State.LEADING
            try:
                turn = self._dispatch()
            except RedisError as error:
                self._try_again_later(error)
                turn = Turn()
            finally:
                self._leader_lock.release()
            more = turn.more or self._must_lead_again()
            if turn.job or turn.block:
                if more:
                    self._work_queue.put(LEAD)  # another thread leads on, while this one runs its job or waits for one
                job = turn.job or self._blocking_fetch()
                if job:
                    return job
            elif not more:
                return None
        return None

    def _must_lead_again(self) -> bool:
        """Whether there is more to do: after an error, or if another thread has finished a job, and could not lead.

        After an error nothing can be compared before a thread that is FETCHING has returned; then that thread leads.
        """
        if self.in_doubt:
            return not (self._fetching or self._may_end())
        return bool(self.held.finished) and self._work_queue.empty()

    def _dispatch(self) -> Turn:
        """Settle the finished jobs and fetch one for each idle thread, in one round trip; then hand the jobs out."""
        # Not while a thread is fetching: a job may be on its way.
        if not self._fetching and (self.in_doubt or self._reconcile_due or self.heart.looks_dead()):
            self.held.reconcile(in_doubt=self.in_doubt)
            self.in_doubt, self._reconcile_due, self._more_in_redis = False, False, True
        if self.in_doubt:
            return Turn()  # a thread is FETCHING, and leads when it returns
        enough = self._quiet.is_set() or len(self.held.refused) > MOST_REFUSED
        idle = 0 if enough else max(0, self.concurrency - self.held.running() - self._fetching)
        # Once a fetch found nothing, one thread waits in Redis. It can wait for one queue only; several are polled
        # whenever jobs are settled, and every LOOK_EVERY seconds.
        want = idle if self._more_in_redis or (self.held.finished and not self.fetcher.can_block) else 0
        jobs: list[Held] = []
        if want or self.held.finished:
            jobs = self.held.settle_finished(fetch=want)
            self.outage.over()
            self._pause = 0.0
            if want:
                self._more_in_redis = len(jobs) == want
        if jobs:
            mine, *others = jobs
            for job in others:
                self._work_queue.put(job)
            return Turn(job=mine, more=bool(others) or idle > len(jobs))
        block = idle > 0 and not self._fetching
        self._fetching |= block
        return Turn(block=block)

    def _blocking_fetch(self) -> Held | None:
        """Wait in Redis for a job, while other threads lead and run theirs. Returns the job, or None if none came."""
        self.states[get_ident()] = State.FETCHING
        unit = None
        try:
            unit = self.fetcher.blocking_fetch(BLOCK)
            if unit and self._quiet.is_set():
                self.fetcher.requeue(unit)
                unit = None
        except RedisError as error:
            self._try_again_later(error)
        with self._leader_lock:
            self._fetching = False
            # With several queues, nobody has looked into them: so the next leader does.
            self._more_in_redis |= unit is not None or not self.fetcher.can_block
            if unit is None:
                return None
            job = self.held.hold(unit)
        self._work_queue.put(LEAD)  # to settle for a thread that found the lock taken, fetch more, and wait in Redis
        return job

    def _run(self, number: int, unit: UnitOfWork) -> None:
        self.states[get_ident()] = State.RUNNING
        try:
            outcome = self.processor.run(unit)
        except BaseException as error:  # a bug in minijobs, since run handles the job's own errors; it would recur each time
            logger.exception("this entry of queue %s cannot be processed, so it goes to dead as it is", unit.queue)
            outcome = dead(unit.raw, error, now=self.processor.now())
        self.held.finish(number, outcome)

    def note_error(self, error: RedisError) -> None:
        """Log an error of Redis, and stop if Redis will always refuse."""
        kind = connection.kind_of(error)
        self.heart.postpone_rescue()
        if kind == "away":
            self.outage.noticed(error)
        elif kind == "refused":
            logger.error("Redis refuses what a worker process asks, so this one ends: %s", error)
            self.stop(0, broken=True)
        else:
            logger.warning("Redis refused this, and it is tried again: %s", error)

    def _try_again_later(self, error: RedisError) -> None:
        """Note an error, and wait before the next attempt, longer each time.

        The leader waits with the lock in its hands, so that no other thread tries meanwhile.
        """
        self.note_error(error)
        self.in_doubt |= connection.kind_of(error) != "full"
        self._pause = min(max(2 * self._pause, 0.1), LONGEST_PAUSE)
        if self._stop.wait(self._pause):
            time.sleep(0.1)  # it returns at once when the process is to stop, and Redis may still be away
