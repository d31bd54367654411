"""The poller: what is due goes back to its queue."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis as redis_py
from processes import lately

from minijobs import Client, poll, retry, scheduled

NOW = 1_795_450_392.5


def put(redis: redis_py.Redis, at: float, name: str = "schedule", **fields: Any) -> str:
    """A job in one of the sets, as Sidekiq writes it; gives back its jid."""
    jid = f"{at:024.0f}"
    job = {"retry": True, "queue": "default", "class": "Mail", "args": [at], "jid": jid, "created_at": 1.5, **fields}
    redis.zadd(name, {json.dumps(job): at})
    return jid


@pytest.mark.parametrize("name", ["schedule", "retry"])
def test_a_job_is_moved_when_its_moment_has_come_and_not_before(redis: redis_py.Redis, places: Callable, name: str) -> None:
    jid = put(redis, NOW, name)
    assert poll(now=NOW - 0.001) == 0
    assert places(jid) == [name]
    assert poll(now=NOW) == 1
    assert places(jid) == ["queue:default"]
    assert poll(now=NOW) == 0


def test_nothing_is_due_in_an_empty_redis(redis: redis_py.Redis) -> None:
    assert poll() == 0
    assert redis.keys() == []


def test_without_now_the_clock_is_asked(redis: redis_py.Redis) -> None:
    put(redis, time.time() - 1)
    put(redis, time.time() + 60)
    assert poll() == 1


def test_the_earliest_is_moved_first(redis: redis_py.Redis) -> None:
    for at in (30, 10, 20):
        put(redis, at)
    poll(now=NOW)
    assert [json.loads(raw)["args"] for raw in reversed(redis.lrange("queue:default", 0, -1))] == [[10], [20], [30]]


def test_retries_are_moved_before_what_was_scheduled(redis: redis_py.Redis) -> None:
    put(redis, 10, "schedule")
    put(redis, 20, "retry")
    poll(now=NOW)
    assert [json.loads(raw)["args"] for raw in reversed(redis.lrange("queue:default", 0, -1))] == [[20], [10]]


def test_a_job_goes_to_its_own_queue_which_is_known_from_then_on(redis: redis_py.Redis, places: Callable) -> None:
    jid = put(redis, NOW, queue="mail")
    poll(now=NOW)
    assert places(jid) == ["queue:mail"]
    assert redis.smembers("queues") == {b"mail"}


def test_a_job_that_names_no_queue_goes_to_default(redis: redis_py.Redis) -> None:
    redis.zadd("schedule", {'{"class":"Mail","args":[],"jid":"1"}': NOW})
    poll(now=NOW)
    assert redis.llen("queue:default") == 1


def test_a_moved_job_says_when_it_was_enqueued_and_is_otherwise_the_same(redis: redis_py.Redis) -> None:
    put(redis, NOW, "retry", retry_count=3, error_message="é", enqueued_at=7.5, bid="x")
    (before,) = redis.zrange("retry", 0, -1)
    started = time.time()
    poll(now=NOW)
    job = json.loads(redis.lindex("queue:default", 0))
    assert lately(job["enqueued_at"], since=started)
    assert {**job, "enqueued_at": 7.5} == json.loads(before)


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_all_that_is_due_is_moved_however_much(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(scheduled, "BATCH", batch)
    for at in range(1, 8):
        put(redis, at)
    assert poll(now=5) == 5
    assert [score for _, score in redis.zrange("schedule", 0, -1, withscores=True)] == [6, 7]
    assert redis.llen("queue:default") == 5


def test_more_than_one_batch_is_moved_in_order(redis: redis_py.Redis) -> None:
    for at in range(250):
        put(redis, at)
    assert poll(now=NOW) == 250
    assert [json.loads(raw)["args"] for raw in reversed(redis.lrange("queue:default", 0, -1))] == [[at] for at in range(250)]


def test_leaving_the_set_and_entering_the_queue_is_one_step(real: redis_py.Redis, told: Callable) -> None:
    put(real, NOW)
    poll(now=0)  # so that the server knows the script
    real.script_flush()
    commands = [command[0] for command in told(lambda: poll(now=NOW))]
    # Whatever changes something does so inside the one script: after EVALSHA, before the next look.
    script = commands.index("EVALSHA")
    assert commands[script : script + 6] == ["EVALSHA", "ZSCORE", "PERSIST", "SADD", "LPUSH", "ZREM"]
    assert not {"ZREM", "LPUSH", "SADD", "ZPOPMIN"} & set(commands[:script] + commands[script + 6 :])


def test_of_two_pollers_that_saw_a_job_the_second_does_nothing(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(redis, NOW)
    first_look = redis.zrange
    looked = []

    def look(*args: Any, **options: Any) -> Any:
        seen = first_look(*args, **options)
        if seen and not looked:
            looked.append(seen)
            poll(redis, now=NOW)  # another poller is faster
        return seen

    monkeypatch.setattr(redis, "zrange", look)
    assert poll(redis, now=NOW) == 0
    assert looked
    assert redis.llen("queue:default") == 1
    assert redis.zcard("schedule") == 0


def test_many_pollers_move_every_job_once(redis: redis_py.Redis) -> None:
    for at in range(150):
        put(redis, at)
    with ThreadPoolExecutor(3) as pool:
        moved = [poller.result() for poller in [pool.submit(poll, redis, now=NOW) for _ in range(3)]]
    assert sum(moved) == 150
    assert redis.llen("queue:default") == 150
    assert len({json.loads(raw)["jid"] for raw in redis.lrange("queue:default", 0, -1)}) == 150


def test_polling_works_again_after_the_server_forgot_its_scripts(redis: redis_py.Redis) -> None:
    for at in (1, 2):
        put(redis, at)
        redis.script_flush()
        assert poll(now=at) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"hello",
        b"\xff\xfe",
        b"[]",
        b'{ "class": "Mail" }',
        b'{"class":"A","args":[1e999],"jid":"1"}',
    ],
)
@pytest.mark.parametrize("name", ["schedule", "retry"])
def test_what_is_no_job_goes_to_dead_byte_for_byte_and_the_others_are_moved(
    redis: redis_py.Redis, places: Callable, name: str, raw: bytes
) -> None:
    redis.zadd(name, {raw: 10})
    jids = [put(redis, 5, name), put(redis, 15, name)]
    assert poll(now=NOW) == 2
    ((kept, moment),) = redis.zrange("dead", 0, -1, withscores=True)
    assert moment == NOW
    if raw == b"[]":  # JSON, and no object: shown inside of a job
        assert (json.loads(kept)["class"], json.loads(kept)["args"]) == ("(no job)", ["[]"])
    else:
        assert kept == raw
    assert [places(jid) for jid in jids] == [["queue:default"]] * 2
    assert redis.zcard(name) == 0


@pytest.mark.parametrize(
    ("said", "queue"),
    [("5", "5"), ("2.0", "2.0"), ('"a|b"', "a|b"), ('"\\ud800"', "default"), ('""', "default"), ("[]", "default")],
)
@pytest.mark.parametrize("name", ["schedule", "retry"])
def test_what_sidekiq_would_run_goes_to_the_queue_that_it_means(
    redis: redis_py.Redis, name: str, said: str, queue: str
) -> None:
    # Given a job whose queue is no name, or none at all
    redis.zadd(name, {'{"class":"A","args":[],"jid":"1","queue":' + said + "}": 10})
    # Then it is moved like any other
    assert poll(now=NOW) == 1
    [raw] = redis.lrange(f"queue:{queue}", 0, -1)
    assert json.loads(raw)["jid"] == "1"
    assert redis.smembers("queues") == {queue.encode()}
    assert (redis.zcard(name), redis.zcard("dead")) == (0, 0)


@pytest.mark.parametrize("broken", ["retry", "schedule", "dead"])
def test_a_set_that_is_none_does_not_stop_the_others(
    redis: redis_py.Redis, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    due = {json.dumps({"class": "Mail", "args": [], "jid": "593f66432baeb76a116b7cac"}): NOW - 1}
    for name in {"retry", "schedule"} - {broken}:
        redis.zadd(name, due)
    redis.set(broken, "no set")
    assert poll(now=NOW) == redis.llen("queue:default") == len({"retry", "schedule"} - {broken})
    assert f"{broken} cannot be read" in caplog.text


def test_what_goes_to_dead_from_a_set_makes_room_there_too(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "DEAD_SIZE", 2)
    redis.zadd("dead", {"too old": NOW - retry.DEAD_FOR, "one": NOW - 2, "two": NOW - 1})
    redis.zadd("schedule", {"no job": 10})
    poll(now=NOW)
    assert redis.zrange("dead", 0, -1) == [b"two", b"no job"]


def test_what_is_no_job_goes_to_dead_in_one_step(real: redis_py.Redis, told: Callable) -> None:
    real.zadd("retry", {"hello": 10})
    commands = [command[0] for command in told(lambda: poll(now=NOW))]
    script = commands.index("EVALSHA")
    assert commands[script : script + 5] == [
        "EVALSHA",
        "ZSCORE",
        "PERSIST",
        "ZADD",
        "ZREM",
    ]  # what a script does inside Redis is one step


def test_what_can_be_read_but_not_written_goes_to_dead_as_it_is(redis: redis_py.Redis) -> None:
    raws = [b'{"class":"A","jid":"1","args":[%s]}' % (b"[" * depth + b"]" * depth) for depth in range(850, 1000)]
    redis.zadd("retry", {raw: number for number, raw in enumerate(raws)})
    moved = poll(now=NOW)
    assert moved + redis.zcard("dead") == len(raws)
    assert redis.zcard("retry") == 0


def test_another_redis_may_be_polled(redis: redis_py.Redis) -> None:
    import fakeredis

    other = fakeredis.FakeRedis()
    put(other, NOW)
    assert poll(now=NOW) == 0
    assert poll(other, now=NOW) == 1
    assert redis.keys() == []


def test_what_was_pushed_for_later_is_what_the_poller_moves(redis: redis_py.Redis, places: Callable) -> None:
    jid = Client().push({"class": "Mail", "args": [], "at": time.time() + 60})
    assert poll(now=time.time() + 59) == 0
    assert poll(now=time.time() + 61) == 1
    assert places(jid) == ["queue:default"]


def test_however_many_processes_there_are_they_poll_as_often_all_together() -> None:
    chance = random.Random(7)
    for processes in (0, 1, 10):
        pauses = [scheduled.poll_interval(5, processes, chance.uniform) for _ in range(10_000)]
        assert 2.5 * max(1, processes) <= min(pauses) < max(pauses) <= 7.5 * max(1, processes)
        assert sum(pauses) / len(pauses) / max(1, processes) == pytest.approx(5, rel=0.02)
