"""`minijobs worker` as a real process on a real server: signals, crashes, outages."""

from __future__ import annotations

import time

import pytest
from processes import eventually

from minijobs import Client, Queue, RetrySet


def push(name: str, *args: object) -> str:
    return str(Client().push({"class": name, "args": list(args)}))


def began(redis) -> list[tuple[int, str]]:
    return [(int(pid), jid) for pid, jid in (line.decode().split() for line in redis.lrange("test:began", 0, -1))]


def test_it_runs_jobs_and_ends_cleanly_when_told(real, start):
    process = start("-c", "2")
    jid = push("Slow", 0)
    eventually(lambda: real.lrange("test:ended", 0, -1) == [jid.encode()])
    process.signal("TERM")
    assert process.exit_code() == 0
    assert "Workers: Answer, Anything, Count, " in process.said()
    assert f"Slow JID-{jid} INFO: start" in process.said()
    assert "nothing was left unfinished" in process.said()
    assert real.smembers("processes") == set()
    assert real.keys("inflight*") == []


def test_a_killed_process_loses_nothing_and_another_one_finishes_its_jobs(real, start):
    doomed = start("-c", "3", "--heartbeat", "0.3")
    jids = {push("Slow", 0.5) for _ in range(3)}
    eventually(lambda: len(began(real)) == 3)
    doomed.signal("KILL")
    doomed.exit_code()
    assert len(Queue("default")) == 0
    start("-c", "3", "--heartbeat", "0.3")
    eventually(lambda: {jid.decode() for jid in real.lrange("test:ended", 0, -1)} >= jids)
    eventually(lambda: not real.keys("inflight:*"))
    assert len(RetrySet()) == 0


def test_quiet_finishes_what_runs_and_takes_nothing_more(real, start):
    process = start("-c", "1")
    first = push("Slow", 0.3)
    eventually(lambda: began(real))
    process.signal("TSTP")
    eventually(lambda: "quiet" in process.said())
    second = push("Slow", 0)
    eventually(lambda: real.lrange("test:ended", 0, -1) == [first.encode()])
    assert [job.jid for job in Queue("default")] == [second]
    process.signal("TERM")
    assert process.exit_code() == 0
    assert [job.jid for job in Queue("default")] == [second]


def test_what_is_unfinished_at_the_end_goes_back_and_the_exit_code_says_so(real, start):
    process = start("-c", "1", "--timeout", "0.2")
    jid = push("Slow", 60)
    eventually(lambda: began(real))
    process.signal("TERM")
    assert process.exit_code() == 1
    assert [job.jid for job in Queue("default")] == [jid]
    assert len(RetrySet()) == 0


def test_the_second_interrupt_ends_it_at_once(real, start):
    process = start("-c", "1", "--timeout", "3600")
    jid = push("Slow", 3600)
    eventually(lambda: began(real))
    process.signal("INT")
    eventually(lambda: "quiet" in process.said())
    process.signal("INT")
    assert process.exit_code() == 1
    assert [job.jid for job in Queue("default")] == [jid]


def test_it_prints_where_every_thread_is(real, start):
    process = start()
    eventually(lambda: real.scard("processes"))
    process.signal("TTIN")
    eventually(lambda: "most recent call first" in process.said())
    process.signal("TERM")
    assert process.exit_code() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-r", "no.such.module"], "no.such.module cannot be loaded: ModuleNotFoundError"),
        (["-q", "default,lots"], "-q default,lots: a queue's name, and perhaps a weight"),
        (["-q", ",3"], "-q ,3"),
        (["-c", "0"], "-c 0: it must be at least 1"),
        (["-r", "no/such/file.py"], "no/such/file.py cannot be loaded"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(start, words, says):
    process = start(*words)
    assert process.exit_code() == 2
    assert says in process.said()
    assert "Traceback" not in process.said()


def commands(redis) -> int:
    """How many commands the server has been told so far."""
    return sum(figures["calls"] for figures in redis.info("commandstats").values())


@pytest.mark.parametrize(("queues", "most"), [(["default"], 20), (["high", "default", "low"], 150)])
def test_an_idle_process_needs_next_to_nothing(real, start, record_property, queues, most):
    process = start(*(word for queue in queues for word in ("-q", queue)))
    push("Slow", 0)
    eventually(lambda: real.llen("test:ended"))
    time.sleep(0.5)
    began, used, told = time.monotonic(), process.cpu_seconds(), commands(real)
    time.sleep(2)
    seconds = time.monotonic() - began
    share, rate = (process.cpu_seconds() - used) / seconds, (commands(real) - told) / seconds
    print(f"idle with {len(queues)} queues: {share:.1%} of a processor, {rate:.0f} commands a second")
    record_property("share of a processor", share)
    record_property("commands a second", rate)
    assert share < 0.1
    assert rate < most
    assert not process.ended()
