"""A worker process: the steps that the other files take once, repeated in threads.

    dispatcher    fetches, has run, and settles: see `dispatcher`
    heart         beats every few seconds, and looks for signals that somebody left in Redis
    poller        moves what is due to its queue, and rescues the jobs of dead processes
    main thread   waits for signals: TSTP quiet, TERM and INT stop, TTIN print where every thread is

Sidekiq: `Sidekiq::Launcher`, `Sidekiq::Scheduled::Poller`.
"""

from __future__ import annotations

import faulthandler
import random
import signal
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from redis import RedisError

from . import connection, rescue, scheduled
from .dispatcher import Dispatcher
from .fetch import Fetcher
from .heartbeat import EVERY, Heartbeat, living
from .log import logger
from .processor import Processor

if TYPE_CHECKING:
    from .connection import Redis

POLL_EVERY = 5.0  # seconds, on average and for each process: the more there are, the less often each of them looks


class Server:
    """Runs jobs in `concurrency` threads until it is told to stop; then what still runs has `timeout` seconds.

    `queues` and `weights` as for Fetcher. `heartbeat` and `poll` are the seconds between two beats, and between two looks
    for what is due. Sidekiq: `Sidekiq::Launcher`.

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
        self.redis: Any = connection.current() if redis is None else redis
        self.fetcher = Fetcher(*queues, weights=weights, redis=self.redis)
        self.processor = Processor(self.fetcher)
        self.heart = Heartbeat(self.processor, concurrency=concurrency, every=heartbeat)
        self.timeout = timeout
        self.asked_to_end = False
        """Whether somebody sent TERM or INT."""
        self.poll_every = poll
        self._outage = connection.Outage(self.redis)
        self._dispatcher = Dispatcher(self.processor, self.heart, self._outage, concurrency)
        self._stop, self._ended = threading.Event(), threading.Event()

    def run(self) -> int:
        """Work until told to stop. Gives back the exit code: 0, or 1 if something was left unfinished."""
        tasks = {"heart": self._beat, "poller": self._poll, "dispatcher": self._dispatcher.run}
        heart, poller, dispatcher = (threading.Thread(target=task, name=name, daemon=True) for name, task in tasks.items())
        for thread in (heart, poller, dispatcher):
            thread.start()
        while dispatcher.is_alive() and not self._stop.wait(1):  # signals are handled in this thread, between two waits
            pass
        dispatcher.join()
        self._ended.set()
        heart.join(connection.SOCKET_TIMEOUT)  # or its last beat could come after the farewell
        clean = self._dispatcher.clean
        try:
            self.heart.stop()
            if not self._dispatcher.broken:  # then a thread may still move a job, and somebody has to know the list
                self.fetcher.leave()
        except RedisError as error:
            logger.error("could not sign off; another process will notice: %s", error)
            clean = False
        logger.info("stopped: %s", "nothing was left unfinished" if clean else "not everything was finished")
        return 0 if clean else 1

    def quiet(self) -> None:
        """Fetch no more; finish what runs. Sidekiq: TSTP."""
        self.heart.quiet = True
        self._dispatcher.quiet()

    def stop(self, timeout: float | None = None) -> None:
        """Fetch no more, wait `timeout` seconds at most for what runs, and end. That is no failure. Sidekiq: TERM."""
        self.heart.quiet = True
        self.processor.stopping.set()
        self._dispatcher.stop(self.timeout if timeout is None else timeout)
        self._stop.set()

    def handle_signals(self) -> None:
        """React to TSTP, TERM, INT (the second one: at once) and TTIN from now on. Only the main thread may call this."""
        for name in ("TSTP", "TERM", "INT", "TTIN"):
            if number := getattr(signal, f"SIG{name}", None):  # Windows has not all of them
                signal.signal(number, lambda *_, name=name: self._obey(name))

    def _obey(self, name: str) -> None:
        if name == "TSTP":
            self.quiet()
        elif name == "TTIN":
            faulthandler.dump_traceback(all_threads=True)
        elif name in ("TERM", "INT"):
            self.asked_to_end = True
            self.stop(0 if name == "INT" and self._stop.is_set() else None)

    def _beat(self) -> None:
        while not self._ended.is_set():
            try:
                for name in self.heart.beat():
                    self._obey(name)
                self._outage.over()
            except RedisError as error:
                self._outage.noticed(error)
            except Exception:  # without a heart, others would take this process for dead
                logger.exception("the heartbeat failed")
            self._ended.wait(self.heart.every)

    def _poll(self) -> None:
        processes = 1
        while not self._stop.wait(self.poll_every * max(1, processes) * random.uniform(0.5, 1.5)):
            try:
                scheduled.poll(self.redis)
                if self.heart.steady():
                    rescue.rescue_orphans(self.redis, patience=self.heart.every)
                processes = self._living()
            except RedisError as error:
                self._outage.noticed(error)
            except Exception:
                logger.exception("polling failed")

    def _living(self) -> int:
        """How many processes there are. Those whose heartbeat has expired are struck off; who only slept comes back."""
        names = list(self.redis.smembers("processes"))
        dead = [name for name, lives in zip(names, living(self.redis, names), strict=True) if not lives]
        if dead:
            self.redis.srem("processes", *dead)
        return len(names) - len(dead)
