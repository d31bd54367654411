"""How often a worker process talks to Redis: counted, not timed. It needs few round trips, not few jobs."""

from __future__ import annotations

import io
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py
from processes import SOON, eventually

from minijobs import Worker, log
from minijobs.cli.log_writer import show_in_background
from minijobs.monitor import read
from minijobs.server import Server

JOBS = 1_000


@pytest.fixture(autouse=True)
def _log_as_shipped(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two lines a job, written in the background, and not to pytest as well: each write makes jobs finish apart."""
    monkeypatch.setattr(log.logger, "propagate", False)
    with show_in_background(io.StringIO()):
        yield


def jobs(number: int, perform: Callable[[], object]) -> None:
    """So many jobs that do this."""

    class TripWorker(Worker):
        def perform(self) -> None:
            perform()

    TripWorker.perform_bulk([[]] * number)


def nothing() -> None: ...


def fail() -> None:
    raise RuntimeError("boom")


@pytest.fixture
def asked(real: redis_py.Redis) -> Callable[..., Counter[str]]:
    """Runs a server until so many jobs are settled, or until `done`, and counts the commands that it told Redis.

    What a script does inside Redis is not told.
    """

    def during(server: Server, number: int = 0, done: Callable[[], bool] | None = None) -> Counter[str]:
        told: Counter[str] = Counter()
        settled: list[object] = []
        server.processor.count = settled.append  # type: ignore[method-assign]
        thread = threading.Thread(target=server.run)
        with real.monitor() as monitor:
            thread.start()
            try:
                eventually(done or (lambda: len(settled) >= number))
                real.echo("that was all")
                while (line := read(monitor.connection.read_response())).words[1:] != ("that was all",):
                    if not line.client.endswith("lua"):
                        told[line.words[0].upper()] += 1
            finally:
                server.stop(timeout=5)
                thread.join(SOON)
        assert not thread.is_alive()
        return told

    return during


@pytest.mark.parametrize("threads", [1, 5, 10, 25])
def test_jobs_that_finish_together_are_settled_and_the_next_ones_fetched_with_one_command(real, asked, threads) -> None:
    jobs(JOBS, nothing)
    server = Server("default", concurrency=threads, heartbeat=60, poll=60)
    told = asked(server, JOBS)
    # One for each handful, and the one that learned that there are no more. That some finish apart is allowed for.
    assert JOBS / threads <= told["EVALSHA"] <= 1.5 * JOBS / threads + 2
    # And nothing else is asked for a job: what is left is one heartbeat and the wait for more.
    assert sum(told.values()) - told["EVALSHA"] < 30


def test_jobs_that_finish_apart_cost_one_command_each_at_most(real, asked) -> None:
    jobs(JOBS, lambda: time.sleep(0.001))
    server = Server("default", concurrency=10, heartbeat=60, poll=60)
    told = asked(server, JOBS)
    assert told["EVALSHA"] <= JOBS + 2
    assert sum(told.values()) - told["EVALSHA"] < 30


def test_a_failure_costs_no_command_of_its_own(real, asked) -> None:
    jobs(100, fail)
    server = Server("default", concurrency=10, heartbeat=60, poll=60)
    told = asked(server, 100)
    assert real.zcard("retry") == 100
    assert told["ZADD"] == 0
    assert told["EVALSHA"] <= 102
    assert sum(told.values()) - told["EVALSHA"] < 30


def test_idle_and_with_several_queues_a_process_looks_with_one_command_however_many_threads(real, asked) -> None:
    server = Server("high", "default", "low", concurrency=25, heartbeat=60, poll=60)
    looks = []
    settle_and_fetch = server.fetcher.settle_and_fetch
    server.fetcher.settle_and_fetch = lambda settled, want: looks.append(want) or settle_and_fetch(settled, want)
    told = asked(server, done=lambda: len(looks) >= 10)
    assert told["EVALSHA"] in (len(looks), len(looks) - 1)  # the last one may be under way
    assert sum(told.values()) - told["EVALSHA"] < 30
