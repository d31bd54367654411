"""Ruby's Sidekiq would run what we push, and show what we tell: held against a recording of Sidekiq 7.3.10.

`sidekiq-7.3.10-monitor.txt` is what MONITOR showed while a Sidekiq process ran one good job, one failing job with two
retries, one scheduled job, one bulk push and one slow job, and then stopped.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis as redis_py

from minijobs import Client, Fetcher, Heartbeat, Processor, RetrySet, Worker, connection, poll
from minijobs.rescue import rescue_orphans

Commands = list[list[str]]


@pytest.fixture(autouse=True)
def workers() -> None:
    class SendGif(Worker):
        retry = 2

        def perform(self, name: str, what: str) -> None:
            if what == "boom":
                raise RuntimeError("boom")


@pytest.fixture
def push() -> Callable[..., Any]:
    return lambda *args: Client().push({"class": "SendGif", "args": list(args), "retry": 2})


def first(commands: Commands, *start: str, where: Callable[[list[str]], bool] = lambda command: True) -> list[str]:
    """The first command that begins so."""
    return next(command for command in commands if command[: len(start)] == list(start) and where(command))


def shape(value: Any) -> Any:
    """The fields of a JSON value and their types; whole numbers are one type, others another, in both languages."""
    if isinstance(value, dict):
        return {field: shape(inner) for field, inner in value.items()}
    return type(value).__name__


def shape_of(text: str) -> Any:
    return shape(json.loads(text))


# Pushing


def test_a_push_is_the_same_two_commands(recorded: Commands, told: Callable, push: Callable) -> None:
    theirs, ours = recorded[1:3], told(lambda: push("a", "hello"))
    assert (
        [command[:2] for command in ours]
        == [command[:2] for command in theirs]
        == [["SADD", "queues"], ["LPUSH", "queue:default"]]
    )
    assert ours[0] == theirs[0]
    assert len(ours[1]) == len(theirs[1])
    assert shape_of(ours[1][2]) == shape_of(theirs[1][2])


def test_a_job_holds_the_same_values(recorded: Commands, told: Callable, push: Callable) -> None:
    theirs = json.loads(recorded[2][2])
    ours = json.loads(told(lambda: push("a", "hello"))[1][2])
    assert {**ours, "jid": 0, "created_at": 0, "enqueued_at": 0} == {**theirs, "jid": 0, "created_at": 0, "enqueued_at": 0}
    assert all(re.fullmatch("[0-9a-f]{24}", job["jid"]) for job in (ours, theirs))


def test_a_job_for_later_is_the_same_command(recorded: Commands, told: Callable) -> None:
    theirs = first(recorded, "ZADD", "schedule")
    later = {"class": "SendGif", "args": ["c", "later"], "retry": 2, "at": time.time() + 2}
    (ours,) = [command for command in told(lambda: Client().push(later)) if command != ["TIME"]]  # is it in the future?
    assert ours[:2] == theirs[:2]
    assert shape_of(ours[3]) == shape_of(theirs[3])
    assert all(1e9 < float(command[2]) < 1e10 and "." in command[2] for command in (ours, theirs))


def test_a_bulk_push_is_the_same_two_commands(recorded: Commands, told: Callable) -> None:
    theirs = first(recorded, "LPUSH", where=lambda command: len(command) == 4)
    ours = told(lambda: Client().push_bulk({"class": "SendGif", "args": [["x", "1"], ["y", "2"]], "retry": 2}))
    assert ours[0] == ["SADD", "queues", "default"]
    assert ours[1][:2] == theirs[:2]
    assert [shape_of(job) for job in ours[1][2:]] == [shape_of(job) for job in theirs[2:]]
    assert [json.loads(job)["args"] for job in ours[1][2:]] == [json.loads(job)["args"] for job in theirs[2:]]


# Running what Sidekiq pushed


def test_what_sidekiq_pushed_is_run(real: redis_py.Redis, recorded: Commands) -> None:
    pushes = [command for command in recorded[:11] if command[0] in ("SADD", "LPUSH", "ZADD")]
    for command in pushes:
        real.execute_command(*command)
    processor = Processor(Fetcher("default"))
    outcomes = [processor.process_one().name for _ in range(5)]
    assert outcomes == ["done", "retry", "done", "done", "done"]
    assert poll() == 1  # the one for later, whose moment has passed
    assert processor.process_one().name == "done"


def test_what_failed_in_sidekiq_fails_here_the_next_time(real: redis_py.Redis, recorded: Commands) -> None:
    retried = [json.loads(command[3]) for command in recorded if command[:2] == ["ZADD", "retry"]]
    before, after = retried
    real.zadd("retry", {json.dumps(before): 1})
    assert poll() == 1
    assert Processor(Fetcher("default")).process_one().name == "retry"
    (raw,) = real.zrange("retry", 0, -1)
    ours = json.loads(raw)
    assert shape(ours) == shape(after)
    times = {"enqueued_at": 0, "retried_at": 0}
    assert {**ours, **times} == {**after, **times}


# Failing


def test_a_failure_enters_retry_as_the_same_command(recorded: Commands, told: Callable, push: Callable) -> None:
    theirs = first(recorded, "ZADD", "retry")
    push("b", "boom")
    ours = first(told(Processor(Fetcher("default")).process_one), "ZADD", "retry")
    assert shape_of(ours[3]) == shape_of(theirs[3])
    assert all("." in command[2] for command in (ours, theirs))
    ours_job, theirs_job = json.loads(ours[3]), json.loads(theirs[3])
    for field in ("error_message", "error_class", "retry_count"):
        assert ours_job[field] == theirs_job[field]


# Polling


def test_a_job_that_is_due_returns_to_its_queue_as_the_same_entry(
    real: redis_py.Redis, recorded: Commands, told: Callable
) -> None:
    theirs = first(recorded, "LPUSH", "queue:default", where=lambda command: "error_class" in command[2])
    before = first(recorded, "ZREM", "retry")[2]
    real.zadd("retry", {before: 5})
    ours = told(poll)
    assert first(ours, "ZREM", "retry")[2] == before
    assert first(ours, "SADD") == ["SADD", "queues", "default"]
    pushed = json.loads(first(ours, "LPUSH", "queue:default")[2])
    assert {**pushed, "enqueued_at": 0} == {**json.loads(theirs[2]), "enqueued_at": 0}
    assert shape(pushed) == shape_of(theirs[2])


def test_a_failed_job_says_how_often_it_is_tried_also_where_only_its_class_did(
    real: redis_py.Redis, recorded: Commands
) -> None:
    # Given a job of Sidekiq's, without "retry": Sidekiq drops such a job if it does not know the class
    job = json.loads(recorded[2][2])
    del job["retry"]
    real.lpush("queue:default", json.dumps({**job, "args": ["b", "boom"]}))
    # When it fails here, where its class says 2
    Processor(Fetcher("default")).process_one()
    # Then the entry says so, as Sidekiq writes it
    [failed] = RetrySet()
    assert failed["retry"] == 2


# Rescheduling


@pytest.fixture
def stamped(monkeypatch: pytest.MonkeyPatch) -> float:
    """A time that Ruby's JSON, from 2.11 on, reads and then writes as 1852960886.9064431, for both our clocks."""
    moment = 1852960886.906443
    monkeypatch.setattr("time.time", lambda: moment)
    monkeypatch.setattr(connection, "now", lambda client: moment)
    return moment


