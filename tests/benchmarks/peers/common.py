"""What the peers' files share: the jobs, the clock, and one command line. Only the standard library is used here.

    python some_peer.py enqueue N           push N jobs one by one; prints the seconds that took
    python some_peer.py bulk N              push N jobs in one call; prints the seconds that took
    python some_peer.py fill KIND N         push N jobs as fast as this peer can
    python some_peer.py wake N              push N jobs with pauses; each notes when it was pushed and when it started
    python some_peer.py work THREADS LEVEL [PROCESSES]
                                            be a worker until killed; LEVEL is "shipped" or "warning"

Each file is run by the Python of its peer's own environment, with REDIS_URL set and an empty folder as working directory.
"""

from __future__ import annotations

import logging
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

REDIS_URL = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

# A kind of job: the name of its function below, and its arguments.
KINDS: dict[str, tuple[str, tuple[object, ...]]] = {
    "noop": ("noop", ("ada@example.com", "hello")),
    "cpu": ("calculate", (200_000,)),
    "1ms": ("nap", (0.001,)),
    "50ms": ("nap", (0.05,)),
}

WARM_UP = 200  # pushes that are not counted: they open the connection, and import what is imported late

if os.environ.get("BENCH_LEVEL") == "warning":  # for peers whose command cannot be told
    logging.disable(logging.INFO)


def noop(email: str, thought: str) -> None:
    """Nothing: what is measured is everything else."""


def calculate(numbers: int) -> int:
    """What keeps a processor busy, and Python's interpreter lock, for ten milliseconds or so."""
    return sum(number * number for number in range(numbers))


def nap(seconds: float) -> None:
    """What waiting for another server looks like."""
    time.sleep(seconds)


def stamp(pushed: float) -> None:
    """Write down when this was pushed and when it started, by the one clock of this machine."""
    started = time.time()
    with open(os.environ["BENCH_STAMPS"], "a") as file:
        file.write(f"{pushed!r} {started!r}\n")


def become(*words: str, **environment: str) -> None:
    """Replace this process by the Python module that is the peer's own command, as its users start it."""
    here = str(Path(__file__).parent)  # so that the peer's file can be imported by its name
    os.execve(sys.executable, [sys.executable, "-m", *words], {**os.environ, "PYTHONPATH": here, **environment})


def repeat_with(push: Callable[..., object]) -> Callable[[str, Sequence[object], int], None]:
    """The plain loop."""

    def repeat(name: str, args: Sequence[object], count: int) -> None:
        for _ in range(count):
            push(name, *args)

    return repeat


def main(
    push: Callable[..., object],
    work: Callable[..., None],
    *,
    bulk: Callable[[str, Sequence[object], int], object] | None = None,
    repeat: Callable[[str, Sequence[object], int], None] | None = None,
) -> None:
    """Do what the command line says.

    `push(name, *args)` pushes one job; `bulk(name, args, count)` many alike; `repeat`, the same in a loop of the peer's own
    if a plain one will not do; `work(threads, level)` does not return. A peer that can start several processes takes their
    number as well: `work(threads, level, processes)`.
    """
    verb, *words = sys.argv[1:]
    repeat = repeat or repeat_with(push)
    if verb == "work":
        os.environ["BENCH_LEVEL"] = words[1]
        work(int(words[0]), words[1], *map(int, words[2:]))
    elif verb == "wake":
        for _ in range(int(words[0])):
            time.sleep(random.uniform(0.01, 0.02))
            push("stamp", time.time())
    elif verb == "fill":
        name, args = KINDS[words[0]]
        (bulk or repeat)(name, args, int(words[1]))
    else:
        if verb == "bulk" and bulk is None:
            raise SystemExit("this peer has no bulk push")
        action = bulk if verb == "bulk" and bulk else repeat
        name, args = KINDS["noop"]
        action(name, args, WARM_UP)
        start = time.perf_counter()
        action(name, args, int(words[0]))
        print(time.perf_counter() - start)
