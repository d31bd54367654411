"""Putting jobs in."""

from __future__ import annotations

import enum
import json
import math
import pickle
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import redis as redis_py
from processes import lately

import minijobs
from minijobs import BadArgument, Client, RedisUnavailable, connection, middleware
from minijobs.client import BULK_SLICE, BulkInterrupted

JOB = {"class": "Mail", "args": ["ada"]}


def first(redis: redis_py.Redis, key: str = "queue:default") -> dict[str, Any]:
    """The job that would be taken next."""
    return json.loads(redis.lindex(key, -1))


def test_a_push_leaves_the_job_in_its_queue_and_the_queue_among_the_queues(redis: redis_py.Redis, places: Callable) -> None:
    jid = Client().push({**JOB, "queue": "mail"})
    assert places(jid) == ["queue:mail"]
    assert redis.smembers("queues") == {b"mail"}
    assert sorted(redis.keys()) == [b"queue:mail", b"queues"]


def test_what_is_in_redis_is_the_job(redis: redis_py.Redis) -> None:
    before = time.time()
    jid = Client().push(JOB)
    job = first(redis)
    assert {**job, "created_at": 0, "enqueued_at": 0} == {
        "class": "Mail",
        "args": ["ada"],
        "retry": True,
        "queue": "default",
        "jid": jid,
        "created_at": 0,
        "enqueued_at": 0,
    }
    assert lately(job["created_at"], job["enqueued_at"], since=before)


def test_jobs_are_taken_in_the_order_in_which_they_were_pushed(redis: redis_py.Redis) -> None:
    jids = [Client().push(JOB) for _ in range(3)]
    assert [json.loads(raw)["jid"] for raw in reversed(redis.lrange("queue:default", 0, -1))] == jids


def test_a_job_for_later_is_in_schedule_with_its_moment_and_in_no_queue(redis: redis_py.Redis, places: Callable) -> None:
    at = time.time() + 60
    jid = Client().push({**JOB, "at": at})
    assert places(jid) == ["schedule"]
    ((raw, score),) = redis.zrange("schedule", 0, -1, withscores=True)
    assert score == at
    assert "enqueued_at" not in json.loads(raw)
    assert "at" not in json.loads(raw)
    assert redis.keys() == [b"schedule"]


def test_a_moment_that_has_passed_means_now(redis: redis_py.Redis, places: Callable) -> None:
    jid = Client().push({**JOB, "at": time.time() - 60})
    assert places(jid) == ["queue:default"]
    assert "enqueued_at" in first(redis)
    assert "at" not in first(redis)


def test_a_client_may_have_a_redis_of_its_own(redis: redis_py.Redis) -> None:
    import fakeredis

    other = fakeredis.FakeRedis()
    Client(other).push(JOB)
    assert redis.keys() == []
    assert other.llen("queue:default") == 1


@pytest.mark.parametrize(
    "value", [date(2026, 11, 23), {1}, b"x", object(), (1,), math.nan, {1: 2}, [{"a": (1,)}], 10**1000, "\ud800"]
)
def test_an_argument_that_is_not_json_is_refused_and_nothing_is_pushed(redis: redis_py.Redis, value: Any) -> None:
    with pytest.raises(BadArgument, match=r"^Argument 2 \(when\) of Mail"):
        Client().push({**JOB, "args": ["ada", value]}, ["email", "when"])
    assert redis.keys() == []


@pytest.mark.parametrize(
    "item",
    [
        {"class": None, "args": []},
        {"class": "Mail", "args": "ada"},
        {**JOB, "queue": ""},
        {**JOB, "queue": "\ud800"},
        {**JOB, "retry": "often"},
        {**JOB, "at": "tomorrow"},
        {**JOB, "tags": {"mail"}},
        {**JOB, "wrapped": math.nan},
    ],
)
def test_an_option_that_no_job_can_have_is_refused_and_nothing_is_pushed(
    redis: redis_py.Redis, item: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, TypeError)):
        Client().push(item)
    assert redis.keys() == []


