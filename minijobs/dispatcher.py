"""Many jobs at a time, one conversation with Redis.

    dispatcher    in one round trip it settles what has been run and fetches for idle threads
    performers    run the jobs, as many at a time as there are threads
    waiter        when there is nothing: lets Redis hold its answer back until a job comes (with one queue)

A job is fetched when a thread is idle, never before: nothing waits behind a slow job while another process is free.
Sidekiq: `Sidekiq::Manager`, whose threads fetch each for itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from redis import RedisError

from .fetch import LOOK_EVERY, UnitOfWork
from .log import logger
from .retry import Outcome, dead

if TYPE_CHECKING:
    from redis.client import Pipeline

    from .connection import Outage
    from .heartbeat import Heartbeat
    from .processor import Processor

LONGEST_PAUSE = 5.0  # seconds between two tries to reach a Redis that is away
BLOCK = 1.0  # seconds that the waiter waits in one go: it cannot be stopped meanwhile


class Dispatcher:
    """Fetches, has run, and settles, in `concurrency` threads, until `stop`. Its own thread is the one that calls `run`."""

    def __init__(self, processor: Processor, heart: Heartbeat, outage: Outage, concurrency: int) -> None:
        self.processor = processor
        self.fetcher = processor.fetcher
        self.heart = heart
        self.outage = outage
        self.concurrency = concurrency
        self.clean = False
        """Whether it came to its end, and nothing was left unfinished."""
        self._quiet, self._stop = threading.Event(), threading.Event()
        self._deadline = float("inf")
        self._held: dict[int, UnitOfWork] = {}  # by a number, because two entries may be alike to the last byte
        self._settled: list[tuple[int, Outcome]] = []  # run, and Redis has not been told yet
        self._numbers = 0
        self._waiting = False  # the waiter has a thread's place reserved
        self._in_doubt = False  # an answer got lost, or we slept: our lists in Redis may not hold what we hold
        self._lapses = 0  # how many of the heart's are known here
        self._gone: set[int] = set()  # held, but not in our lists any more: settled already, or rescued by others
        self._todo: SimpleQueue[tuple[int, UnitOfWork]] = SimpleQueue()
        self._wanted: SimpleQueue[None] = SimpleQueue()
        self._events: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def quiet(self) -> None:
        """Fetch no more."""
        self._quiet.set()
        self._events.put(lambda: logger.info("quiet: nothing more is fetched, %d jobs still run", len(self._held)))

    def stop(self, timeout: float) -> None:
        """Fetch no more, and end as soon as nothing runs any more, or after `timeout` seconds."""
        self._deadline = time.monotonic() + timeout
        self._stop.set()
        self.quiet()

    def run(self) -> None:
        """Work until told to stop."""
        tasks = {"waiter": self._wait} | {f"performer-{number}": self._perform for number in range(self.concurrency)}
        for name, task in tasks.items():
            threading.Thread(target=task, name=name, daemon=True).start()
        pause, there_is_more = 0.0, True
        while not self._over():
            try:
                self._hear(pause or self._patience(there_is_more))
                there_is_more = self._converse(there_is_more)
                pause = 0.0
            except RedisError as error:
                self.outage.noticed(error)
                self._in_doubt = True
                pause = min(max(2 * pause, 0.1), LONGEST_PAUSE)
        self._give_up()

    def _over(self) -> bool:
        # While the waiter waits, Redis would hand it what is given back. It comes back soon, with a job or without.
        if not self._stop.is_set() or self._waiting:
            return False
        return not self._held or time.monotonic() > self._deadline

    def _patience(self, there_is_more: bool) -> float:
        """How many seconds to listen before Redis is asked again."""
        if self._idle() and not self._quiet.is_set() and not self._waiting:
            if there_is_more:
                return 0.0
            if len(self.fetcher.queues) > 1:
                return LOOK_EVERY
            self._waiting = True
            self._wanted.put(None)
        return min(1.0, max(0.01, self._deadline - time.monotonic()))

    def _hear(self, seconds: float) -> None:
        """Take in what the other threads have to say; wait for the first of it."""
        try:
            event = self._events.get(timeout=seconds) if seconds else self._events.get_nowait()
            while True:
                event()
                event = self._events.get_nowait()
        except Empty:
            return

    def _converse(self, there_is_more: bool) -> bool:
        """One round trip: settle what has been run, fetch for idle threads. Gives back whether there may be more."""
        if self.heart.missed() or self.heart.lapses > self._lapses:
            self._lapses, self._in_doubt = self.heart.lapses, True
        if self._in_doubt:
            if self._waiting:  # Redis may be handing it a job just now, and that one is not lost
                return False
            self._take_stock()
        want = 0 if self._quiet.is_set() or self._waiting else self._idle()
        want = want if there_is_more else min(want, 1)  # where there was nothing, one question is enough to learn of more
        if not (want or self._settled):
            return False
        settled = [(self._held[number], outcome.enter) for number, outcome in self._settled if number not in self._gone]
        units = self.fetcher.exchange(settled, want)
        self.outage.over()
        for number, outcome in self._settled:
            del self._held[number]
            self._gone.discard(number)
            self.processor.count(outcome)
        self._settled.clear()
        for unit in units:
            self._start(unit)
        return len(units) == want

    def _take_stock(self) -> None:
        """Learn from Redis what became of what we hold. A failure that is settled twice could be tried twice."""
        run = {number for number, _ in self._settled}
        # Those that still run first: of two entries that are alike, theirs is the one that is there.
        held = {number: self._held[number] for number in sorted(self._held, key=run.__contains__)}
        lost, gone = self.fetcher.recover(held)
        if lost:
            logger.warning("an answer of Redis got lost: gave back %d jobs that it had moved", lost)
        self._gone |= gone
        self._in_doubt = False

    def _idle(self) -> int:
        return self.concurrency - len(self._held) + len(self._settled)

    def _start(self, unit: UnitOfWork) -> None:
        self._numbers += 1
        self._held[self._numbers] = unit
        self._todo.put((self._numbers, unit))

    def _came(self, unit: UnitOfWork | None) -> None:
        self._waiting = False
        if unit is not None:
            self._start(unit) if not self._quiet.is_set() else self.fetcher.give_back(unit)

    def _went_wrong(self, error: RedisError) -> None:
        self._waiting = False
        raise error

    def _give_up(self) -> None:
        """What is unfinished goes back to its queue, to be taken next. That is no failure, and no retry is counted."""
        untold = self._gone.union(number for number, _ in self._settled)
        self.clean = not self._held
        for number, unit in self._held.items():
            try:
                if number not in untold:
                    self.fetcher.give_back(unit)
                    logger.warning("gave back unfinished: %s", unit.raw.decode(errors="backslashreplace"))
            except RedisError as error:
                logger.error("could not give back a job; another process will rescue it: %s", error)
                return

    # The threads of the others.

    def _perform(self) -> None:
        while True:
            number, unit = self._todo.get()
            try:
                outcome = self.processor.run(unit)
            except Exception as error:  # not the job's, that ends in run: ours, and it would come again and again
                logger.exception("this entry of queue %s cannot be dealt with, so it goes to dead as it is", unit.queue)
                outcome = dead(unit.raw, error, now=time.time())
            except BaseException:  # only what stops a whole process gets here; a thread cannot be stopped like that
                outcome = Outcome("stopped", enter=partial(_requeue, unit))
            self._events.put(partial(self._settled.append, (number, outcome)))

    def _wait(self) -> None:
        while True:
            self._wanted.get()
            try:
                unit = self.fetcher.wait(BLOCK)
            except RedisError as error:
                self._events.put(partial(self._went_wrong, error))
            else:
                self._events.put(partial(self._came, unit))


def _requeue(unit: UnitOfWork, multi: Pipeline) -> None:
    multi.rpush(f"queue:{unit.queue}", unit.raw)
