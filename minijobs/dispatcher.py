"""Many jobs at a time, one conversation with Redis. The pattern is called *leader/followers*.

There is one thread more than jobs may run at a time. They are all alike: none of them is a boss. The one that leads speaks
to Redis for all: in one round trip it tells which jobs have finished, and fetches as many as threads are idle.
It keeps one of these for itself, and runs it; to lead is then up to the next thread that has something to say. So a thread
that has run a job need not wake another one, wait for it, and be woken, which would take longer than many a job.

A thread is in one of four states (`State`), and these are all the ways from one to the next:

    FOLLOWING -> RUNNING      the leader has fetched a job for it
    FOLLOWING -> LEADING      it was asked to lead
    FOLLOWING -> FOLLOWING    it was asked to lead, and another thread does already
    LEADING   -> RUNNING      it has fetched a job for itself
    LEADING   -> FETCHING     there was no job: Redis is to hold its answer back until one comes (one queue, one thread)
    LEADING   -> FOLLOWING    there is nothing left to do for it
    LEADING   -> LEADING      another thread found it leading, and follows now: it tells Redis of that one's job
    FETCHING  -> RUNNING      a job came
    FETCHING  -> LEADING      none came in a second; meanwhile others may have finished
    FETCHING  -> FOLLOWING    none came, and another thread leads
    RUNNING   -> LEADING      its job has finished, and Redis is to know
    RUNNING   -> FOLLOWING    its job has finished; another thread leads, or a job or the lead waits for a thread already

Since running jobs and a fetching thread are never more than `concurrency`, there always is a follower that can be asked to
lead. A job is fetched when a thread is idle, never before: none waits behind a slow job while another process is free.
Sidekiq: `Sidekiq::Manager`, whose threads fetch each for itself.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from enum import Enum
from threading import get_ident
from typing import TYPE_CHECKING

from redis import RedisError

from . import connection
from .held_jobs import Held, HeldJobs
from .log import logger
from .retry import dead
from .work_queue import WorkQueue

if TYPE_CHECKING:
    from .connection import Outage
    from .fetch import UnitOfWork
    from .heartbeat import Heartbeat
    from .processor import Processor

LONGEST_PAUSE = 5.0  # seconds between two tries to reach a Redis that is away
MOST_REFUSED = 1000  # jobs that were run and that a full Redis does not take: then no more are fetched
BLOCK = 1.0  # seconds that a thread waits in Redis in one go: it cannot be stopped meanwhile

LEAD = None  # among the jobs that wait for a thread: the thread that takes it is to lead


class State(Enum):
    """What a thread is doing."""

    FOLLOWING = "following"
    LEADING = "leading"
    FETCHING = "fetching"
    RUNNING = "running"


class Dispatcher:
    """Fetches, has run, and settles, `concurrency` jobs at a time, until `stop`."""

    def __init__(self, processor: Processor, heart: Heartbeat, outage: Outage, concurrency: int) -> None:
        self.processor, self.fetcher, self.held = processor, processor.fetcher, HeldJobs(processor)
        self.heart = heart
        self.outage = outage
        self.concurrency = concurrency
        self.clean = False
        """Whether it came to its end, and nothing was left unfinished."""
        self.broken = False
        """Whether a mistake of ours ended a thread, or Redis refuses for good what we ask."""
        self.in_doubt = False
        """Whether an answer got lost: what was asked for may still be done, and nobody here would know of it."""
        self._ended = False  # nothing is run any more
        self._quiet, self._stop, self._deadline = threading.Event(), threading.Event(), float("inf")
        self.states: dict[int, State] = {}  # by thread
        # What any thread may add to.
        self._waiting: WorkQueue[Held | None] = WorkQueue()  # jobs that wait for a thread, and LEAD
        # A thread that finds this lock taken may follow: the leader, after it has released the lock, looks whether
        # there is more to do. Then it leads once more or, if it has a job to run, puts LEAD. The rest is the leader's alone.
        self._leader = threading.Lock()
        self._more = True  # whether Redis may have more jobs
        self._fetching = False  # a thread is in that state, or about to be
        self._compare = False  # our lists in Redis are to be compared with what we hold
        self._pause = 0.0  # seconds, before Redis is tried again

    def quiet(self) -> None:
        """Fetch no more."""
        self._quiet.set()

    def stop(self, timeout: float, *, broken: bool = False) -> None:
        """Fetch no more, and end as soon as nothing runs any more, or after `timeout` seconds."""
        self.broken |= broken
        self._deadline = min(self._deadline, time.monotonic() + timeout)
        self._stop.set()
        self._quiet.set()

    def reconcile_soon(self) -> None:
        """Have the in-flight lists compared with what is held, and try again to settle what was refused."""
        self._compare = True
        self._waiting.put(LEAD)

    def threads(self) -> list[threading.Thread]:
        """Those that do the work, not started yet."""
        names = (f"performer-{number}" for number in range(self.concurrency + 1))
        return [threading.Thread(target=self._work, name=name, daemon=True) for name in names]

    def run(self) -> None:
        """See to it that the threads have something to do, until told to stop."""
        self._waiting.put(LEAD)
        self._quiet.wait()
        logger.info("quiet: nothing more is fetched, %d jobs still run", self.held.running())
        self._stop.wait()
        while not self._ended:
            while not self._over():
                time.sleep(0.01)
            self._leader.acquire()
            self._ended = self._over()  # still, now that nobody can change it; and then nobody leads any more
            if not self._ended:
                self._leader.release()
                self._waiting.put(LEAD)
        if not self.broken:
            with suppress(RedisError):
                self._compare = True
                self._exchange()  # what came to its end in the last moment
        self.clean = not (self.held.jobs or self.broken)
        self.held.requeue_unfinished()
        for _ in range(self.concurrency + 1):  # who sleeps is to end
            self._waiting.put(LEAD)

    def _over(self) -> bool:
        # To a thread that waits in Redis, Redis would hand what is requeued. It comes back soon, with a job or without.
        nobody_fetches = self.broken or not self._fetching
        return self._stop.is_set() and nobody_fetches and (not self.held.jobs or time.monotonic() > self._deadline)

    def _work(self) -> None:
        """The life of a thread."""
        ran = False
        try:
            while not self._ended:
                # Behind each job that waits for a thread comes LEAD: the thread that takes that one tells of this job, too.
                job = self._lead() if ran and self._waiting.empty() else None
                job = job or self._follow() or self._lead()
                ran = job is not None
                if job and not self._ended:
                    self._run(*job)
                job = None  # while this thread waits, it must not keep a payload
        except BaseException:
            self.stop(0, broken=True)
            logger.exception("a mistake in minijobs: this process ends")

    def _run(self, number: int, unit: UnitOfWork) -> None:
        self.states[get_ident()] = State.RUNNING
        try:
            outcome = self.processor.run(unit)
        except BaseException as error:  # not the job's, that ends in run: ours, and it would come again and again
            logger.exception("this entry of queue %s cannot be dealt with, so it goes to dead as it is", unit.queue)
            outcome = dead(unit.raw, error, now=self.processor.now())
        self.held.finish(number, outcome)

    def _follow(self) -> Held | None:
        """Wait for a job; None: this thread is to lead."""
        self.states[get_ident()] = State.FOLLOWING
        return self._waiting.get()

    def _lead(self) -> Held | None:
        """A job for this thread, that it fetched as the leader, or waited for in Redis; None: it is to follow."""
        while not self.broken and self._leader.acquire(blocking=False):
            self.states[get_ident()] = State.LEADING
            job, fetch, more = None, False, False
            try:
                job, fetch, more = self._exchange()
            except RedisError as error:
                self._went_wrong(error)
            finally:
                self._leader.release()
            more = more or self._left_over()
            if not (job or fetch or more):
                return None
            if more and (job or fetch):
                self._waiting.put(LEAD)
            if job or (fetch and (job := self._fetch())):
                return job
        return None

    def _left_over(self) -> bool:
        """Whether another thread had something to say meanwhile, found the lock taken, and follows now."""
        if self.in_doubt:
            return not (self._fetching or self._over())
        return bool(self.held.finished) and self._waiting.empty()

    def _exchange(self) -> tuple[Held | None, bool, bool]:
        """One round trip: settle what has finished, fetch for idle threads.

        Returns a job for this thread; whether it is to wait in Redis instead; and whether others have something to do, too.
        """
        if not self._fetching and (self.in_doubt or self._compare or self.heart.missed()):  # else a job may be on its way
            self.held.reconcile(in_doubt=self.in_doubt)
            self.in_doubt, self._compare, self._more = False, False, True
        if self.in_doubt:
            return None, False, False
        enough = self._quiet.is_set() or len(self.held.refused) > MOST_REFUSED
        idle = 0 if enough else max(0, self.concurrency - self.held.running() - self._fetching)
        # Where there was nothing, one thread waits in Redis; that is for one queue only, so several are asked in passing.
        want = idle if self._more or (self.held.finished and not self.fetcher.can_block) else 0
        jobs: list[Held] = []
        if want or self.held.finished:
            jobs = self.held.exchange(want)
            self.outage.over()
            self._pause, self._more = 0.0, len(jobs) == want if want else self._more
        if not jobs:
            self._fetching |= (fetch := idle > 0 and not self._fetching)
            return None, fetch, False
        mine, *others = jobs
        for job in others:
            self._waiting.put(job)
        return mine, False, bool(others) or idle > len(jobs)

    def _fetch(self) -> Held | None:
        """Wait in Redis for a job, while others run theirs and lead. Returns it, if one came."""
        self.states[get_ident()] = State.FETCHING
        unit = None
        try:
            unit = self.fetcher.wait(BLOCK)
            if unit and self._quiet.is_set():
                self.fetcher.requeue(unit)
                unit = None
        except RedisError as error:
            self._went_wrong(error)
        with self._leader:
            self._fetching = False
            self._more |= unit is not None or not self.fetcher.can_block
            if unit is None:
                return None
            job = self.held.hold(unit)
        self._waiting.put(LEAD)  # for a thread that found the lock taken; to look for more; and to wait in Redis
        return job

    def _went_wrong(self, error: RedisError) -> None:
        """Redis did not answer: wait a little, and longer each time. Or it answered no, and always will."""
        kind = connection.kind_of(error)
        self.heart.doubt()
        if kind == "away":
            self.outage.noticed(error)
        elif kind == "refused":
            logger.error("Redis refuses what a worker process asks, so this one ends: %s", error)
            self.stop(0, broken=True)
        else:
            logger.warning("Redis refused this, and it is tried again: %s", error)
        self.in_doubt |= kind != "full"
        self._pause = min(max(2 * self._pause, 0.1), LONGEST_PAUSE)
        if self._stop.wait(self._pause):
            time.sleep(0.1)