def test_all_times_in_a_job_are_in_milliseconds_which_every_writer_of_json_writes_alike(
    real: redis_py.Redis, push: Callable, stamped: float
) -> None:
    # Given a job that was pushed, failed, was tried again, failed again, and whose process died
    processor = Processor(Fetcher("default"))
    push("a", "boom")
    processor.process_one()
    poll(now=2e9)
    processor.process_one()
    RetrySet().retry_all()
    processor.fetcher.fetch()
    rescue_orphans(real, now=stamped)
    # Then Sidekiq would find it again, when it reschedules it by writing it anew
    job = json.loads(real.lindex("queue:default", 0))
    times = {field: value for field, value in job.items() if field.endswith("_at")}
    assert times == dict.fromkeys(("created_at", "enqueued_at", "failed_at", "retried_at", "rescued_at"), 1852960886.906)


# The heartbeat


@pytest.fixture
def beats(told: Callable, push: Callable) -> Commands:
    """A process that has run three jobs, one of which failed, beats while it runs a fourth."""
    heartbeat = Heartbeat(Processor(Fetcher("default")), concurrency=2)

    class Beats(Worker):
        def perform(self) -> None:
            heartbeat.beat()

    push("a", "hello")
    push("b", "boom")
    push("c", "hello")
    while heartbeat.processor.process_one():
        pass
    Beats.perform_async()
    return told(heartbeat.processor.process_one)


