"""Many jobs at a time, one conversation with Redis.

There is one thread more than jobs may run at a time. They are all alike, and each does what is to be done next:

    run      there is a job for it
    talk     in one round trip, settle what has been run and fetch for idle threads; one thread at a time
    watch    there is nothing: let Redis hold its answer back until a job comes (with one queue); one thread at most
    sleep    until there is a job for it, or nobody else to talk

So a thread that has run a job talks for itself and for the others, and goes on with the next one: nobody has to be woken.
Since jobs run and a watching thread are never more than `concurrency`, there always is a thread that can be woken to talk.
A job is fetched when a thread is idle, never before: nothing waits behind a slow job while another process is free.
Sidekiq: `Sidekiq::Manager`, whose threads fetch each for itself.
"""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from redis import RedisError

from . import connection
from .fetch import UnitOfWork
from .log import logger
from .retry import Outcome, dead
from .work_queue import WorkQueue

if TYPE_CHECKING:
    from .connection import Outage
    from .heartbeat import Heartbeat
    from .processor import Processor

LONGEST_PAUSE = 5.0  # seconds between two tries to reach a Redis that is away
MOST_REFUSED = 1000  # jobs that were run and that a full Redis does not take: then no more are fetched
BLOCK = 1.0  # seconds that one watches in one go: it cannot be stopped meanwhile

TALK = None  # in the queue of what is to be done: whoever takes it is to talk

Held = tuple[int, UnitOfWork]
"""A job that was fetched, with a number, because two entries may be alike to the last byte."""


