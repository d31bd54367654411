"""What a program does when its worker process starts, falls quiet and stops."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import redis as redis_py
from processes import SOON, eventually

from minijobs import Worker, lifecycle, on
from minijobs.server import Server

SAID: list[str] = []


@pytest.fixture(autouse=True)
def _no_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "handlers", {event: [] for event in lifecycle.EVENTS})
    SAID.clear()


def says(event: str, name: str) -> None:
    @on(event)
    def handler() -> None:
        SAID.append(f"{event} {name}")


def test_handlers_are_called_at_their_events_the_last_ones_in_reverse_order(redis: redis_py.Redis) -> None:
    class Note(Worker):
        def perform(self) -> None:
            SAID.append("a job")

    # Given handlers of each event
    for event in lifecycle.EVENTS:
        says(event, "one")
        says(event, "two")
    server = Server("default", concurrency=1, heartbeat=0.05, poll=0.05)
    Note.perform_async()
    runs = threading.Thread(target=server.run)
    runs.start()
    # When a job has been run, the process falls quiet, twice, and stops
    eventually(lambda: "a job" in SAID)
    server.quiet()
    server.quiet()
    eventually(lambda: "quiet one" in SAID)
    server.stop()
    runs.join(SOON)
    # Then each was called once, before the first job and at the end
    assert [
        *("startup one", "startup two", "a job"),
        *("quiet two", "quiet one", "shutdown two", "shutdown one"),
    ] == SAID


def test_a_handler_that_exits_does_not_keep_the_others_from_being_called(caplog: pytest.LogCaptureFixture) -> None:
    says("shutdown", "one")

    @on("shutdown")
    def leaves() -> None:
        raise SystemExit("bye")

    lifecycle.call("shutdown")
    assert SAID == ["shutdown one"]
    assert "a handler of shutdown failed" in caplog.text


def test_what_fails_at_the_start_comes_out_and_nothing_is_fetched(redis: redis_py.Redis) -> None:
    class Mail(Worker):
        def perform(self) -> None:
            SAID.append("a job")

    Mail.perform_async()
    says("shutdown", "one")

    @on("startup")
    def fail() -> None:
        raise ConnectionRefusedError("no pool")

    server = Server("default", concurrency=1, heartbeat=0.05)
    with pytest.raises(ConnectionRefusedError, match="no pool"):
        server.run()
    assert SAID == []
    assert redis.llen("queue:default") == 1
    assert not redis.exists(server.heart.identity)


def test_what_fails_at_the_end_is_said_and_the_next_one_is_called(
    redis: redis_py.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    says("shutdown", "one")

    @on("shutdown")
    def fail() -> None:
        raise RuntimeError("no pool")

    server = Server("default", concurrency=1, heartbeat=0.05)
    on("startup")(server.stop)
    assert server.run() == 0
    assert SAID == ["shutdown one"]
    assert "a handler of shutdown failed" in caplog.text


def test_a_handler_that_does_not_return_does_not_keep_the_process(
    redis: redis_py.Redis, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    on("quiet")(released.wait)
    monkeypatch.setattr("minijobs.server.LAST_WORDS", 0.5)
    server = Server("default", concurrency=1, heartbeat=0.05, timeout=0.1)
    on("startup")(server.stop)
    assert server.run() == 0
    released.set()
    assert "a handler of this program's does not return, so this process ends all the same" in caplog.text
    assert redis.keys() == []


async def asynchronous() -> None: ...


@pytest.mark.parametrize(
    ("event", "handler", "error"),
    [("start", print, "There is no event 'start': one of startup, quiet, shutdown"), ("quiet", asynchronous, "is async or")],
)
def test_another_event_and_what_would_not_run_are_refused(event: str, handler: Any, error: str) -> None:
    with pytest.raises((ValueError, TypeError), match=error):
        on(event)(handler)