def test_a_process_tells_the_same_about_itself(recorded: Commands, beats: Commands) -> None:
    def vital(commands: Commands) -> dict[str, str]:
        hset = first(commands, "HSET", where=lambda command: "info" in command)
        return dict(zip(hset[2::2], hset[3::2], strict=True))

    ours, theirs = vital(beats), vital(recorded)
    assert [field for field in ours if field in theirs] == list(theirs)
    assert {"concurrency"} <= ours.keys() - theirs.keys() <= {"concurrency", "clock_off"}  # Sidekiq 8.1.2's, and our own
    info = json.loads(ours["info"])
    assert set(info.pop("capsules")["default"]) == {"concurrency", "mode", "weights"}  # Sidekiq 8.0.9's
    assert shape_of(json.dumps(info)) == shape_of(theirs["info"])
    assert shape(json.loads(ours["info"])["weights"][0]) == shape(json.loads(theirs["info"])["weights"][0])
    assert ours["quiet"] == theirs["quiet"]
    for field in ("busy", "rtt_us", "rss"):
        assert ours[field].isdecimal()
        assert theirs[field].isdecimal()
    assert all(1e9 < float(said["beat"]) < 1e10 for said in (ours, theirs))


def test_a_process_has_the_same_kind_of_name(recorded: Commands, beats: Commands) -> None:
    for commands in (recorded, beats):
        name = first(commands, "SADD", "processes")[2]
        assert re.fullmatch(r"[^:]+:\d+:[0-9a-f]{12}", name)
        assert json.loads(first(commands, "HSET", name, "info")[3])["identity"] == name
        assert first(commands, "EXPIRE", name)[2] == ("20" if commands is beats else "60")  # ours: four beats of 5 seconds
        assert first(commands, "RPOP", f"{name}-signals")


def test_the_work_is_told_in_the_same_words(recorded: Commands, beats: Commands) -> None:
    for commands in (recorded, beats):
        name = first(commands, "SADD", "processes")[2]
        key, tid, work = first(commands, "HSET", f"{name}:work")[1:]
        assert re.fullmatch("[0-9a-z]+", tid)
        assert shape_of(work) == {"queue": "str", "payload": "str", "run_at": "int"}
        assert json.loads(json.loads(work)["payload"])["queue"] == json.loads(work)["queue"] == "default"
        assert first(commands, "EXPIRE", key)[2] == ("20" if commands is beats else "60")
        assert first(commands, "UNLINK", key)


def test_the_numbers_are_the_same_commands(recorded: Commands, beats: Commands) -> None:
    def numbers(commands: Commands) -> list[list[str]]:
        told = [command for command in commands if command[1:] and command[1].startswith("stat:")]
        told = [command for command in told if command[0] in ("INCRBY", "EXPIRE")][:6]
        without_day = [[re.sub(r"\d{4}-\d\d-\d\d", "DAY", word) for word in command] for command in told]
        return [command[:2] if command[0] == "INCRBY" else command for command in without_day]

    assert numbers(beats) == numbers(recorded)
    assert first(beats, "INCRBY", "stat:processed")[2] == "3"  # failures included; the one that runs is not done yet
    assert first(beats, "INCRBY", "stat:failed")[2] == "1"


def test_a_beat_is_the_same_commands_in_the_same_order(recorded: Commands, beats: Commands) -> None:
    start = next(number for number, command in enumerate(recorded) if command[0] == "INCRBY")
    theirs = [command[0] for command in recorded[start : start + 19]]
    ours = [command[0] for command in beats]
    ours = ours[ours.index("INCRBY") : ours.index("RPOP") + 2]
    # Theirs asks EXISTS, to notice that it was taken for dead, and PING, to measure a round trip. Ours has asked for TIME
    # before, and keeps the numbers together with a script, which notes in the process's hash which ones it has counted.
    theirs.remove("EXISTS")
    theirs.remove("PING")
    noted = ours.index("HSET")
    assert ours[noted : noted + 2] == ["HSET", "EXPIRE"]
    del ours[noted : noted + 2]
    assert ours == theirs
