"""What a process tells Redis about itself.

Nobody can see into another process. So each one writes down, every few seconds, that it lives and what it is doing, in
keys that vanish after four missed beats unless they are written again:

    processes               set                    the identities of all processes, HOST:PID:HEX
    HOST:PID:HEX            hash, gone after 20 s  info (JSON), busy, beat (epoch seconds), rtt_us, quiet, rss (KB)
    HOST:PID:HEX:work       hash, gone after 20 s  thread id → the job it runs: {"queue", "payload", "run_at"}
    HOST:PID:HEX-signals    list                   what the process is asked to do: TSTP, TERM, TTIN
    stat:processed          string                 how many runs there have been; stat:processed:2026-11-23, that day's
    stat:failed             string                 how many of them failed; and so on

Sidekiq: the same keys, in `Sidekiq::Launcher#heartbeat`; its web page shows them.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from . import connection

if TYPE_CHECKING:
    from .connection import Redis
    from .processor import Processor, Work

EVERY = 5.0  # seconds between two beats
MISSED = 4  # so many beats may be missed before a process counts as dead
KEEP_DAYS = 5 * 365 * 24 * 60 * 60  # seconds that a day's numbers are kept


class Heartbeat:
    """Tells Redis about one process: `processor` runs its jobs, in `concurrency` threads, and beats `every` so many seconds.

    >>> import fakeredis
    >>> from minijobs import Fetcher, Processor
    >>> redis = fakeredis.FakeRedis()
    >>> heartbeat = Heartbeat(Processor(Fetcher("default", redis=redis, identity="host:1:abc")))
    >>> heartbeat.beat()
    []
    >>> redis.smembers("processes"), redis.hget("host:1:abc", "busy")
    ({b'host:1:abc'}, b'0')
    """

    def __init__(self, processor: Processor, *, concurrency: int = 1, every: float = EVERY, tag: str = "") -> None:
        fetcher = processor.fetcher
        self.processor = processor
        self.redis = fetcher.redis
        self.identity = fetcher.identity
        self.quiet = False
        self.expire = max(1, round(every * MISSED))  # seconds
        self.every = every
        self._last = self._steady_since = time.time()
        self.lapses = 0
        """How often it beat so late that others had taken this process for dead."""
        self.info = {
            "hostname": socket.gethostname(),
            "started_at": time.time(),
            "pid": os.getpid(),
            "tag": tag,
            "concurrency": concurrency,
            "queues": list(fetcher.queues),
            "weights": [{queue: fetcher.weights.get(queue, 0) for queue in fetcher.queues}],
            "labels": [],
            "identity": self.identity,
            "version": "minijobs",
            "embedded": False,
        }

    def beat(self, *, now: float | None = None) -> list[str]:
        """One beat: statistics, what each thread is doing, and that this process lives.

        `now` is in epoch seconds. Gives back the signals that somebody left for this process. Raises RedisUnavailable.
        """
        now = time.time() if now is None else now
        with connection.one_sentence(self.redis, "the heartbeat"):
            self._statistics(now)
            self._work()
            signals = self._alive(now)
        if now - self._last > 2 * self.every:
            self._steady_since = now
        self.lapses += now - self._last > self.expire
        self._last = now
        return signals

    def missed(self, *, now: float | None = None) -> bool:
        """Whether the last beat was so long ago that others take this process for dead."""
        return (time.time() if now is None else now) - self._last > self.expire

    def steady(self, *, now: float | None = None) -> bool:
        """Whether it has beaten regularly for so long that everybody else must have had time to beat.

        Not so at its start, nor after Redis, or this machine, or this process stood still: then the living look dead.
        """
        now = time.time() if now is None else now
        return now - self._last <= 2 * self.every and now - self._steady_since > self.expire

    def _statistics(self, now: float) -> None:
        processed, failed = self.processor.processed, self.processor.failed
        if not processed:
            return
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        pipe = self.redis.pipeline(transaction=True)
        for name, count in (("processed", processed), ("failed", failed)):
            pipe.incrby(f"stat:{name}", count)
            pipe.incrby(f"stat:{name}:{day}", count)
            pipe.expire(f"stat:{name}:{day}", KEEP_DAYS)
        pipe.execute()
        # Subtracted, not set to 0: jobs were counted meanwhile, and after an error all of them still are to be told.
        self.processor.processed -= processed
        self.processor.failed -= failed

    def _work(self) -> None:
        multi = self.redis.pipeline(transaction=True)
        multi.unlink(f"{self.identity}:work")
        if work := dict(self.processor.work):
            multi.hset(f"{self.identity}:work", mapping={tid: _describe(doing) for tid, doing in work.items()})
            multi.expire(f"{self.identity}:work", self.expire)
        multi.execute()

    def _alive(self, now: float) -> list[str]:
        asked = time.perf_counter()
        self.redis.ping()
        vital: dict[Any, Any] = {
            "info": json.dumps(self.info, separators=(",", ":")),
            "busy": len(self.processor.work),
            "beat": now,
            "rtt_us": round((time.perf_counter() - asked) * 1_000_000),
            "quiet": "true" if self.quiet else "false",
            "rss": resident_kilobytes(),
        }
        multi = self.redis.pipeline(transaction=True)
        multi.sadd("processes", self.identity)
        multi.hset(self.identity, mapping=vital)
        multi.expire(self.identity, self.expire)
        multi.rpop(f"{self.identity}-signals")
        signal = multi.execute()[-1]
        return [signal.decode()] if signal else []

    def stop(self) -> None:
        """The process ends: nothing of it is left but its statistics. Raises RedisUnavailable."""
        with connection.one_sentence(self.redis, "the last heartbeat"):
            self._statistics(time.time())
            multi = self.redis.pipeline(transaction=True)
            multi.srem("processes", self.identity)
            multi.unlink(self.identity, f"{self.identity}:work", f"{self.identity}-signals")
            multi.execute()


def living(redis: Redis, identities: Sequence[bytes]) -> list[bool]:
    """For each process, whether its heartbeat has not expired."""
    return [bool(there) for there in connection.ask(redis, *(("EXISTS", identity) for identity in identities))]


def resident_kilobytes() -> int:
    """The memory that this process occupies, in KB; 0 where the system does not say."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0


def _describe(doing: Work) -> str:
    # The payload is text inside the JSON, as Sidekiq writes it. Bytes that are no text never get as far as running.
    work = {"queue": doing.unit.queue, "payload": doing.unit.raw.decode(), "run_at": int(doing.run_at)}
    return json.dumps(work, ensure_ascii=False, separators=(",", ":"))
