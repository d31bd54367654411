"""A clock that somebody has stopped, as libraries for tests do: durations go on, and nothing is due at another time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis as redis_py
from processes import eventually

from minijobs import Client, Fetcher, Processor, RedisUnavailable, Server, Worker, connection
from minijobs.clock import monotonic

LONG_AGO = 1326499200.0


@contextmanager
def frozen() -> Iterator[None]:
    """All clocks of this process stand still in 2012, as with freezegun: it replaces them in all modules."""
    real: dict[Callable, Callable] = {clock: lambda: LONG_AGO for clock in (time.time, time.monotonic, time.perf_counter)}
    places = [
        (module, name, value)
        for module in list(sys.modules.values())
        if getattr(module, "__name__", "") not in ("threading", "queue")  # these freezegun leaves out
        for name, value in list(getattr(module, "__dict__", {}).items())
        if type(value) is type(time.time) and value in real
    ]
    for module, name, clock in places:
        setattr(module, name, real[clock])
    try:
        yield
    finally:
        for module, name, clock in places:
            setattr(module, name, clock)


def test_a_duration_goes_on_while_the_clocks_stand_still() -> None:
    before = monotonic()
    with frozen():
        assert time.monotonic() == LONG_AGO
        assert before <= monotonic() < before + 60


def test_a_fetch_ends_while_the_clocks_stand_still(redis: redis_py.Redis) -> None:
    fetched: list = []
    with frozen():
        fetcher = Fetcher("default", redis=redis)
        thread = threading.Thread(target=lambda: fetched.append(fetcher.fetch(timeout=0.05)), daemon=True)
        thread.start()
        eventually(lambda: fetched == [None])


def test_a_process_stops_in_time_although_a_job_has_stopped_the_clocks(real: redis_py.Redis) -> None:
    began, may_end = threading.Event(), threading.Event()

    class Freezes(Worker):
        def perform(self) -> None:
            with frozen():
                Later.perform_in(3600)
                began.set()
                may_end.wait(60)

    class Later(Worker):
        def perform(self) -> None: ...

    Freezes.perform_async()
    server = Server("default", concurrency=1, heartbeat=0.05, poll=0.05, redis=real)
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(server.run()), daemon=True)
    thread.start()
    try:
        assert began.wait(30)
        beat = float(eventually(lambda: real.hget(server.fetcher.identity, "beat")))
        eventually(lambda: float(real.hget(server.fetcher.identity, "beat")) > beat)
        assert abs(beat - real.time()[0]) < 60
        ((_, due),) = real.zrange("schedule", 0, -1, withscores=True)  # and the poller has left it there
        assert abs(due - real.time()[0] - 3600) < 60
        server.stop(0.1)
        eventually(lambda: codes == [0])
        assert real.llen("queue:default") == 1
    finally:
        may_end.set()
        thread.join(30)


def test_while_redis_is_away_the_time_is_what_its_clock_showed_last(
    real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    Client(real).push({"class": "Mail", "args": [], "at": real.time()[0] + 3600})  # which reads the clock
    processor = Processor(Fetcher("default", redis=real))
    monkeypatch.setattr(connection, "CLOCK_READ_EVERY", -1)

    def away() -> None:
        raise RedisUnavailable("away")

    monkeypatch.setattr(real, "time", away)
    with frozen():
        assert abs(processor.now() - LONG_AGO) > 1e8
    assert abs(processor.now() - time.time()) < 60
