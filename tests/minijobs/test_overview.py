"""Looking at what runs, and at the numbers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import fakeredis
import pytest
import redis as redis_py
from processes import lately
from redis.client import Pipeline

from minijobs import (
    Client,
    Fetcher,
    Heartbeat,
    Processor,
    ProcessSet,
    Queue,
    RetrySet,
    Stats,
    Worker,
    WorkSet,
)
from minijobs.api import readable

JOB = {"class": "Mail", "args": ["ada"]}
DAY = date(2026, 11, 24)


def entry(number: int) -> str:
    return json.dumps({"class": "Mail", "args": [number], "jid": str(number)})


def beating(identity: str, **settings: Any) -> Heartbeat:
    """A process that has beaten once."""
    heartbeat = Heartbeat(Processor(Fetcher("default", "mail", identity=identity)), **settings)
    heartbeat.beat()
    return heartbeat


# Processes


def test_processes_are_listed_by_name_with_what_they_told(redis: redis_py.Redis) -> None:
    beating("web-2:1:b", concurrency=5, tag="app")
    beating("web-1:1:a")
    first, second = ProcessSet()
    assert (first.identity, second.identity) == ("web-1:1:a", "web-2:1:b")
    assert (second["queues"], second["concurrency"], second["tag"]) == (["default", "mail"], 5, "app")
    assert (second["busy"], second["quiet"], second.stopping) == (0, "false", False)
    assert lately(second["beat"], since=time.time() - 60)
    assert second["rss"] > 0
    assert repr(second) == "<Process web-2:1:b busy=0 of 5>"
    assert len(ProcessSet()) == 2


def test_a_process_is_found_by_its_identity(redis: redis_py.Redis) -> None:
    beating("web-1:1:a")
    assert ProcessSet().find("web-1:1:a")["queues"] == ["default", "mail"]
    assert ProcessSet().find("nobody") is None


def test_a_process_whose_heartbeat_has_expired_is_not_among_them(redis: redis_py.Redis) -> None:
    beating("web-1:1:a")
    redis.sadd("processes", "dead:1:b", "strange:1:c")
    redis.hset("strange:1:c", mapping={"info": "no JSON", "busy": 1})
    assert [process.identity for process in ProcessSet()] == ["web-1:1:a"]


def test_what_a_process_is_asked_to_do_it_hears_at_its_next_beat(redis: redis_py.Redis) -> None:
    heartbeat = beating("web-1:1:a")
    [process] = ProcessSet()
    for ask in (process.quiet, process.stop, process.dump_threads):
        ask()
    assert 0 < redis.ttl("web-1:1:a-signals") <= 60
    assert [heartbeat.beat(), heartbeat.beat(), heartbeat.beat()] == [["TSTP"], ["TERM"], ["TTIN"]]


@pytest.mark.parametrize("nonsense", ["", "many", "nan", "inf", "1e999", "\xff"])
def test_a_heartbeat_that_tells_nonsense_hides_nobody(redis: redis_py.Redis, nonsense: str) -> None:
    Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc"))).beat()
    redis.hset("web-1:7:abc", mapping={"busy": nonsense, "beat": nonsense, "rss": nonsense, "rtt_us": nonsense})
    work = {"queue": "default", "payload": entry(1), "run_at": nonsense}
    redis.hset("web-1:7:abc:work", "thread", json.dumps(work))
    assert [(process["busy"], process["beat"]) for process in ProcessSet()] == [(0, 0)]
    assert [work.run_at for work in WorkSet()] == [0]


@pytest.mark.parametrize("nonsense", [10**400, [], {}, None])
def test_work_since_no_moment_at_all_is_shown_all_the_same(redis: redis_py.Redis, nonsense: object) -> None:
    Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc"))).beat()
    work = {"queue": "default", "payload": entry(1), "run_at": nonsense}
    redis.hset("web-1:7:abc:work", "thread", json.dumps(work))
    assert [work.run_at for work in WorkSet()] == [0]


def test_a_quiet_process_is_stopping(redis: redis_py.Redis) -> None:
    heartbeat = beating("web-1:1:a")
    heartbeat.quiet = True
    heartbeat.beat()
    assert [process.stopping for process in ProcessSet()] == [True]


def test_a_process_tells_what_every_sidekiq_reads(redis: redis_py.Redis) -> None:
    beating("web-1:1:a", concurrency=5)
    info = json.loads(redis.hget("web-1:1:a", "info"))
    assert (info["concurrency"], redis.hget("web-1:1:a", "concurrency")) == (5, b"5")
    assert info["capsules"] == {"default": {"concurrency": 5, "mode": "strict", "weights": {"default": 0, "mail": 0}}}


@pytest.mark.parametrize(("weights", "mode"), [({}, "strict"), ({"a": 1, "b": 1}, "random"), ({"a": 2, "b": 1}, "weighted")])
def test_a_capsule_tells_how_its_queues_are_chosen(redis: redis_py.Redis, weights: dict[str, int], mode: str) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("a", "b", weights=weights)))
    assert heartbeat.info["capsules"]["default"]["mode"] == mode


@pytest.mark.parametrize(
    ("info", "fields", "concurrency", "queues"),
    [
        ({"concurrency": 5, "queues": ["a"]}, {}, 5, ["a"]),
        ({"queues": ["a"]}, {"concurrency": 7, "clock_off": "6.5"}, 7, ["a"]),
        ({"capsules": {"x": {"weights": {"a": 0, "b": 0}}, "y": {"weights": {"b": 1, "c": 1}}}}, {}, None, ["a", "b", "c"]),
        ({"capsules": [7]}, {}, None, []),
        ({"queues": 5}, {}, None, []),
        ({"queues": None}, {}, None, []),
        ({"queues": ["a", 1, None, ["b"]]}, {}, None, ["a"]),
        ({"capsules": {"x": 7, "y": {}, "z": {"weights": [1]}}}, {}, None, []),
    ],
)
def test_a_process_is_read_as_each_sidekiq_writes_it(
    redis: redis_py.Redis, info: Any, fields: Any, concurrency: int | None, queues: list[str]
) -> None:
    redis.sadd("processes", "ruby:1:a")
    redis.hset("ruby:1:a", mapping={"info": json.dumps({"identity": "ruby:1:a", **info}), "busy": 0, **fields})
    [process] = ProcessSet()
    assert (process["concurrency"], process["queues"]) == (concurrency, queues)
    assert process["clock_off"] == float(fields.get("clock_off", 0))


def test_an_embedded_process_is_not_stopped_from_elsewhere(redis: redis_py.Redis) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("default", identity="web-1:1:a")))
    heartbeat.info["embedded"] = True
    heartbeat.beat()
    [process] = ProcessSet()
    for ask in (process.quiet, process.stop):
        with pytest.raises(RuntimeError, match=r"^The process web-1:1:a is part of another application and cannot be "):
            ask()
    assert not redis.exists("web-1:1:a-signals")


# Work


def test_work_shows_who_runs_what_and_since_when(processor: Processor) -> None:
    seen = []

    class Looks(Worker):
        def perform(self, name: str) -> None:
            Heartbeat(processor).beat()
            [work] = WorkSet()
            seen.append(
                (work.process, work.queue, work.job.jid, work.job.args, WorkSet().find(self.jid).thread, work.thread)
            )
            seen.append((lately(work.run_at, since=time.time() - 5), len(WorkSet()), WorkSet().find("x")))
            seen.append(Stats().workers_size)

    jid = Looks.perform_async("ada")
    assert processor.process_one().name == "done"
    ((process, queue, found, args, thread, same), rest, busy) = seen
    assert (process, queue, found, args) == (processor.fetcher.identity, "default", jid, ["ada"])
    assert thread == same
    assert rest == (True, 1, None)
    assert busy == 1
    Heartbeat(processor).beat()
    assert list(WorkSet()) == []


def test_the_longest_comes_first_and_what_cannot_be_read_is_left_out(redis: redis_py.Redis) -> None:
    redis.sadd("processes", "a:1:a", "b:1:b")
    payload = entry(1)
    redis.hset("a:1:a:work", mapping={"t1": json.dumps({"queue": "q", "payload": payload, "run_at": 20}), "t2": "no JSON"})
    redis.hset("b:1:b:work", mapping={"t3": json.dumps({"queue": "q", "payload": payload, "run_at": 10})})
    assert [(work.process, work.thread) for work in WorkSet()] == [("b:1:b", "t3"), ("a:1:a", "t1")]


@pytest.mark.parametrize("payload", [{"class": "Mail", "args": [1], "jid": "1"}, entry(1)])
def test_work_is_read_as_older_sidekiqs_wrote_it(redis: redis_py.Redis, payload: Any) -> None:
    redis.sadd("processes", "a:1:a")
    redis.hset("a:1:a:workers", "t1", json.dumps({"queue": "q", "payload": payload, "run_at": 20}))
    assert [work.job.args for work in WorkSet()] == [[1]]


# The numbers


def test_before_the_first_heartbeat_the_numbers_are_0(redis: redis_py.Redis) -> None:
    assert (Stats().processed, Stats().failed) == (0, 0)


def test_the_numbers_are_those_that_heartbeats_told(processor: Processor) -> None:
    class Fails(Worker):
        def perform(self, fails: bool) -> None:
            if fails:
                raise RuntimeError

    for fails in (True, False, False):
        Fails.perform_async(fails)
    while processor.process_one():
        pass
    assert Stats().processed == 0
    Heartbeat(processor).beat()
    assert (Stats().processed, Stats().failed) == (3, 1)


def test_jobs_are_counted_where_they_are(processor: Processor) -> None:
    class Fails(Worker):
        def perform(self) -> None:
            raise RuntimeError("boom")

    Fails.perform_async(), Fails.set(retry=0).perform_async(), Fails.perform_in(60)
    while processor.process_one():
        pass
    Client().push_bulk({**JOB, "args": [[1], [2]], "queue": "mail"})
    Client().push(JOB)
    stats = Stats()
    assert (stats.scheduled_size, stats.retry_size, stats.dead_size, stats.enqueued) == (1, 1, 1, 3)
    assert stats.queues() == {"mail": 2, "default": 1}
    assert list(stats.queues()) == ["mail", "default"]
    beating("web-1:1:a")
    assert (stats.processes_size, stats.workers_size) == (1, 0)


def test_the_latency_of_the_default_queue_is_among_the_numbers(redis: redis_py.Redis) -> None:
    assert Stats().default_queue_latency == 0
    redis.lpush("queue:default", json.dumps({**JOB, "jid": "1", "enqueued_at": time.time() - 60}))
    assert 60 <= Stats().default_queue_latency < 120


def test_the_days_are_listed_the_last_one_first(redis: redis_py.Redis) -> None:
    redis.mset({"stat:processed:2026-11-24": 3, "stat:failed:2026-11-24": 1, "stat:processed:2026-11-22": 5})
    history = Stats().history(3, until=DAY)
    assert history == {DAY: (3, 1), DAY - timedelta(days=1): (0, 0), DAY - timedelta(days=2): (5, 0)}
    assert list(history) == [DAY, DAY - timedelta(days=1), DAY - timedelta(days=2)]


def test_a_run_of_today_is_in_todays_number(processor: Processor) -> None:
    class Works(Worker):
        def perform(self) -> None: ...

    Works.perform_async()
    processor.process_one()
    Heartbeat(processor).beat()
    assert Stats().history(1) == {datetime.now(UTC).date(): (1, 0)}


@pytest.mark.parametrize("days", [0, -1, 1826])
def test_a_history_of_no_day_or_of_more_than_are_kept_is_refused(redis: redis_py.Redis, days: int) -> None:
    with pytest.raises(ValueError, match="a history has from 1 to 1825 days"):
        Stats().history(days)


def test_a_reset_leaves_the_days(redis: redis_py.Redis) -> None:
    redis.mset({"stat:processed": 9, "stat:failed": 4, "stat:processed:2026-11-24": 3})
    Stats().reset()
    assert (Stats().processed, Stats().failed) == (0, 0)
    assert Stats().history(1, until=DAY) == {DAY: (3, 0)}


@pytest.mark.parametrize(("name", "left"), [("failed", (9, 0)), ("processed", (0, 4))])
def test_one_number_alone_may_be_reset(redis: redis_py.Redis, name: str, left: tuple[int, int]) -> None:
    redis.mset({"stat:processed": 9, "stat:failed": 4})
    Stats().reset(name)
    assert (Stats().processed, Stats().failed) == left
    with pytest.raises(ValueError, match=r"^'days' cannot be reset: processed and failed can\.$"):
        Stats().reset(name, "days")


def test_queues_are_counted_in_two_round_trips_however_many_there_are(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        Client().push({**JOB, "queue": f"q{number}"})
    trips: list[object] = []
    send = Pipeline.execute
    monkeypatch.setattr(Pipeline, "execute", lambda *args, **more: trips.append(args) or send(*args, **more))
    monkeypatch.setattr(type(redis), "execute_command", lambda *args, **_: pytest.fail(f"a round trip of its own: {args}"))
    assert Stats().enqueued == 20
    assert len(trips) == 2


def spoil(redis: redis_py.Redis) -> None:
    """Everything there is to be counted is of another type than it should be, or no number."""
    redis.mset(
        {"stat:processed": "abc", "stat:failed": "nan", "stat:processed:2026-11-24": "1e3", "stat:failed:2026-11-24": 2}
    )
    redis.mset({"retry": "x", "dead": "x", "web-2:1:b": "x", "web-1:1:a:work": "x"})
    redis.hset("queue:default", "a", "b")
    redis.lpush("schedule", "x")


def test_a_key_of_another_type_spoils_no_number_but_its_own(redis: redis_py.Redis) -> None:
    Client().push({**JOB, "queue": "mail"})
    redis.sadd("queues", "default")
    beating("web-1:1:a")
    redis.sadd("processes", "web-2:1:b")
    spoil(redis)
    stats = Stats()
    assert (stats.processed, stats.failed, stats.history(1, until=DAY)) == (0, 0, {DAY: (0, 2)})
    assert (stats.scheduled_size, stats.retry_size, stats.dead_size) == (0, 0, 0)
    assert (stats.queues(), stats.enqueued, stats.default_queue_latency) == ({"mail": 1, "default": 0}, 1, 0)
    assert ([process.identity for process in ProcessSet()], list(WorkSet())) == (["web-1:1:a"], [])


@pytest.mark.parametrize("name", ["queues", "processes"])
def test_where_names_are_kept_there_may_be_something_else(redis: redis_py.Redis, name: str) -> None:
    redis.set(name, "x")
    assert (Stats().queues(), list(ProcessSet()), list(WorkSet()), Stats().workers_size) == ({}, [], [], 0)


def test_what_redis_refuses_for_another_reason_is_not_passed_over(redis: redis_py.Redis) -> None:
    pipe = redis.pipeline(transaction=False)
    with pytest.raises(redis_py.ResponseError, match="syntax error"):
        readable(pipe.get("x").execute_command("SET", "x", "1", "NOT", "AN", "OPTION"))


@pytest.mark.parametrize("look", [lambda redis: len(Queue("default", redis)), lambda redis: len(RetrySet(redis)), Stats])
def test_another_redis_may_be_looked_at(redis: redis_py.Redis, look: Callable) -> None:
    other = fakeredis.FakeRedis()
    redis.lpush("queue:default", entry(1))
    redis.zadd("retry", {entry(1): 1})
    redis.set("stat:processed", 5)
    seen = look(other)
    assert (seen.processed if isinstance(seen, Stats) else seen) == 0