# In bulk


def test_bulk_pushes_a_job_for_each_row_in_their_order(redis: redis_py.Redis) -> None:
    jids = Client().push_bulk({**JOB, "args": [["ada"], ("grace",), ["alan"]]})
    jobs = [json.loads(raw) for raw in reversed(redis.lrange("queue:default", 0, -1))]
    assert [job["jid"] for job in jobs] == jids
    assert [job["args"] for job in jobs] == [["ada"], ["grace"], ["alan"]]
    assert len(set(jids)) == 3


@pytest.mark.parametrize(("rows", "pushes"), [(0, 0), (1, 1), (BULK_SLICE, 1), (BULK_SLICE + 1, 2)])
def test_bulk_pushes_a_thousand_jobs_in_a_command(real: redis_py.Redis, told: Callable, rows: int, pushes: int) -> None:
    commands = told(lambda: Client().push_bulk({**JOB, "args": [[number] for number in range(rows)]}))
    assert [command[0] for command in commands] == ["SADD", "LPUSH"] * pushes
    assert real.llen("queue:default") == rows


def test_bulk_may_be_for_later(redis: redis_py.Redis) -> None:
    at = time.time() + 60
    Client().push_bulk({**JOB, "args": [["ada"], ["grace"]], "at": at})
    assert [score for _, score in redis.zrange("schedule", 0, -1, withscores=True)] == [at, at]
    assert redis.keys() == [b"schedule"]


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("ada", "Row 1002 is a str"),
        ({"a": 1}, "Row 1002 is a dict"),
        (None, "Row 1002 is a NoneType"),
        ([{1}], "Row 1002: Argument 1"),
    ],
)
def test_one_bad_row_is_named_and_none_is_pushed(redis: redis_py.Redis, row: Any, wrong: str) -> None:
    rows: list[Any] = [["ada"]] * (BULK_SLICE + 1)
    with pytest.raises(BadArgument) as refusal:
        Client().push_bulk({**JOB, "args": [*rows, row, *rows]})
    assert str(refusal.value).startswith(wrong)
    assert redis.keys() == []


def test_a_bad_option_is_refused_in_bulk_too(redis: redis_py.Redis) -> None:
    with pytest.raises(ValueError, match=r"^Not a job"):  # no row's fault
        Client().push_bulk({**JOB, "args": [["ada"]], "retry": "often"})
    assert redis.keys() == []


def test_a_job_that_a_middleware_spoils_in_a_late_row_means_that_none_is_pushed(redis: redis_py.Redis) -> None:
    # Given a middleware that writes what JSON has not into one job of the second slice
    @middleware.client.add
    def spoil(job: dict[str, Any], push: Callable[[], None]) -> None:
        job["wrapped"] = math.nan if job["args"] == [BULK_SLICE + 500] else "fine"
        push()

    # When all are pushed
    with pytest.raises(ValueError, match="not JSON compliant"):
        Client().push_bulk({**JOB, "args": [[number] for number in range(2 * BULK_SLICE)]})
    # Then the first slice was not, either
    assert redis.keys() == []


def partly(error: Exception) -> Exception:
    """As it is if another command of the same round trip was carried out."""
    error.partly = True  # type: ignore[attr-defined]
    return error


