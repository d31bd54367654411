"""Looking at what is in Redis."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import fakeredis
import pytest
import redis as redis_py

from minijobs import Client, DeadSet, JobRecord, Processor, Queue, RetrySet, ScheduledSet, Stats, Worker
from minijobs.heartbeat import Heartbeat

JOB = {"class": "Mail", "args": ["ada"]}
SETS = [(RetrySet, "retry"), (ScheduledSet, "schedule"), (DeadSet, "dead")]


def entry(number: int) -> str:
    return json.dumps({"class": "Mail", "args": [number], "jid": str(number)})


# An entry


def test_a_record_is_read_and_its_bytes_are_kept() -> None:
    raw = b'{ "class": "Mail", "args": ["ada"], "jid": "1", "tags": ["a"] }'
    record = JobRecord(raw, score=5.0)
    assert (record.class_name, record.args, record.jid, record["tags"], record["none"]) == (
        "Mail",
        ["ada"],
        "1",
        ["a"],
        None,
    )
    assert (record.raw, record.score) == (raw, 5.0)
    assert repr(record) == "<JobRecord Mail ['ada'] jid=1>"


@pytest.mark.parametrize("raw", [b"", b"hello", b"\xff", b"[]", b"{}"])
def test_an_entry_that_is_no_job_is_shown_as_far_as_it_goes(raw: bytes) -> None:
    record = JobRecord(raw)
    assert (record.raw, record.jid, record.class_name, record.args, record["x"]) == (raw, None, None, [], None)
    assert repr(record) == "<JobRecord None [] jid=None>"


# A queue


def test_an_empty_queue_is_empty(redis: redis_py.Redis) -> None:
    assert (len(Queue()), list(Queue()), Queue().latency(), Queue().find("1")) == (0, [], 0.0, None)


@pytest.mark.parametrize("size", [1, 99, 100, 101, 200, 250])
def test_a_queue_is_listed_the_next_one_first_however_long_it_is(redis: redis_py.Redis, size: int) -> None:
    redis.lpush("queue:default", *map(entry, range(size)))
    assert len(Queue()) == size
    assert [record.args for record in Queue()] == [[number] for number in range(size)]


def test_a_job_is_found_by_its_jid(redis: redis_py.Redis) -> None:
    jids = [Client().push({**JOB, "queue": "mail"}) for _ in range(3)]
    queue = Queue("mail")
    assert queue.find(jids[1]).jid == jids[1]
    assert queue.find("nobody") is None
    assert Queue("other").find(jids[1]) is None


def test_the_latency_is_how_long_the_next_job_has_been_waiting(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", '{"class":"A","args":[],"jid":"1","enqueued_at":100.5}')
    redis.lpush("queue:default", '{"class":"A","args":[],"jid":"2","enqueued_at":200.5}')
    assert Queue().latency(now=110.5) == 10


def test_the_latency_of_sidekiq_8s_jobs_is_in_seconds_too(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", '{"class":"A","args":[],"jid":"1","enqueued_at":1795450392500}')
    assert Queue().latency(now=1_795_450_402.5) == 10


def test_without_now_the_clock_is_asked(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", json.dumps({**JOB, "jid": "1", "enqueued_at": time.time() - 60}))
    assert 60 <= Queue().latency() < 120


@pytest.mark.parametrize("when", ['"noon"', "null", "[]", "true", None])
def test_a_job_that_does_not_say_since_when_has_no_latency(redis: redis_py.Redis, when: str | None) -> None:
    said = "" if when is None else f',"enqueued_at":{when}'
    redis.lpush("queue:default", f'{{"class":"A","args":[],"jid":"1"{said}}}')
    assert Queue().latency() == 0.0


def test_what_is_no_job_is_listed_among_the_others(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "hello", entry(1))
    assert [record.jid for record in Queue()] == [None, "1"]
    assert Queue().latency() == 0.0


def test_looking_changes_nothing(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", *map(entry, range(3)))
    before = redis.lrange("queue:default", 0, -1)
    list(Queue())
    Queue().find("1")
    Queue().latency()
    assert redis.lrange("queue:default", 0, -1) == before


# The sorted sets


@pytest.mark.parametrize(("kind", "key"), SETS)
@pytest.mark.parametrize("size", [0, 1, 100, 250])
def test_a_set_is_listed_the_earliest_first_with_its_moments(redis: redis_py.Redis, kind: Any, key: str, size: int) -> None:
    if size:
        redis.zadd(key, {entry(number): number for number in reversed(range(size))})
    jobs = kind()
    assert len(jobs) == size
    assert [(record.args, record.score) for record in jobs] == [([number], number) for number in range(size)]


@pytest.mark.parametrize(("kind", "key"), SETS)
def test_a_set_finds_a_job_by_its_jid(redis: redis_py.Redis, kind: Any, key: str) -> None:
    redis.zadd(key, {entry(1): 1, "hello": 2, entry(3): 3})
    assert kind().find("3").score == 3
    assert kind().find("4") is None


def test_jobs_are_found_where_they_went(processor: Processor) -> None:
    class Fails(Worker):
        def perform(self) -> None:
            raise RuntimeError("boom")

    retried, killed, later = Fails.perform_async(), Fails.set(retry=0).perform_async(), Fails.perform_in(60)
    while processor.process_one():
        pass
    assert RetrySet().find(retried)["error_message"] == "boom"
    assert DeadSet().find(killed)["error_message"] == "boom"
    assert ScheduledSet().find(later).score > time.time()


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


@pytest.mark.parametrize("look", [lambda redis: len(Queue("default", redis)), lambda redis: len(RetrySet(redis)), Stats])
def test_another_redis_may_be_looked_at(redis: redis_py.Redis, look: Callable) -> None:
    other = fakeredis.FakeRedis()
    redis.lpush("queue:default", entry(1))
    redis.zadd("retry", {entry(1): 1})
    redis.set("stat:processed", 5)
    seen = look(other)
    assert (seen.processed if isinstance(seen, Stats) else seen) == 0
