"""How each thing is measured."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from catalogue import Peer
from machine import PATIENCE, Failed, output, resident, running, tail
from plan import Figure

# Each measurement has a share of the jobs before and after it: workers start, prefetch, and finish at their own pace.
FIRST, LAST = 0.9, 0.1
LOOK_EVERY = 0.005  # seconds between two looks at the queue's length: the look itself costs, too
NAPS = {"noop": 0.0, "1ms": 0.001, "50ms": 0.05}

ALL_STARTED = 1.5  # seconds after which the last of several processes has started, too, once the first one has
CALCULATED = 250  # jobs that one process calculates in a second, at most

# Of a long queue, a stretch near its beginning is measured: so many jobs, after so many that are not counted.
STRETCH, SKIPPED = 30_000, 1_000

WAKE_WARM_UP = 3  # pushes of a process that are not counted: the first one opens its connection

# Copies of one job, each with an id of its own, made inside the server: pushing a million of them takes a second or two.
STACK = """
for number = ARGV[3], ARGV[4] do
    redis.call('LPUSH', KEYS[1], ARGV[1] .. string.format('%024x', number) .. ARGV[2])
end
"""

Values = dict[str, float]
"""What a measurement gives: names and numbers. "per second", "jobs", "seconds", "p50 ms" and so on."""


class TooFast(Failed):
    """The queue was empty before it could be watched: more jobs are needed."""


@dataclass(frozen=True)
class Settings:
    """How much of everything."""

    target: float = 1.5
    """Seconds that a measurement ought to take."""

    pushes: int = 200
    """How often a worker is woken up."""

    stored: int = 10_000
    """How many jobs are weighed."""

    imports: int = 5
    """In how many fresh interpreters something is imported."""


QUICK = Settings(target=0.3, pushes=50, stored=2_000, imports=3)


class Bench:
    """Measures, one thing at a time, on one Redis."""

    def __init__(self, url: str, folder: Path, settings: Settings) -> None:
        self.redis = redis.Redis.from_url(url)
        self.folder = folder
        self.settings = settings
        self.target = settings.target
        self.stamps = folder / "stamps"
        self.environment = {"REDIS_URL": url, "BENCH_STAMPS": str(self.stamps)}
        self._rates: dict[tuple[str, Figure], float] = {}

    def measure(self, peer: Peer, figure: Figure) -> Values:
        """Measure this. Raises Failed."""
        self.redis.flushall()
        if figure.what in ("enqueue", "bulk"):
            return self._pushing(peer, figure)
        if figure.what == "drain":
            return self._drain(peer, figure)
        others = {
            "backlog": self._backlog,
            "processes": self._processes,
            "wake": self._wake,
            "bytes": self._bytes,
            "import": self._import,
        }
        return others[figure.what](peer, figure)

    def calibrate(self, peer: Peer, figure: Figure) -> None:
        """Learn roughly how fast this is: with few jobs, and without telling anybody."""
        usual, self.target = self.target, self.target / 4
        try:
            self.measure(peer, figure)
        finally:
            self.target = usual

    def _pushing(self, peer: Peer, figure: Figure) -> Values:
        """So many pushes in one process. It has the clock: its start and its first pushes are not counted."""
        guess = 2_000 if figure.what == "enqueue" else 20_000
        count = int(min(300_000, max(500, self._rates.get((peer.name, figure), guess) * self.target)))
        seconds = float(self._tell(peer, figure.what, count))
        self._rates[peer.name, figure] = count / seconds
        return {"per second": count / seconds, "jobs": count, "seconds": seconds}

    def _drain(self, peer: Peer, figure: Figure, again: bool = True) -> Values:
        """Fill the queue, start one worker process, and time the stretch from 90 % left to 10 % left."""
        rate = self._expected(peer, figure)
        least = peer.least if figure.kind == "noop" else 200
        count = int(min(100_000, max(least, 24 * figure.threads, rate * self.target / (FIRST - LAST))))
        self._tell(peer, "fill", figure.kind, count)
        try:
            with self._worker(peer, figure) as worker:
                values = self._stretch(peer, worker.pid, FIRST * count, LAST * count, 3 * self.target)
        except TooFast:
            if not again:
                raise
            values = {"per second": 4 * rate, "seconds": 0.0}
        self._rates[peer.name, figure] = values["per second"]
        if again and values["seconds"] < self.target / 3:  # the guess was too low
            self.redis.flushall()
            return self._drain(peer, figure, again=False)
        return values

    def _backlog(self, peer: Peer, figure: Figure) -> Values:
        """As `_drain`, but with so many jobs waiting, and near the beginning of them."""
        self._tell(peer, "fill", "noop", 1)
        before, mark, rest = str(self.redis.lpop(peer.queue), "utf-8").partition('"jid":"')  # type: ignore[arg-type]
        for start in range(0, figure.backlog, 50_000):  # in slices: the server does nothing else meanwhile
            end = min(figure.backlog, start + 50_000) - 1
            self.redis.eval(STACK, 1, peer.queue, before + mark, rest[24:], start, end)
        first = figure.backlog - SKIPPED
        with self._worker(peer, figure) as worker:
            return self._stretch(peer, worker.pid, first, max(LAST * figure.backlog, first - STRETCH), 2 * self.target)

    def _processes(self, peer: Peer, figure: Figure) -> Values:
        """Start the processes on a full queue, and count what they get done when all of them have started."""
        count = int(figure.processes * CALCULATED * (ALL_STARTED + 2 * self.target))
        self._tell(peer, "fill", figure.kind, count)
        with self._worker(peer, figure) as worker:
            self._until(lambda left: left < count, peer, PATIENCE, "no job was taken")
            time.sleep(ALL_STARTED)
            return self._stretch(peer, worker.pid, count, 0, 2 * self.target)

    def _wake(self, peer: Peer, figure: Figure) -> Values:
        """Push to a worker that has nothing to do: from just before the push until the job starts, by one clock."""
        self.stamps.write_text("")
        with self._worker(peer, figure) as worker:
            self._tell(peer, "wake", WAKE_WARM_UP)  # when these have started, the worker is there
            self._stamped(WAKE_WARM_UP)
            time.sleep(0.5)
            idle = resident(worker.pid)
            self._tell(peer, "wake", WAKE_WARM_UP + self.settings.pushes)
            times = self._stamped(2 * WAKE_WARM_UP + self.settings.pushes)[2 * WAKE_WARM_UP :]
        waits = sorted(1000 * (started - pushed) for pushed, started in times)
        values = {"p50 ms": statistics.median(waits), "p99 ms": waits[round(0.99 * (len(waits) - 1))], "jobs": len(waits)}
        return values | ({} if idle is None else {"MB idle": idle})

    def _bytes(self, peer: Peer, figure: Figure) -> Values:
        """What one more job takes in Redis: in all keys, and by what the server says that it holds in all.

        Some jobs are there before, so that what is there once, such as the set of the queues' names, does not count. It is
        the keys that are compared: in the server's own figure, a kilobyte comes and goes with its connections.
        """
        count = self.settings.stored
        weights = []
        for share in (count // 10, count):
            self._tell(peer, "fill", "noop", share)
            time.sleep(0.2)  # the client has left; its buffers go a moment later
            weights.append((self._weight_of_keys(), int(self.redis.info("memory")["used_memory"])))
        keys, server = ((after - before) / count for before, after in zip(*weights, strict=True))
        return {"bytes": keys, "bytes by server": server, "jobs": count}

    def _weight_of_keys(self) -> int:
        pipe = self.redis.pipeline(transaction=False)
        for key in self.redis.scan_iter(count=1_000):
            pipe.memory_usage(key, samples=0)
        return sum(weight or 0 for weight in pipe.execute())

    def _import(self, peer: Peer, figure: Figure) -> Values:
        """The median of some imports, each in a fresh interpreter that has started already."""
        folder = peer.folder if peer.language == "node" else self.folder  # Node looks for modules from where it is started
        times = [float(output(peer.importing_timed(), folder, {})) for _ in range(self.settings.imports)]
        return {"import ms": 1000 * statistics.median(times)}

    def _stretch(self, peer: Peer, group: int, first: float, last: float, longest: float) -> Values:
        """Watch the queue shrink from `first` to `last` jobs, for `longest` seconds at most.

        Both ends are moments right after it shrank: with naps, jobs leave in waves, and whole waves are counted.
        """
        self._until(lambda left: left <= first, peer, PATIENCE, "no job was taken")
        start, left = time.perf_counter(), self._left(peer)
        if left <= last:
            raise TooFast(f"only {left} jobs were left when first looked at")
        end, now_left, before = start, left, left
        while now_left > last and time.perf_counter() - start < longest:
            time.sleep(LOOK_EVERY)
            now, seen = time.perf_counter(), self._left(peer)
            if seen < before:
                end, now_left, before = now, seen, seen
        if now_left >= left:
            raise Failed(f"no job was taken for {longest:.1f} seconds: {tail(self._log)}")
        memory = resident(group)
        values = {"per second": (left - now_left) / (end - start), "jobs": left - now_left, "seconds": end - start}
        return values | ({} if memory is None else {"MB after": memory})

    def _until(self, reached: Callable[[int], bool], peer: Peer, seconds: float, otherwise: str) -> None:
        deadline = time.monotonic() + seconds
        while not reached(self._left(peer)):
            if time.monotonic() > deadline:
                raise Failed(f"{otherwise} for {seconds:.0f} seconds: {tail(self._log)}")
            time.sleep(LOOK_EVERY)

    def _left(self, peer: Peer) -> int:
        return int(self.redis.llen(peer.queue))

    def _expected(self, peer: Peer, figure: Figure) -> float:
        """Jobs a second, from what is known of this figure, or of the nearest."""
        usual = Figure("drain").of(peer)
        pushing = self._rates.get((peer.name, Figure("enqueue").of(peer)), 1_000)  # the other half of its work
        known = self._rates.get((peer.name, figure)) or self._rates.get((peer.name, usual)) or pushing / 2
        nap = NAPS[figure.kind]
        return min(known, figure.threads / nap) if nap else known

    def _stamped(self, count: int) -> list[tuple[float, float]]:
        """So many notes of jobs, in the order of their pushes."""
        deadline = time.monotonic() + PATIENCE
        while len(lines := self.stamps.read_text().splitlines()) < count:
            if time.monotonic() > deadline:
                raise Failed(f"{len(lines)} of {count} jobs came: {tail(self._log)}")
            time.sleep(0.02)
        pairs = (line.split() for line in lines)
        return sorted((float(pushed), float(started)) for pushed, started in pairs)

    def _tell(self, peer: Peer, *words: object) -> str:
        return output(peer.command(*words), self.folder, self.environment)

    @property
    def _log(self) -> Path:
        return self.folder / "worker.log"

    @contextmanager
    def _worker(self, peer: Peer, figure: Figure) -> Iterator[subprocess.Popen[bytes]]:
        """One worker process, or one command that starts several. Its log goes to a file, as it would at work."""
        command = peer.command(
            "work", figure.threads, figure.level, *([figure.processes] if figure.what == "processes" else [])
        )
        with running(command, self.folder, self.environment, self._log) as process:
            yield process
