"""/stats and /health, for programs that watch."""

from __future__ import annotations

import json

import pytest
import redis as redis_py
from visitors import Asker, Visitor, a_job

from minijobs import Fetcher, Heartbeat, Processor, connection


def test_stats_are_the_numbers_that_the_pages_show(some: redis_py.Redis) -> None:
    some.mset({"stat:processed": 1234567, "stat:failed": 89})
    Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc", redis=some))).beat()
    asker = Asker(some)
    status, commands = asker.cost("/stats")
    assert (status, commands <= 50) == (200, True)
    told = asker.get("/stats").json
    assert {name: number for name, number in told.items() if name not in ("now", "clock_off", "threads")} == {
        **{"processed": 1234567, "failed": 89, "busy": 0, "enqueued": 3, "queues": 1},
        **{"retries": 3, "scheduled": 3, "dead": 3, "processes": 1},
    }


def test_all_is_well_until_jobs_wait_for_nobody(redis: redis_py.Redis, visitor: Visitor) -> None:
    assert (visitor.get("/health").status_code, visitor.get("/health").json) == (200, {"ok": True, "wrong": []})
    redis.sadd("queues", "mail")
    redis.lpush("queue:mail", a_job(1), a_job(2))
    answer = visitor.get("/health")
    assert (answer.status_code, answer.json["wrong"]) == (503, ["2 jobs waiting, and no worker process is running."])
    Heartbeat(Processor(Fetcher("mail", identity="web-1:7:abc"))).beat()
    assert visitor.get("/health").json == {"ok": True, "wrong": []}
    redis.hset("web-1:7:abc", "quiet", "true")
    assert visitor.get("/health").json["wrong"] == ["2 jobs waiting, and every worker process is quiet."]


def test_a_queue_that_nobody_fetches_from_is_named(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.sadd("queues", "mail", "male", "empty")
    redis.lpush("queue:mail", a_job(1))
    redis.lpush("queue:male", a_job(2), a_job(3))
    Heartbeat(Processor(Fetcher("mail", identity="web-1:7:abc"))).beat()
    answer = visitor.get("/health")
    says = ["2 jobs waiting in queue male, and no worker process fetches from it."]
    assert (answer.status_code, answer.json["wrong"]) == (503, says)
    Heartbeat(Processor(Fetcher("male", "mail", identity="web-2:7:def"))).beat()
    assert visitor.get("/health").json == {"ok": True, "wrong": []}
    redis.hset("web-2:7:def", "quiet", "true")
    assert visitor.get("/health").json["wrong"] == says


@pytest.mark.parametrize(("off", "says"), [("-90", "90 s"), ("1e299", "ages"), ("3", None)])
def test_a_clock_that_is_off_is_named(redis: redis_py.Redis, visitor: Visitor, off: str, says: str | None) -> None:
    info = {"identity": "web-1:7:abc", "hostname": "web-1"}
    redis.sadd("processes", "web-1:7:abc")
    redis.hset("web-1:7:abc", mapping={"info": json.dumps(info), "busy": 0, "clock_off": off})
    wrong = visitor.get("/health").json["wrong"]
    assert wrong == ([f"The clock of web-1 differs from Redis's by {says}."] if says else [])


def test_without_a_redis_it_is_not_well(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.connect("redis://127.0.0.1:1/3")
    answer = visitor.get("/health")
    assert answer.status_code == 503
    assert answer.json["wrong"][0].startswith("Redis at 127.0.0.1:1, database 3 does not answer as it should: ")
    connection.current().close()
    monkeypatch.setattr(connection, "_current", None)
    monkeypatch.setenv("REDIS_URL", "nonsense://x")
    assert "REDIS_URL is no address of a Redis" in visitor.get("/health").json["wrong"][0]


def test_programs_need_the_password_too(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    from minijobs.web import dashboard

    monkeypatch.setenv("MINIJOBS_WEB_PASSWORD", "Jzq3oPXk0cE2w7uV")
    guarded = dashboard().test_client()
    assert {guarded.get(path).status_code for path in ("/stats", "/health")} == {401}
