"""What a process reports to Redis about itself.

One process cannot see into another. So every few seconds each of them writes to Redis that it is alive and what it is
doing, in keys that expire after four missed beats unless they are written again:

    processes               set                    the identities of all processes, HOST:PID:HEX
    HOST:PID:HEX            hash, expires in 20 s  info (JSON), busy, beat (epoch seconds), rtt_us, quiet, rss (KB)
    HOST:PID:HEX:work       hash, expires in 20 s  thread id → the job it is running: {"queue", "payload", "run_at"}
    HOST:PID:HEX-signals    list                   what the process is asked to do: TSTP, TERM, TTIN
    stat:processed          string                 the number of runs so far; stat:processed:2026-11-23 is that day's
    stat:failed             string                 the number of runs that failed; likewise for each day

Sidekiq: the same keys, in `Sidekiq::Launcher#heartbeat`; its web page shows them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from redis import ResponseError

from . import connection
from .clock import monotonic
from .fetch import host_name
from .log import logger

if TYPE_CHECKING:
    from .connection import Redis
    from .processor import Processor, Running

EVERY = 5.0  # seconds between beats
MISSED = 4  # how many beats may be missed before a process counts as dead
KEEP_DAYS = 5 * 365 * 24 * 60 * 60  # seconds for which a day's statistics are kept
CLOCK_OFF = 5.0  # seconds by which a clock may differ from Redis's before a warning is logged

# If no reply arrives, the statistics are sent again, so each batch has a number and is counted only once. KEYS: the
# process; then, for runs and for failures, the total and that day's counter. ARGV: the batch's number; how many seconds the
# process and a day's counters are kept; the two counts. A counter that is not a number is skipped, and its error returned.
COUNT = """
if tonumber(redis.call('HGET', KEYS[1], 'counted') or '0') >= tonumber(ARGV[1]) then return 0 end
redis.call('PERSIST', KEYS[2])
local wrong
for stat = 0, 1 do
    for key = 2 * stat + 2, 2 * stat + 3 do
        local counted = redis.pcall('INCRBY', KEYS[key], ARGV[4 + stat])
        if type(counted) == 'table' then wrong = counted end
    end
    redis.call('EXPIRE', KEYS[2 * stat + 3], ARGV[3])