@pytest.mark.parametrize(
    ("error", "unknown", "not_pushed"),
    [
        (redis_py.TimeoutError("late"), 1000, 500),
        (connection.Unanswered("closed"), 1000, 500),
        (redis_py.ResponseError("OOM"), 0, 1500),
        (partly(redis_py.ResponseError("OOM")), 1000, 500),
        (redis_py.ConnectionError("refused"), 0, 1500),
    ],
)
def test_a_bulk_that_fails_midway_says_which_jobs_were_pushed(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, error: Exception, unknown: int, not_pushed: int
) -> None:
    # Given a Redis that is away from the second command on
    asked = []

    def execute(client: redis_py.Redis, *commands: Any, told: Callable[..., Any] = connection.execute) -> Any:
        asked.append(commands)
        if len(asked) == 2:
            raise error
        return told(client, *commands)

    monkeypatch.setattr(connection, "execute", execute)
    # When 2,500 jobs are pushed
    with pytest.raises(BulkInterrupted) as interrupted:
        Client().push_bulk({**JOB, "args": [[number] for number in range(2500)]})
    # Then the error tells the three kinds apart, and it is one that callers know
    told = interrupted.value
    assert isinstance(told, RedisUnavailable)
    assert told.pushed == [json.loads(raw)["jid"] for raw in reversed(redis.lrange("queue:default", 0, -1))]
    assert [job["args"] for job in told.unknown] == [[number] for number in range(1000, 1000 + unknown)]
    assert [job["args"] for job in told.not_pushed] == [[number] for number in range(2500 - not_pushed, 2500)]
    assert f"1000 jobs were pushed, {unknown} may or may not have been, {not_pushed} were not." in str(told)


def test_a_bulk_that_is_spread_over_two_queues_says_so_if_one_of_them_fails(redis: redis_py.Redis) -> None:
    @middleware.client.add
    def route(job: dict[str, Any], go_on: Callable[[], object]) -> None:
        job["queue"] = "odd" if job["args"][0] % 2 else "even"
        go_on()

    redis.set("queue:odd", "no list")
    with pytest.raises(BulkInterrupted) as interrupted:
        Client().push_bulk({**JOB, "args": [[number] for number in range(10)]})
    assert redis.llen("queue:even") == 5
    assert [job["args"] for job in interrupted.value.unknown] == [[number] for number in range(10)]


def test_one_id_for_many_jobs_is_refused(redis: redis_py.Redis) -> None:
    with pytest.raises(ValueError, match="leave out jid"):
        Client().push_bulk({**JOB, "jid": "1" * 24, "args": [[1], [2]]})
    assert not redis.exists("queue:default")


def test_a_bulk_of_one_command_fails_as_a_push_does(monkeypatch: pytest.MonkeyPatch, redis: redis_py.Redis) -> None:
    def execute(*commands: Any) -> None:
        raise redis_py.ConnectionError("refused")

    monkeypatch.setattr(connection, "execute", execute)
    with pytest.raises(RedisUnavailable) as unavailable:
        Client().push_bulk({**JOB, "args": [["ada"]]})
    assert type(unavailable.value) is RedisUnavailable


@pytest.mark.parametrize("item", [{"class": "Mail"}, {"class": "Mail", "args": 5}])
def test_a_bulk_without_rows_is_refused_in_one_sentence(redis: redis_py.Redis, item: dict[str, Any]) -> None:
    with pytest.raises(BadArgument, match="must be a list of rows"):
        Client().push_bulk(item)


# Names


class Field(str, enum.Enum):  # noqa: UP042 - as people wrote it before StrEnum, and str(…) gives its name
    CLASS = "class"
    ARGS = "args"
    QUEUE = "queue"
    MAIL = "mail"


@pytest.mark.parametrize("bulk", [False, True])
def test_a_queue_that_prints_as_something_else_is_the_queue_that_json_names(redis: redis_py.Redis, bulk: bool) -> None:
    # When the fields and the queue are members of an Enum that are text, too
    item = {Field.CLASS: "Mail", Field.ARGS: [["ada"]] if bulk else ["ada"], Field.QUEUE: Field.MAIL}
    Client().push_bulk(item) if bulk else Client().push(item)  # type: ignore[arg-type]
    # Then the job lies where it says that it lies
    assert sorted(redis.keys()) == [b"queue:mail", b"queues"]
    assert redis.smembers("queues") == {b"mail"}
    assert first(redis, "queue:mail")["queue"] == "mail"


