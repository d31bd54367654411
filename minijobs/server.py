"""A worker process: threads that repeat the single steps of the other modules.

    performer-1 … fetch, run and settle jobs: see `dispatcher`
    dispatcher    lets them work until the end, and then requeues what is unfinished
    heart         beats every few seconds, and looks in Redis for signals to this process
    poller        moves due jobs to their queues, and rescues the jobs of dead processes
    sign-off      ends the others, whatever interrupts the main thread
    signals       acts on signals: TSTP quiet, TERM, INT and HUP stop, TTIN log where every thread is
    main thread   waits for the end; signal handlers interrupt it, and only note the signal

Sidekiq: `Sidekiq::Launcher`, `Sidekiq::Scheduled::Poller`.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from redis import RedisError

from . import connection, lifecycle, rescue, scheduled, signals
from .clock import monotonic
from .dispatcher import Dispatcher
from .fetch import Fetcher
from .heartbeat import EVERY, Heartbeat, living
from .log import logger
from .processor import Processor

if TYPE_CHECKING:
    from .connection import Redis

POLL_EVERY = 5.0  # average seconds between polls of all processes together: the more there are, the less often each polls
LONGEST = 24 * 60 * 60.0  # seconds between two beats or two polls, at most
LAST_WORDS = 5.0  # seconds allowed at the end to settle the last jobs and sign off in Redis


class TooManyThreads(RuntimeError):
    """No more threads can be started, so no job was run."""


class Server:
    """Runs jobs in `concurrency` threads until it is stopped; jobs that are still running then have `timeout` seconds left.

    `queues` and `weights` are as for Fetcher. `heartbeat` is the seconds between beats, `poll` the seconds between checks
    for due jobs. Raises ValueError for a number that is invalid. Sidekiq: `Sidekiq::Launcher`.

    >>> import fakeredis, minijobs, threading
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> class Last(minijobs.Worker):
    ...     def perform(self):
    ...         server.stop()
    >>> jid = Last.perform_async()
    >>> server = Server("default", concurrency=2)
    >>> server.run()
    0
    """

    def __init__(
        self,
        *queues: str,
        weights: Mapping[str, int] | None = None,
        concurrency: int = 10,
        timeout: float = 25,
        heartbeat: float = EVERY,
        poll: float = POLL_EVERY,
        redis: Redis | None = None,
    ) -> None:
        if type(concurrency) is not int or concurrency < 1:
            raise ValueError(f"concurrency is {concurrency!r} and must be a number of threads, from 1 on.")
        for name, value in (("timeout", timeout), ("heartbeat", heartbeat), ("poll", poll)):
            if type(value) not in (int, float) or not (value > 0 or (value == 0 and name == "timeout")):
                raise ValueError(f"{name} is {value!r} and must be a number of seconds.")
            if value > LONGEST and name != "timeout":
                raise ValueError(f"{name} is {value!r} and must be a number of seconds, {LONGEST:.0f} at most.")
        self.redis: Any = connection.current() if redis is None else connection.check_client(redis)
        self.fetcher = Fetcher(*queues, weights=weights, redis=self.redis)
        self.processor = Processor(self.fetcher)
        self.heart = Heartbeat(self.processor, concurrency=concurrency, every=heartbeat)
        self.timeout = timeout
        self.asked_to_end = False
        """Whether it received TERM, INT or HUP."""
        self.started = threading.Event()
        """Set when the handlers of startup have returned."""
        self.poll_every = poll
        self._ran = False
        self._deadline = float("inf")  # when running jobs must have finished, by monotonic()
        self._outage = connection.Outage(self.redis)
        self._dispatcher = Dispatcher(self.processor, self.heart, self._outage, concurrency)
        self._quiet, self._stop, self._ending, self._jobs_ended, self._has_beaten = (threading.Event() for _ in range(5))
        self._handlers = threading.Thread(target=lifecycle.call_at_the_end, args=(self._quiet, self._stop), daemon=True)

    def run(self) -> int:
        """Run jobs until `stop` or a signal. Returns the exit code: 0 if it was stopped, 1 if it broke.

        Jobs that are unfinished when it stops go back to their queues; this is not a failure, and it is logged. Raises
        RuntimeError if it has run before, and in a child of the process that made it: the two would share one name, and
        nobody could tell which of them had died. An exception that interrupts it, such as KeyboardInterrupt, is raised
        again once the fetched jobs are back in their queues.
        """
        if self.fetcher.current_identity() != self.heart.identity:
            raise RuntimeError("This Server was made in another process, which this one is a child of: make one in each.")
        if self._ran:
            raise RuntimeError("This Server has run, and its process has signed off: make another one.")
        self._ran = True
        tasks = {"heart": self._beat, "poller": self._poll, "dispatcher": self._dispatcher.run}
        heart, poller, dispatcher = (threading.Thread(target=task, name=name, daemon=True) for name, task in tasks.items())
        sign_off = threading.Thread(target=self._sign_off, args=(dispatcher, heart), name="sign-off", daemon=True)
        try:
            sign_off.start()  # first, so that it can end the others whatever interrupts this
            heart.start()
            # A process that fetched a job before its first beat could be taken for dead.
            while not (self._has_beaten.wait(0.05) or self._stop.is_set()):
                pass
            lifecycle.call("startup")
            self.started.set()
            for thread in (poller, dispatcher, self._handlers, *self._dispatcher.threads()):
                thread.start()
            while dispatcher.is_alive() and not self._stop.wait(1):  # signal handlers run in this thread, between waits
                pass
            if not self._stop.is_set():  # the dispatcher ended by itself
                self._dispatcher.broken = True
                self.stop(0)
        except BaseException as error:
            self.stop(0)
            self._end(sign_off)
            if str(error) == "can't start new thread":
                raise TooManyThreads("This machine does not allow so many threads: let fewer jobs run at a time.") from None
            raise
        self._end(sign_off)
        return int(self._dispatcher.broken)

    def _end(self, sign_off: threading.Thread) -> None:
        """Wait until the process has signed off, at most LAST_WORDS seconds past the deadline."""
        self._ending.set()
        while sign_off.is_alive() and monotonic() < self._deadline + LAST_WORDS:
            sign_off.join(0.1)
        if sign_off.is_alive():
            what = "a handler of this program's does not return" if self._handlers.is_alive() else "Redis does not answer"
            logger.error("%s, so this process ends all the same; another one will rescue its jobs", what)

    def _sign_off(self, dispatcher: threading.Thread, heart: threading.Thread) -> None:
        """When this process should end, wait for the jobs that still run, and sign off."""
        self._ending.wait()
        if dispatcher.ident:  # if it was started
            dispatcher.join()
        self._jobs_ended.set()
        if heart.ident:
            heart.join(connection.SOCKET_TIMEOUT)  # otherwise its last beat could come after the sign-off
        clean = self._dispatcher.clean
        try:
            self.heart.stop()
            if not self._dispatcher.broken:  # if broken, a thread may still move a job, so the list must stay known
                self.fetcher.leave(in_doubt=self._dispatcher.in_doubt)
        except RedisError as error:
            logger.error("could not sign off; another process will notice: %s", error)
            clean = False
        logger.info("stopped: %s", "nothing was left unfinished" if clean else "not everything was finished")
        if self._handlers.ident:
            self._handlers.join()

    def quiet(self) -> None:
        """Fetch no more jobs; finish those that are running. Sidekiq: TSTP."""
        self.heart.quiet = True
        self._quiet.set()
        self._dispatcher.quiet()

    def stop(self, timeout: float | None = None) -> None:
        """Fetch no more jobs, wait up to `timeout` seconds for those running, and end. Not a failure. Sidekiq: TERM."""
        self.heart.quiet = True
        self.processor.stopping.set()
        patience = self.timeout if timeout is None else timeout
        self._deadline = min(self._deadline, monotonic() + patience)
        self._dispatcher.stop(patience)
        self._quiet.set()
        self._stop.set()

    def handle_signals(self) -> None:
        """Handle TSTP, TERM, INT (a second INT stops at once), HUP and TTIN. Only the main thread may call this."""
        signals.listen(self._handle_signal)

    def _handle_signal(self, name: str) -> None:
        if name == "TSTP":
            self.quiet()
        elif name == "TTIN":
            logger.log(max(logging.WARNING, logger.level), "where each thread is:%s", signals.stacks())
        elif name in ("TERM", "INT", "HUP"):
            self.asked_to_end = True
            self.stop(0 if name == "INT" and self._stop.is_set() else None)

    def _beat(self) -> None:
        while not self._jobs_ended.is_set():
            try:
                for name in self.heart.beat():
                    self._handle_signal(name)
                self._outage.over()
                self._has_beaten.set()
            except RedisError as error:
                self._handle_error(error)
            except Exception:  # without a heartbeat, this process would be taken for dead
                logger.exception("the heartbeat failed")
            self._dispatcher.reconcile_soon()
            self._jobs_ended.wait(self.heart.every if self._has_beaten.is_set() else min(0.5, self.heart.every))

    def _poll(self) -> None:
        """Look for due jobs and for jobs of dead processes: the more processes do so, the less often each of them."""
        processes, rng = 1, random.Random()
        while not self._stop.wait(scheduled.poll_interval(self.poll_every, processes, rng.uniform)):
            try:
                scheduled.poll(self.redis)
                if self.heart.may_rescue():
                    rescue.rescue_orphans(self.redis, patience=self.heart.every, heart=self.heart)
                self._remove_dead_processes()
                processes = rescue.count_rescuers(self.redis)  # without Ruby's, which poll for due jobs but rescue none
            except RedisError as error:
                self._handle_error(error)
            except Exception:
                logger.exception("polling failed")

    def _handle_error(self, error: RedisError) -> None:
        self._dispatcher.note_error(error)
        if self._dispatcher.broken:  # Redis will always refuse
            self.stop(0)

    def _remove_dead_processes(self) -> None:
        """Remove processes whose heartbeat has expired. One that was only suspended adds itself again."""
        names = list(self.redis.smembers("processes"))
        dead = [name for name, lives in zip(names, living(self.redis, names), strict=True) if not lives]
        if dead:
            self.redis.srem("processes", *dead)
