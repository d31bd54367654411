"""Deleting every job there is."""

from __future__ import annotations

import json
import socket

import pytest
import redis as redis_py

from minijobs import Client, Fetcher, LooksLikeProduction, Queue, clear_everything
from minijobs.clearing import ENVIRONMENTS, production

HERE = socket.gethostname()


@pytest.fixture
def full(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> redis_py.Redis:
    """Jobs everywhere, one in flight, and what belongs to others."""
    for name in ENVIRONMENTS:
        monkeypatch.delenv(name, raising=False)
    for queue in ("default", "mail"):
        Client().push_bulk({"class": "Mail", "args": [["ada"], ["grace"]], "queue": queue})
    for key in ("retry", "schedule", "dead"):
        redis.zadd(key, {json.dumps({"class": "Mail", "args": [], "jid": str(number)}): number for number in range(2)})
    Fetcher("mail", identity="me").fetch()
    redis.set("visitors", 7)
    redis.lpush("queue:of-somebody-else", "x")  # its name is not in `queues`
    redis.set("stat:processed", 5)
    return redis


def test_everything_is_cleared_but_only_jobs_that_wait(full: redis_py.Redis) -> None:
    far: list[int] = []
    assert clear_everything(progress=far.append) == 9
    assert far[-1] == 9
    left = {b"visitors", b"queue:of-somebody-else", b"stat:processed", b"inflight", b"inflight:me|mail"}
    assert set(full.keys()) == left


def test_a_key_of_another_type_is_never_deleted(full: redis_py.Redis) -> None:
    full.set("dead", "or alive")
    with pytest.raises(redis_py.ResponseError):
        clear_everything()
    assert full.get("dead") == b"or alive"
    full.set("queue:mail", "by foot")
    with pytest.raises(redis_py.ResponseError):
        Queue("mail").clear()
    assert full.get("queue:mail") == b"by foot"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_in_production_it_refuses_and_deletes_nothing(
    full: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "Production")
    with pytest.raises(
        LooksLikeProduction, match=f"^Nothing was deleted at .*: {name} is Production. If every job .*insist=True"
    ):
        clear_everything()
    assert full.llen("queue:default") == 2
    assert clear_everything(insist=True) == 9


def test_where_a_process_of_another_machine_works_it_refuses(full: redis_py.Redis) -> None:
    full.sadd("processes", f"{HERE}:1:abc")
    assert production(full) is None
    full.sadd("processes", "web-1:7:abc")
    with pytest.raises(LooksLikeProduction, match="a worker process serves it from another machine, web-1"):
        clear_everything()
    assert full.llen("queue:default") == 2


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://redis.example.com:6379", "it is on another machine, redis.example.com"),
        ("rediss://10.0.0.1:6379", "it is on another machine, 10.0.0.1"),
        ("redis://redis:6379", "it is on another machine, redis"),
    ],
)
def test_another_machine_looks_like_production(monkeypatch: pytest.MonkeyPatch, url: str, reason: str) -> None:
    for name in ENVIRONMENTS:
        monkeypatch.delenv(name, raising=False)
    assert production(redis_py.Redis.from_url(url)) == reason


@pytest.mark.parametrize("url", ["redis://localhost:1", "redis://127.0.0.1:1", "redis://127.1.2.3:1", "redis://[::1]:1"])
def test_this_machine_alone_does_not(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    for name in ENVIRONMENTS:
        monkeypatch.delenv(name, raising=False)
    client = redis_py.Redis.from_url(url)
    monkeypatch.setattr(client, "smembers", lambda key: set())
    assert production(client) is None