class Dispatcher:
    """Fetches, has run, and settles, `concurrency` jobs at a time, until `stop`."""

    def __init__(self, processor: Processor, heart: Heartbeat, outage: Outage, concurrency: int) -> None:
        self.processor, self.fetcher = processor, processor.fetcher
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
        # What any thread may add to.
        self._todo: WorkQueue[Held | None] = WorkQueue()
        self._untold: list[tuple[int, Outcome]] = []  # was run, and Redis has not been told yet
        # Who talks has the baton. Who finds it taken may sleep, because whoever has it looks, after giving it back, whether
        # there is more to say; then it talks on or, if it has something else to do, puts TALK. The rest is for the talker.
        self._baton = threading.Lock()
        self._held: dict[int, UnitOfWork] = {}
        self._numbers = 0
        self._more = True  # whether Redis may have more jobs
        self._watched = False  # one thread watches
        self._look = False  # the heart has beaten, and our lists in Redis are to be compared with what we hold
        self._pause = 0.0  # seconds, before Redis is tried again
        self._refused: dict[int, Outcome] = {}  # was run, and could not go where it should: tried again after each beat

    def quiet(self) -> None:
        """Fetch no more."""
        self._quiet.set()

    def stop(self, timeout: float, *, broken: bool = False) -> None:
        """Fetch no more, and end as soon as nothing runs any more, or after `timeout` seconds."""
        self.broken |= broken
        self._deadline = min(self._deadline, time.monotonic() + timeout)
        self._stop.set()
        self._quiet.set()

    def look(self) -> None:
        """Compare, soon, the in-flight lists with what is held, and try again to settle what was refused."""
        self._look = True
        self._todo.put(TALK)

    def threads(self) -> list[threading.Thread]:
        """Those that do the work, not started yet."""
        names = (f"performer-{number}" for number in range(self.concurrency + 1))
        return [threading.Thread(target=self._work, name=name, daemon=True) for name in names]

    def run(self) -> None:
        """See to it that the threads have something to do, until told to stop."""
        self._todo.put(TALK)
        self._quiet.wait()
        logger.info("quiet: nothing more is fetched, %d jobs still run", len(self._held))
        self._stop.wait()
        while not self._ended:
            while not self._over():
                time.sleep(0.01)
            self._baton.acquire()
            self._ended = self._over()  # still, now that nobody can change it; and then nobody talks any more
            if not self._ended:
                self._baton.release()
                self._todo.put(TALK)
        self._give_up()
        for _ in range(self.concurrency + 1):  # who sleeps is to end
            self._todo.put(TALK)

    def _over(self) -> bool:
        # While one watches, Redis would hand it what is given back. It comes back soon, with a job or without.
        nobody_watches = self.broken or not self._watched
        return self._stop.is_set() and nobody_watches and (not self._held or time.monotonic() > self._deadline)

    def _work(self) -> None:
        """What each thread does."""
        try:
            while not self._ended:
                job = self._todo.get() or self._next()
                while job and not self._ended:
                    self._untold.append(self._run(*job))
                    job = None  # while this thread waits, it must not keep a payload
                    # Behind every job in the queue comes TALK, and whoever takes that tells of this one, too.
                    job = self._next() if self._todo.empty() else None
        except BaseException:
            self.stop(0, broken=True)
            logger.exception("a mistake in minijobs: this process ends")

    def _run(self, number: int, unit: UnitOfWork) -> tuple[int, Outcome]:
        try:
            return number, self.processor.run(unit)
        except BaseException as error:  # not the job's, that ends in run: ours, and it would come again and again
            logger.exception("this entry of queue %s cannot be dealt with, so it goes to dead as it is", unit.queue)
            return number, dead(unit.raw, error, now=self.processor.now())

    def _next(self) -> Held | None:
        """A job for this thread, after it has talked or watched; None: there is nothing for it to do but sleep."""
        while not self.broken and self._baton.acquire(blocking=False):
            job, watch, more = None, False, False
            try:
                job, watch, more = self._converse()
            except RedisError as error:
                self._went_wrong(error)
            finally:
                self._baton.release()
            more = more or self._left_unsaid()
            if not (job or watch or more):
                return None
            if more and (job or watch):
                self._todo.put(TALK)
            if job or (watch and (job := self._watch())):
                return job
        return None

    def _left_unsaid(self) -> bool:
        """Whether somebody had something to say meanwhile, found the baton taken, and sleeps now."""
        if self.in_doubt:
            return not (self._watched or self._over())
        return bool(self._untold) and self._todo.empty()

    def _converse(self) -> tuple[Held | None, bool, bool]:
        """One round trip: settle what has been run, fetch for idle threads.

        Gives back a job for this thread; whether it is to watch instead; and whether others have something to do as well.
        """
        if not self._watched and (self.in_doubt or self._look or self.heart.missed()):  # else Redis may just hand it a job
            self._look_after_lists()
        if self.in_doubt:
            return None, False, False
        run = list(self._untold)  # others add to it meanwhile
        settled = self._refused.keys() | {number for number, _ in run} if self._refused else run
        enough = self._quiet.is_set() or len(self._refused) > MOST_REFUSED
        idle = 0 if enough else max(0, self.concurrency - (len(self._held) - len(settled)) - self._watched)
        # Where there was nothing, one thread watches; several queues cannot be watched, so they are asked by the way.
        want = idle if self._more or (run and not self.fetcher.can_block) else 0
        if not (units := self._exchange(run, want) if run or want else []):
            self._watched |= (watch := idle > 0 and not self._watched)
            return None, watch, False
        mine, *others = [self._hold(unit) for unit in units]
        for job in others:
            self._todo.put(job)
        return mine, False, bool(others) or idle > len(units)

    def _exchange(self, run: list[tuple[int, Outcome]], want: int) -> list[UnitOfWork]:
        units, refused = self.fetcher.exchange([(self._held[number], outcome.to) for number, outcome in run], want)
        self.outage.over()
        self._pause = 0.0
        self._more = len(units) == want if want else self._more
        for index, (number, outcome) in enumerate(run):
            if error := refused.get(index):
                if number not in self._refused:
                    logger.error("Redis does not take a job (%s), so it waits here: %s", outcome.describe(), error)
                self._refused[number] = outcome
            else:
                del self._held[number]
                self._refused.pop(number, None)
                self.processor.count(outcome)
        del self._untold[: len(run)]
        return units

    def _watch(self) -> Held | None:
        """Wait for a job, while others run theirs and talk. Gives it back, if one came."""
        unit = None
        try:
            unit = self.fetcher.wait(BLOCK)
            if unit and self._quiet.is_set():
                self.fetcher.give_back(unit)
                unit = None
        except RedisError as error:
            self._went_wrong(error)
        with self._baton:
            self._watched = False
            self._more |= unit is not None or not self.fetcher.can_block
            if unit is None:
                return None
            job = self._hold(unit)
        self._todo.put(TALK)  # for who found the baton taken; to look for more; and to watch
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

    def _look_after_lists(self) -> None:
        """Look whether our lists in Redis hold what we hold; if they do not, or in doubt, leave them for new ones."""
        held = list(self._held.values())
        if (self.in_doubt or not self.fetcher.in_order(held)) and (lost := self.fetcher.turn(held)):
            logger.warning("an answer of Redis got lost: gave back %d jobs that it had moved", lost)
        untold = {number for number, _ in self._untold}
        self._untold += [(number, outcome) for number, outcome in self._refused.items() if number not in untold]
        self.in_doubt, self._look, self._more = False, False, True

    def _hold(self, unit: UnitOfWork) -> Held:
        number = self._numbers = self._numbers + 1
        self._held[number] = unit
        return number, unit

    def _give_up(self) -> None:
        """What is unfinished goes back to its queue, to be taken next. That is no failure, and no retry is counted."""
        if not self.broken:
            with suppress(RedisError):
                self._look = True
                self._converse()  # what came to its end in the last moment
        finished = {number for number, _ in self._untold} | self._refused.keys()
        self.clean = not (self._held or self.broken)
        # What has finished, and Redis could not be told of, another process rescues.
        for unit in [unit for number, unit in self._held.items() if number not in finished]:
            try:
                if self.fetcher.give_back(unit):
                    logger.warning("gave back unfinished: %s", unit.raw.decode(errors="backslashreplace"))
            except RedisError as error:
                logger.error("could not give back a job; another process will rescue it: %s", error)
                return
