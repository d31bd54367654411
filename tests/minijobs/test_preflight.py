"""The check at a worker's start: one sentence for each thing that will not pass by waiting; nothing is written."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fakeredis
import pytest
import redis as redis_py
from test_failover import Server, serve  # noqa: F401

from minijobs import RedisUnavailable, connect, preflight
from minijobs.preflight import CannotStart, check

EVERYTHING = ("ON", ">secret", "~*", "+@all")


def refusal(client: redis_py.Redis) -> str:
    """Why a worker of `default` and `mail` cannot start, in one sentence."""
    with pytest.raises(CannotStart) as failed:
        check(client, queues=["default", "mail"])
    assert "\n" not in str(failed.value)
    assert failed.value.__context__ is None or failed.value.__suppress_context__
    return str(failed.value)


@contextmanager
def user(real: redis_py.Redis, url: str, *rules: str) -> Iterator[redis_py.Redis]:
    """A client that has these rights."""
    real.execute_command("ACL", "SETUSER", "bob", "RESET", *EVERYTHING, *rules)
    with connect(f"unix://bob:secret@{url.removeprefix('unix://')}") as client:
        yield client
    real.execute_command("ACL", "DELUSER", "bob")


def test_a_good_redis_passes_in_silence_and_nothing_is_written(
    redis: redis_py.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    check(redis, queues=["default", "mail"])
    assert caplog.records == []
    assert redis.keys("*") == []
    assert redis.ping()


def test_a_redis_that_is_not_there_may_come(tmp_path: Path) -> None:
    with pytest.raises(RedisUnavailable, match=r"^No Redis at .*, so this was not done: starting\. "):
        check(connect(f"unix://{tmp_path}/nobody.sock"), queues=["default"])


def test_a_wrong_password(real: redis_py.Redis, real_redis_url: str) -> None:
    path = real_redis_url.removeprefix("unix://")
    said = refusal(connect(f"unix://bob:hunter2@{path}"))
    assert "WRONGPASS" in said
    assert "REDIS_URL" in said
    assert "hunter2" not in said


def test_no_password_where_one_is_needed(real: redis_py.Redis, real_redis_url: str) -> None:
    real.config_set("requirepass", "secret")
    try:
        assert "NOAUTH" in refusal(connect(real_redis_url))
    finally:
        real.config_set("requirepass", "")


@pytest.mark.parametrize(
    ("rules", "missing"),
    [
        (("-lpush", "-script|load", "-time"), "missing: +time, +script|load, +lpush."),
        (("-@scripting",), "missing: +script|exists, +script|load, +eval, +evalsha."),
        (("-multi",), "missing: +multi"),
        (("-exec",), "missing: +exec"),
        (("-ping", "-info"), "missing: +ping."),
        (
            ("RESETKEYS", "~queue*", "~inflight*", "~processes", "~stat:*", "~*:*:*", "~schedule", "~retry"),
            "missing: ~dead.",
        ),
    ],
)
def test_each_missing_right_is_named(real: redis_py.Redis, real_redis_url: str, rules: tuple, missing: str) -> None:
    with user(real, real_redis_url, *rules) as client:
        said = refusal(client)
    assert missing in said
    assert real.keys("*") == []


@pytest.mark.parametrize(
    ("said", "missing"),
    [  # of Redis 7.0; of Valkey 9.1, which names the user
        ("this user has no permissions to run the 'evalsha' command", ["+evalsha"]),
        ("User monkey has no permissions to run the 'evalsha' command", ["+evalsha"]),
        ("this user has no permissions to access one of the keys used as arguments", ["~queue:mail"]),
        ("User bob has no permissions to access the 'queue:mail' key", ["~queue:mail"]),
    ],
)
def test_a_missing_right_is_told_from_a_missing_key_whatever_the_user_is_named(said: str, missing: list[str]) -> None:
    error = redis_py.exceptions.NoPermissionError(said)
    assert preflight._lack(error, ("EVALSHA", "x", "1", "queue:mail"), "Redis") == missing


def test_the_keys_that_are_missing_are_named(real: redis_py.Redis, real_redis_url: str) -> None:
    keys = ("~queue:default", "~queues", "~processes", "~inflight*", "~stat:*", "~schedule", "~retry", "~dead")
    with user(real, real_redis_url, "RESETKEYS", *keys) as client:
        said = refusal(client)
    process = f"~{os.uname().nodename}:0:0"
    assert said.endswith(f"missing: ~queue:mail, {process}, {process}:work, {process}-signals, {process}:x.")


def test_the_least_rights_are_enough(real: redis_py.Redis, real_redis_url: str) -> None:
    commands = {
        line.split()[0].lower() for part in preflight.COMMANDS.split("\n") for line in part.split("|") if line.strip()
    }
    rights = [f"+{name}" for name in commands | {"hello", "multi", "exec"}]
    with user(real, real_redis_url, "-@all", *rights) as client:
        check(client, queues=["default"])


def test_scripts_that_are_switched_off(serve: Callable[..., Server]) -> None:  # noqa: F811
    server = serve("--rename-command", "EVAL", "")
    assert "no command EVAL: scripts are switched off" in refusal(server.client)


def test_a_redis_that_is_too_old(serve: Callable[..., Server], monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    assert "has no command LMOVE: it is older than 6.2" in refusal(serve("--rename-command", "LMOVE", "").client)
    client = fakeredis.FakeRedis()
    monkeypatch.setattr(client, "info", lambda: {"redis_version": "5.0.7"})
    assert "is version 5.0.7; minijobs needs 6.2 or later." in refusal(client)


def test_a_cluster_is_refused_before_anything_is_written(serve: Callable[..., Server]) -> None:  # noqa: F811
    assert "is a Redis Cluster" in refusal(serve("--cluster-enabled", "yes").client)


def test_a_replica(real: redis_py.Redis, real_redis_url: str) -> None:
    real.replicaof("127.0.0.1", "1")
    try:
        assert "is a replica, which cannot be written to: name the master (127.0.0.1:1)." in refusal(real)
        with user(real, real_redis_url, "-info") as client:
            assert "is a replica" in refusal(client)
    finally:
        real.replicaof("NO", "ONE")


def test_a_policy_that_drops_jobs_is_a_warning(real: redis_py.Redis, caplog: pytest.LogCaptureFixture) -> None:
    real.config_set("maxmemory-policy", "allkeys-lru")
    try:
        check(real, queues=["default"])
    finally:
        real.config_set("maxmemory-policy", "noeviction")
    assert [(record.levelno, "allkeys-lru" in record.getMessage()) for record in caplog.records] == [(logging.WARNING, True)]


def test_a_redis_that_is_full_may_be_emptied(real: redis_py.Redis) -> None:
    real.config_set("maxmemory", 1)
    try:
        check(real, queues=["default"])
    finally:
        real.config_set("maxmemory", 0)