def test_a_queue_that_a_middleware_chooses_is_checked_too(redis: redis_py.Redis) -> None:
    chosen: list[str] = [Field.MAIL, "a|b"]

    @middleware.client.add
    def choose(job: dict[str, Any], push: Callable[[], None]) -> None:
        job["queue"] = chosen.pop(0)
        push()

    Client().push(JOB)
    assert redis.llen("queue:mail") == 1
    with pytest.raises(ValueError, match=r"must be the name of a queue, without a \|"):
        Client().push(JOB)


# The clock


def test_whether_a_moment_has_passed_is_for_rediss_clock_to_say(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, places: Callable
) -> None:
    # Given a Redis whose clock is an hour ahead of this host's
    monkeypatch.setattr(connection, "now", lambda client: time.time() + 3600)
    # Then what is due in 30 minutes here is due there
    assert places(Client().push({**JOB, "at": time.time() + 1800})) == ["queue:default"]
    assert places(Client().push({**JOB, "at": time.time() + 5400})) == ["schedule"]


def test_a_push_for_now_does_not_ask_for_the_time(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "now", lambda client: pytest.fail("asked"))
    assert Client().push(JOB)


# What middleware may do


def test_middleware_changes_nothing_of_the_caller(redis: redis_py.Redis) -> None:
    def change(job: Any, push: Callable[[], None]) -> None:
        job["tags"].append("more")
        job["args"][0][0]["size"] = 2
        push()

    middleware.client.add(change)
    try:
        item = {"class": "Mail", "args": [[{"size": 1}]], "tags": ["one"]}
        Client().push(item)
        rows = [[[{"size": 1}]], [[{"size": 1}]]]
        Client().push_bulk({**item, "args": rows})
    finally:
        middleware.client.remove(change)
    assert item == {"class": "Mail", "args": [[{"size": 1}]], "tags": ["one"]}
    assert rows == [[[{"size": 1}]], [[{"size": 1}]]]
    for raw in redis.lrange("queue:default", 0, -1):
        job = json.loads(raw)
        assert (job["tags"], job["args"]) == (["one", "more"], [[{"size": 2}]])


@pytest.mark.parametrize("field", ["jid", "queue", "created_at", "retry"])
def test_what_middleware_takes_out_is_filled_in(redis: redis_py.Redis, field: str) -> None:
    def take_out(job: Any, push: Callable[[], None]) -> None:
        del job[field]
        push()

    middleware.client.add(take_out)
    try:
        jid = Client().push(JOB)
    finally:
        middleware.client.remove(take_out)
    job = first(redis)
    assert field in job
    assert job["jid"] == jid


def test_what_holds_itself_is_refused_also_where_there_is_middleware(redis: redis_py.Redis) -> None:
    circle: list[Any] = []
    circle.append(circle)
    nothing = middleware.client.add(lambda job, push: push())
    try:
        with pytest.raises(BadArgument, match="is nested more than 98 deep"):
            Client().push({"class": "Mail", "args": [circle]})
    finally:
        middleware.client.remove(nothing)


def test_a_bulk_that_failed_midway_can_be_told_to_another_process() -> None:
    error = BulkInterrupted("1 job was pushed", [{"jid": "1"}], [{"jid": "2"}], [{"jid": "3"}])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.pushed, again.unknown, again.not_pushed) == (
        "1 job was pushed",
        ["1"],
        [{"jid": "2"}],
        [{"jid": "3"}],
    )


@pytest.mark.parametrize(
    "error", [one for one in vars(minijobs).values() if isinstance(one, type) and issubclass(one, Exception)]
)
def test_every_error_of_ours_can_be_told_to_another_process(error: type[Exception]) -> None:
    again = pickle.loads(pickle.dumps(error("one sentence")))
    assert (type(again), str(again)) == (error, "one sentence")