end
redis.call('HSET', KEYS[1], 'counted', ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[2])
return wrong or 1
"""
EXECUTE_EVEN_IF_FULL = """
redis.call('PERSIST', KEYS[1])
local answer
for _, words in ipairs(ARGV) do answer = redis.call(unpack(cjson.decode(words))) end
return answer
"""


class Heartbeat:
    """Reports one process to Redis: `processor` runs its jobs in `concurrency` threads. Beats are `every` seconds apart.

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
        self._last = self._regular_since = monotonic()
        self.last_beat = ""
        """The time of the last beat, as it was sent to Redis."""
        self._counted = 0  # the number of the last batch of statistics
        self._batch: tuple[int, int, int] | None = None  # the batch to send: its number, runs, failures
        self._clock_warned = False
        weights = {queue: fetcher.weights.get(queue, 0) for queue in fetcher.queues}
        kinds = set(weights.values())
        mode = "strict" if kinds == {0} else "random" if kinds == {1} else "weighted"
        self.info = {
            "hostname": host_name(),
            "started_at": time.time(),
            "pid": os.getpid(),
            "tag": tag,
            "concurrency": concurrency,
            "queues": list(fetcher.queues),
            "weights": [weights],
            "capsules": {"default": {"concurrency": concurrency, "mode": mode, "weights": weights}},  # Sidekiq 8.0.9
            "labels": [],
            "identity": self.identity,
            "version": "minijobs",
            "embedded": False,
        }

    def beat(self, *, now: float | None = None, at: float | None = None) -> list[str]:
        """Beat once: send the statistics, what each thread is doing, and that this process is alive.

        `now` is the time in epoch seconds, by default that of Redis's clock; `at` is in seconds of `monotonic()`.
        Returns the signals that were waiting in Redis for this process. Raises RedisUnavailable.
        """
        with connection.translate_errors(self.redis, "the heartbeat"):
            sent_at = monotonic()
            clock_reply, stored_beat = connection.execute(self.redis, ("TIME",), ("HGET", self.identity, "beat"))
            rtt = monotonic() - sent_at
            clock = connection.note_time(self.redis, clock_reply, sent_at=sent_at)
            if (stored_beat or b"").decode() != self.last_beat:
                self.postpone_rescue()  # Redis was restored from an older snapshot, and other beats are old too
                if (stored_beat or b"") < self.last_beat.encode() and sent_at - self._last < self.expire / 2:  # not expired
                    logger.error(
                        "Redis at %s has lost the last heartbeat of this process, and perhaps jobs: keys were deleted (by "
                        "FLUSHDB, SWAPDB or a memory policy), or older data was restored",
                        connection.address(self.redis),
                    )
            now = clock if now is None else now
            self._send_statistics(now)
            self._send_work()
            signals = self._send_state(now, rtt, time.time() - clock)
        at = monotonic() if at is None else at
        if at - self._last > 2 * self.every:
            self._regular_since = at
        self._last = at
        return signals

    def looks_dead(self, *, at: float | None = None) -> bool:
        """Whether the last beat was so long ago that other processes consider this one dead."""
        return (monotonic() if at is None else at) - self._last > self.expire

    def may_rescue(self, *, at: float | None = None) -> bool:
        """Whether it has been beating regularly for so long that every other living process must have beaten as well.

        This is not the case just after the start, after a connection broke, or after Redis, this machine or this process
        stalled: at such times living processes look dead.
        """
        at = monotonic() if at is None else at
        return at - self._last <= 2 * self.every and at - self._regular_since > self.expire

    def postpone_rescue(self) -> None:
        """Consider no process dead for one heartbeat's lifetime: a connection broke, or Redis may have lost data."""
        self._regular_since = monotonic()

    def _send_statistics(self, now: float) -> None:
        if self._batch is None:
            if not self.processor.processed:
                return
            self._batch = (self._counted + 1, self.processor.processed, self.processor.failed)
        number, processed, failed = self._batch  # resent unchanged after an error: it may have been counted
        day = datetime.fromtimestamp(now, UTC).date().isoformat()
        names = [name for stat in ("processed", "failed") for name in (f"stat:{stat}", f"stat:{stat}:{day}")]
        count = self.redis.register_script(COUNT)
        try:
            count(keys=[self.identity, *names], args=[number, self.expire, KEEP_DAYS, processed, failed])
        except ResponseError as error:  # a bad counter must not stop the heartbeat
            if connection.kind_of(error) != "entry":
                raise
            logger.error("the statistics cannot be counted: %s", error)
        self._counted, self._batch = number, None
        # Subtracted rather than set to 0, because more jobs may have been counted meanwhile.
        self.processor.processed -= processed
        self.processor.failed -= failed

    def _send_work(self) -> None:
        key = f"{self.identity}:work"
        commands: list[tuple[Any, ...]] = [("UNLINK", key)]
        if running := dict(self.processor.running):
            fields = [word for tid, one in running.items() for word in (tid, _describe(one))]
            commands += [("HSET", key, *fields), ("EXPIRE", key, self.expire)]
        try:
            self._execute(commands)
        except ResponseError as error:  # too large, perhaps: this must not stop the heartbeat either
            if connection.kind_of(error) != "entry":
                raise
            logger.error("what the threads are doing cannot be reported: %s", error)

    def _send_state(self, now: float, rtt: float, clock_off: float) -> list[str]:
        if abs(clock_off) > CLOCK_OFF and not self._clock_warned:
            self._clock_warned = True
            which = "ahead of" if clock_off > 0 else "behind"
            words = (host_name(), abs(clock_off), which, connection.address(self.redis))
            logger.warning("the clock of %s is %.0f seconds %s that of Redis at %s: set one of them", *words)
        vital: dict[str, Any] = {
            "info": json.dumps(self.info, separators=(",", ":")),
            "busy": len(self.processor.running),
            "concurrency": self.info["concurrency"],  # where Sidekiq 8.1.2 looks
            "beat": now,
            "rtt_us": round(rtt * 1_000_000),
            "quiet": "true" if self.quiet else "false",
            "rss": resident_kilobytes(),
            "clock_off": round(clock_off),  # seconds
        }
        signal = self._execute(
            [
                ("SADD", "processes", self.identity),
                ("HSET", self.identity, *(word for field in vital.items() for word in field)),
                ("EXPIRE", self.identity, self.expire),
                ("RPOP", f"{self.identity}-signals"),
            ]
        )[-1]
        self.last_beat = repr(now)
        return [signal.decode()] if signal else []

    def _execute(self, commands: list[tuple[Any, ...]]) -> list[Any]:
        """Send the commands in one MULTI or, if Redis is full, in a script, which a full Redis does not refuse."""
        multi: Any = self.redis.pipeline(transaction=True)
        for command in commands:
            multi.execute_command(*command)
        try:
            return list(multi.execute())
        except ResponseError as error:
            if connection.kind_of(error) != "full":
                raise
            texts = [json.dumps([str(word) for word in command]) for command in commands]
            keys = [command[1] for command in commands]
            reply: Any = self.redis.eval(EXECUTE_EVEN_IF_FULL, len(keys), *keys, *texts)
            return [reply]

    def stop(self) -> None:
        """Remove this process from Redis, at its end; only its statistics stay. Raises RedisUnavailable."""
        with connection.translate_errors(self.redis, "the last heartbeat"):
            self._send_statistics(connection.now(self.redis))
            multi = self.redis.pipeline(transaction=True)
            multi.srem("processes", self.identity)
            multi.unlink(self.identity, f"{self.identity}:work", f"{self.identity}-signals")
            multi.execute()


def living(redis: Redis, identities: Sequence[bytes]) -> list[bool]:
    """For each process, whether it is alive: its heartbeat has not expired."""
    return [bool(there) for there in connection.execute(redis, *(("EXISTS", identity) for identity in identities))]


def resident_kilobytes() -> int:
    """The resident memory of this process, in KB; 0 if the system does not report it."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
    except (OSError, StopIteration):
        return 0


def _describe(running: Running) -> str:
    # As in Sidekiq, the payload is a string inside the JSON. Entries that cannot be decoded are never run.
    work = {"queue": running.unit.queue, "payload": running.unit.raw.decode(), "run_at": int(running.run_at)}
    return json.dumps(work, ensure_ascii=False, separators=(",", ":"))
