"""A service that refuses large commands, as some that offer Redis do: the jobs that are small enough alone go on."""

from __future__ import annotations

import json
import threading

import pytest
import redis as redis_py
from processes import eventually

from minijobs import Server, Worker

LIMIT = 300_000  # bytes of one command


@pytest.fixture
def small_commands_only(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = redis_py.UnixDomainSocketConnection
    send, read = kind.send_packed_command, kind.read_response

    def send_if_small(self: redis_py.Connection, command: list[bytes], *words: object, **settings: object) -> None:
        self.refused = sum(map(len, command)) > LIMIT
        if not self.refused:
            send(self, command, *words, **settings)

    def read_or_refuse(self: redis_py.Connection, *words: object, **settings: object) -> object:
        if getattr(self, "refused", False):
            raise redis_py.ResponseError("max request size exceeded")
        return read(self, *words, **settings)

    monkeypatch.setattr(kind, "send_packed_command", send_if_small)
    monkeypatch.setattr(kind, "read_response", read_or_refuse)


@pytest.mark.usefixtures("small_commands_only")
def test_jobs_that_are_too_large_together_are_settled_one_after_the_other_and_the_heart_goes_on(
    real: redis_py.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    may_fail = threading.Event()

    class Fails(Worker):
        def perform(self, text: str) -> None:
            may_fail.wait(30)
            raise RuntimeError("boom")

    class Small(Worker):
        def perform(self) -> None: ...

    # Given eight jobs that fail at the same time, and one that nobody may put into `retry`: it is sent twice for that
    for size in [80_000] * 8 + [200_000]:
        Fails.perform_async("x" * size)
    server = Server("default", concurrency=9, timeout=1, heartbeat=0.05, poll=3600, redis=real)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    me = server.fetcher.identity
    eventually(lambda: len(server.processor.running) == 9)
    # When the heart beats meanwhile, it says at least that it is alive
    beat = real.hget(me, "beat")
    eventually(lambda: real.hget(me, "beat") != beat and real.hget(me, "busy") == b"9")
    assert "what the threads are doing cannot be reported" in caplog.text
    # Then the eight are tried again later, others run, and the one waits
    may_fail.set()
    eventually(lambda: real.zcard("retry") == 8)
    Small.perform_async()
    eventually(lambda: not real.exists("queue:default"))
    eventually(lambda: real.llen(f"inflight:{me}|default") == 1)
    (waiting,) = real.lrange(f"inflight:{me}|default", 0, -1)
    assert len(json.loads(waiting)["args"][0]) == 200_000
    eventually(lambda: "Redis does not take a job" in caplog.text)
    server.stop()
    thread.join(30)
    assert not thread.is_alive()
