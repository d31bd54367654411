"""The heartbeat: what a process reports to Redis about itself."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import fakeredis
import pytest
import redis as redis_py

from minijobs import Fetcher, Heartbeat, Processor, RedisUnavailable, Worker, connect
from minijobs.heartbeat import KEEP_DAYS, resident_kilobytes

NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC).timestamp()
ME = "host:1:abc"


@pytest.fixture
def heartbeat(redis: redis_py.Redis) -> Heartbeat:
    return Heartbeat(Processor(Fetcher("default", "slow", redis=redis, identity=ME)), concurrency=5, tag="app")


def test_a_process_that_beats_is_among_the_processes(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    assert heartbeat.beat() == []
    assert redis.smembers("processes") == {ME.encode()}


def test_a_process_says_what_it_is(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.beat(now=NOW)
    vital = redis.hgetall(ME)
    info = json.loads(vital[b"info"])
    assert (info["hostname"], info["pid"], info["identity"]) == (socket.gethostname(), os.getpid(), ME)
    assert (info["queues"], info["concurrency"], info["tag"]) == (["default", "slow"], 5, "app")
    assert float(vital[b"beat"]) == NOW
    assert (vital[b"busy"], vital[b"quiet"]) == (b"0", b"false")
    assert int(vital[b"rtt_us"]) >= 0


def test_what_a_process_says_vanishes_after_four_missed_beats(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.beat()
    assert 15 <= redis.ttl(ME) <= 20
    redis.expire(ME, 5)
    heartbeat.beat()
    assert 15 <= redis.ttl(ME) <= 20


def test_a_quiet_process_says_so(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.quiet = True
    heartbeat.beat()
    assert redis.hget(ME, "quiet") == b"true"


def test_the_job_that_a_thread_runs_is_shown_while_it_runs(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    class Beats(Worker):
        seen: Any = None

        def perform(self, name: str) -> None:
            heartbeat.beat()
            Beats.seen = redis.hgetall(f"{ME}:work"), redis.hget(ME, "busy"), redis.ttl(f"{ME}:work")

    jid = Beats.perform_async("é")
    payload = redis.lindex("queue:default", 0).decode()
    heartbeat.processor.process_one()
    work, busy, ttl = Beats.seen
    ((described,),) = (work.values(),)
    described = json.loads(described)
    assert set(described) == {"queue", "payload", "run_at"}
    assert (described["queue"], described["payload"]) == ("default", payload)  # text inside the JSON, not an object
    assert json.loads(described["payload"])["jid"] == jid
    assert isinstance(described["run_at"], int)
    assert busy == b"1"
    assert 15 <= ttl <= 20


def test_a_process_that_runs_nothing_shows_nothing(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    redis.hset(f"{ME}:work", "thread", "what it ran before")
    heartbeat.beat()
    assert redis.exists(f"{ME}:work") == 0


# Numbers


def test_runs_are_told_once_in_all_and_for_the_day(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.processor.processed, heartbeat.processor.failed = 4, 1
    heartbeat.beat(now=NOW)
    heartbeat.beat(now=NOW)
    heartbeat.processor.processed += 2
    heartbeat.beat(now=NOW + 86_400)
    numbers = {key.decode(): int(redis.get(key)) for key in redis.keys("stat:*")}
    assert numbers == {
        "stat:processed": 6,
        "stat:processed:2026-11-23": 4,
        "stat:processed:2026-11-24": 2,
        "stat:failed": 1,
        "stat:failed:2026-11-23": 1,
        "stat:failed:2026-11-24": 0,
    }


def test_a_day_is_kept_for_five_years_and_the_sum_for_ever(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.processor.processed = 1
    heartbeat.beat(now=NOW)
    assert KEEP_DAYS == 5 * 365 * 86_400
    assert KEEP_DAYS - 5 <= redis.ttl("stat:processed:2026-11-23") <= KEEP_DAYS
    assert KEEP_DAYS - 5 <= redis.ttl("stat:failed:2026-11-23") <= KEEP_DAYS
    assert redis.ttl("stat:processed") == -1


def test_a_day_is_a_day_in_greenwich(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.processor.processed = 1
    heartbeat.beat(now=datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC).timestamp())
    assert redis.exists("stat:processed:2026-11-23")


def test_what_was_not_told_is_told_next_time() -> None:
    server = fakeredis.FakeServer()
    redis = connect(fakeredis.FakeRedis(server=server))
    heartbeat = Heartbeat(Processor(Fetcher("default")))
    heartbeat.processor.processed = 3
    server.connected = False
    with pytest.raises(RedisUnavailable, match="the heartbeat"):
        heartbeat.beat()
    server.connected = True
    heartbeat.beat()
    assert redis.get("stat:processed") == b"3"


@pytest.mark.parametrize("broken", ["stat:processed", "stat:failed"])
def test_a_statistic_that_is_no_number_stops_neither_the_heart_nor_the_others(
    redis: redis_py.Redis, heartbeat: Heartbeat, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    redis.set(broken, "many")
    for _ in range(3):
        heartbeat.processor.processed, heartbeat.processor.failed = 1, 1
        heartbeat.beat(now=NOW)
        assert redis.ttl(ME) >= 15
    numbers = {key: redis.get(key) for key in ("stat:processed", "stat:failed")}
    assert numbers == {**dict.fromkeys(numbers, b"3"), broken: b"many"}
    assert "the statistics cannot be counted" in caplog.text
    heartbeat.stop()
    assert not redis.exists("processes", ME)


def test_without_a_run_no_number_is_told(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.beat()
    assert redis.keys("stat:*") == []


# Signals


def test_a_beat_brings_back_the_signals_in_their_order_one_at_a_time(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    redis.lpush(f"{ME}-signals", "TSTP")
    redis.lpush(f"{ME}-signals", "TERM")
    assert [heartbeat.beat() for _ in range(3)] == [["TSTP"], ["TERM"], []]


def test_a_beat_is_few_round_trips(real: redis_py.Redis, told: Callable) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("default", identity=ME)))
    assert [command[0] for command in told(heartbeat.beat)] == [
        *("TIME", "HGET"),
        *("MULTI", "UNLINK", "EXEC"),
        *("MULTI", "SADD", "HSET", "EXPIRE", "RPOP", "EXEC"),
    ]


def beats(heartbeat: Heartbeat, *seconds: float) -> None:
    for second in seconds:
        heartbeat.beat(now=NOW + second, at=NOW + second)


def test_a_process_is_steady_when_everybody_has_had_time_to_beat(redis: redis_py.Redis) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("default")), every=5)
    heartbeat.beat(now=NOW - 1000, at=NOW - 1000)
    beats(heartbeat, 0, 5, 10, 15, 20)
    assert not heartbeat.may_rescue(at=NOW + 20)  # the gap before the first of these: Redis, or we, were away
    beats(heartbeat, 25)
    assert heartbeat.may_rescue(at=NOW + 26)


def test_a_process_that_has_not_beaten_for_a_while_knows_nothing_about_the_others(redis: redis_py.Redis) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("default")), every=5)
    heartbeat.beat(now=NOW - 1000, at=NOW - 1000)
    beats(heartbeat, 0, 5, 10, 15, 20, 25)
    assert not heartbeat.may_rescue(at=NOW + 36)
    assert (heartbeat.looks_dead(at=NOW + 45), heartbeat.looks_dead(at=NOW + 46)) == (False, True)


def test_the_memory_is_told_where_the_system_says_it(redis: redis_py.Redis, heartbeat: Heartbeat) -> None:
    heartbeat.beat()
    assert int(redis.hget(ME, "rss")) >= 0
    assert resident_kilobytes() >= 0


def test_where_the_system_does_not_say_it_the_memory_is_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_there(path: str) -> Any:
        raise FileNotFoundError(path)

    monkeypatch.setattr("builtins.open", nothing_there)
    assert resident_kilobytes() == 0


def test_a_redis_that_has_lost_the_last_heartbeat_is_said_to_have_lost_it_once(
    real: redis_py.Redis, real_redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat = Heartbeat(Processor(Fetcher(redis=real, identity=ME)))
    lost = (
        f"{real_redis_url.removeprefix('unix://')}, database 0 has lost the last heartbeat of this process, and perhaps jobs"
    )
    for number, step in enumerate((real.flushdb, lambda: real.swapdb(0, 1), lambda: real.swapdb(0, 1)), start=1):
        heartbeat.beat()
        step()
        heartbeat.beat()
        heartbeat.beat()
        assert sum(lost in record.getMessage() for record in caplog.records) == number
    real.swapdb(0, 1)
    real.flushdb()


def test_a_heartbeat_that_has_expired_or_arrived_late_is_not_lost(
    redis: redis_py.Redis, heartbeat: Heartbeat, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat.beat()
    redis.hset(ME, "beat", repr(float(heartbeat.last_beat) + 1))  # the reply was lost
    heartbeat.beat()
    redis.delete(ME)
    heartbeat._last -= 15  # it was stopped for so long that nobody knows
    heartbeat.beat()
    assert caplog.records == []


@pytest.mark.parametrize(("off", "said"), [(600, "seconds ahead of"), (-600, "seconds behind"), (3, "")])
def test_a_clock_that_is_off_is_named_once(
    real: redis_py.Redis,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    off: float,
    said: str,
) -> None:
    heartbeat = Heartbeat(Processor(Fetcher(redis=real, identity=ME)))
    right = time.time  # of the same machine as that Redis
    monkeypatch.setattr(time, "time", lambda: right() + off)
    heartbeat.beat()
    heartbeat.beat()
    assert [said in record.getMessage() for record in caplog.records] == [True] * bool(said)
    assert all(socket.gethostname() in record.getMessage() for record in caplog.records)
    told = [int(number) for record in caplog.records for number in re.findall(r"(\d+) seconds", record.getMessage())]
    for seconds in (*told, abs(int(real.hget(ME, "clock_off")))):
        assert seconds == pytest.approx(abs(off), abs=1.5)  # the machine may be busy between two looks at a clock
