"""Looking at what is in Redis."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from enum import Enum
from typing import Any

import pytest
import redis as redis_py
from processes import eventually, lately

from minijobs import (
    Client,
    DeadSet,
    JobRecord,
    Processor,
    Queue,
    RetrySet,
    ScheduledSet,
    Worker,
    poll,
    retry,
)

NOW = 1_795_450_392.5
JOB = {"class": "Mail", "args": ["ada"]}
SETS = [(RetrySet, "retry"), (ScheduledSet, "schedule"), (DeadSet, "dead")]


def entry(number: int) -> str:
    return json.dumps({"class": "Mail", "args": [number], "jid": str(number)})


# An entry


def test_a_record_is_read_and_its_bytes_are_kept() -> None:
    raw = b'{ "class": "Mail", "args": ["ada"], "jid": "1", "tags": ["a"] }'
    record = JobRecord(raw)
    assert (record.class_name, record.args, record.jid, record["tags"], record["none"]) == (
        "Mail",
        ["ada"],
        "1",
        ["a"],
        None,
    )
    assert record.raw == raw
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


# Going through, and removing on the way


def many(redis: redis_py.Redis, key: str, size: int) -> None:
    if key.startswith("queue:"):
        redis.sadd("queues", key.removeprefix("queue:"))
        redis.lpush(key, *map(entry, range(size)))
    else:
        redis.zadd(key, {entry(number): number for number in range(size)})


def count(redis: redis_py.Redis, key: str) -> int:
    return redis.llen(key) if key.startswith("queue:") else redis.zcard(key)


PLACES = [(Queue, "queue:default"), *SETS]


@pytest.mark.parametrize(("kind", "key"), PLACES)
def test_whoever_deletes_on_the_way_misses_none(redis: redis_py.Redis, kind: Any, key: str) -> None:
    many(redis, key, 350)
    seen = []
    for record in kind():
        seen.append(record.args[0])
        assert record.delete()
    assert seen == list(range(350))
    assert count(redis, key) == 0


@pytest.mark.parametrize(("kind", "key"), PLACES)
def test_whoever_deletes_some_on_the_way_sees_each_once(redis: redis_py.Redis, kind: Any, key: str) -> None:
    many(redis, key, 350)
    seen = [record.args[0] for record in kind() if record.args[0] % 3 or record.delete()]
    assert seen == list(range(350))
    assert [record.args[0] for record in kind()] == [number for number in range(350) if number % 3]


@pytest.mark.parametrize(("kind", "key"), PLACES)
def test_what_is_deleted_is_gone_and_the_second_time_there_is_nothing(redis: redis_py.Redis, kind: Any, key: str) -> None:
    many(redis, key, 3)
    record = kind().find("1")
    assert (record.delete(), record.delete()) == (True, False)
    assert [other.jid for other in kind()] == ["0", "2"]


@pytest.mark.parametrize(("kind", "key"), PLACES)
def test_clearing_says_how_many_there_were_and_how_far_it_is(redis: redis_py.Redis, kind: Any, key: str) -> None:
    many(redis, key, 2_500)
    far: list[int] = []
    assert kind().clear(far.append) == 2_500
    assert far == [1_000, 2_000, 2_500]
    assert count(redis, key) == 0
    assert redis.scard("queues") == 0
    assert kind().clear() == 0


def test_a_record_by_itself_cannot_be_deleted_from_anywhere() -> None:
    assert JobRecord(entry(1).encode()).delete() is False


def test_the_copy_that_would_be_taken_next_is_the_one_that_is_deleted(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", entry(1), entry(2), entry(1))
    next(iter(Queue())).delete()
    assert [record.jid for record in Queue()] == ["2", "1"]


def test_all_queues_are_listed_by_name(redis: redis_py.Redis) -> None:
    for name in ("mail", "default", "a:b", "é"):
        Client().push({**JOB, "queue": name})
    assert [(queue.name, len(queue)) for queue in Queue.all()] == [("a:b", 1), ("default", 1), ("mail", 1), ("é", 1)]


def test_a_queue_whose_name_is_no_text_is_a_queue_all_the_same(redis: redis_py.Redis) -> None:
    redis.sadd("queues", b"a\xff", "a\ufffd")
    redis.lpush(b"queue:a\xff", entry(1), entry(2))
    other, queue = sorted(Queue.all(), key=len)
    assert (len(queue), [record.jid for record in queue], len(other)) == (2, ["1", "2"], 0)
    assert next(iter(queue)).delete()
    assert queue.clear() == 1
    assert redis.smembers("queues") == {"a\ufffd".encode()}


# What an entry says


def test_a_record_knows_its_queue(redis: redis_py.Redis) -> None:
    Client().push({**JOB, "queue": "mail"})
    assert next(iter(Queue("mail"))).queue == "mail"
    assert JobRecord(b'{"class":"A","args":[],"jid":"1","queue":"low"}').queue == "low"
    assert JobRecord(b"no job").queue is None


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("1795450392.5", NOW), ("1795450392500", NOW), ("1795450392", 1_795_450_392), ('"noon"', None), ("true", None)],
)
def test_times_are_epoch_seconds_whoever_wrote_them(said: str, seconds: float | None) -> None:
    record = JobRecord(b'{"class":"A","args":[],"jid":"1","failed_at":%s}' % said.encode())
    assert (record.at("failed_at"), record.at("created_at")) == (seconds, None)


def test_a_job_that_was_never_enqueued_waits_since_it_was_created() -> None:
    record = JobRecord(b'{"class":"A","args":[],"jid":"1","created_at":100.0}')
    assert record.latency(now=130) == 30


def test_a_backtrace_is_read(processor: Processor) -> None:
    class Fails(Worker):
        backtrace = True

        def perform(self) -> None:
            raise RuntimeError("boom")

    Fails.perform_async()
    processor.process_one()
    [record] = RetrySet()
    assert record.error_backtrace[0].endswith(":in perform")
    assert __file__ in record.error_backtrace[0]


# Moving by hand


@pytest.fixture
def failed_twice(processor: Processor) -> tuple[Processor, str]:
    """A job in `retry` that has failed at its first run and at its first retry."""

    class Fails(Worker):
        def perform(self) -> None:
            raise RuntimeError("boom")

    jid = Fails.set(queue="default").perform_async()
    processor.process_one()
    poll(now=time.time() + 100)
    processor.process_one()
    return processor, str(jid)


def test_a_retry_by_hand_is_not_counted(failed_twice: tuple[Processor, str], places: Callable) -> None:
    processor, jid = failed_twice
    assert RetrySet().find(jid)["retry_count"] == 1
    entry = RetrySet().find(jid)
    eventually(lambda: time.time() > entry["enqueued_at"] + 0.01)  # a job's times are in milliseconds
    assert (entry.retry(), entry.retry()) == (True, False)
    assert places(jid) == ["queue:default"]
    assert Queue().find(jid)["enqueued_at"] > entry["enqueued_at"]
    processor.process_one()
    assert RetrySet().find(jid)["retry_count"] == 1


@pytest.mark.parametrize("kind", [RetrySet, ScheduledSet])
def test_who_is_killed_is_dead_and_the_second_time_there_is_nothing(redis: redis_py.Redis, kind: Any) -> None:
    redis.zadd(kind.name, {entry(1): 1})
    [record] = kind()
    before = time.time()
    assert (record.kill(), record.kill()) == (True, False)
    [dead] = DeadSet()
    assert dead.raw == record.raw
    assert lately(dead.score, since=before)
    assert len(kind()) == 0


def test_who_is_dead_cannot_die_again_and_stays(redis: redis_py.Redis) -> None:
    redis.zadd("dead", {entry(1): 1})
    [record] = DeadSet()
    assert record.kill() is False
    assert DeadSet().kill_all() == 0
    assert [(dead.jid, dead.score) for dead in DeadSet()] == [("1", 1)]


def test_a_dead_job_may_be_tried_again(redis: redis_py.Redis, places: Callable) -> None:
    redis.zadd("dead", {entry(17): 1})
    assert DeadSet().find("17").retry()
    assert places('"jid": "17"') == []
    assert [record.args for record in Queue()] == [[17]]


def test_another_moment_is_another_score_of_the_same_entry(redis: redis_py.Redis) -> None:
    redis.zadd("schedule", {entry(1): 10, entry(2): 20})
    record = ScheduledSet().find("1")
    assert record.reschedule(30)
    assert [(job.jid, job.score) for job in ScheduledSet()] == [("2", 20), ("1", 30)]
    assert record.score == 30


def test_what_has_left_meanwhile_is_not_put_back_by_another_moment(redis: redis_py.Redis) -> None:
    redis.zadd("schedule", {entry(1): 10})
    record = ScheduledSet().find("1")
    poll(now=10)
    assert record.reschedule(30) is False
    assert len(ScheduledSet()) == 0


class ScalarFloat(float):
    """Like a float of numpy's, which Redis could not read from its repr."""

    def __repr__(self) -> str:
        return f"float64({float(self)!r})"


def test_a_moment_that_is_a_float_of_another_kind_is_taken(redis: redis_py.Redis) -> None:
    redis.zadd("retry", {entry(1): 10})
    [record] = RetrySet()
    assert record.reschedule(ScalarFloat(30.5))
    assert [(job.score, type(record.score)) for job in RetrySet()] == [(30.5, float)]


@pytest.mark.parametrize("when", [NOW * 1000, math.inf, -math.inf, math.nan, 10**400, "30", None, True])
def test_a_moment_that_no_push_would_take_is_refused_in_the_same_words(redis: redis_py.Redis, when: Any) -> None:
    redis.zadd("retry", {entry(1): 10})
    [record] = RetrySet()
    with pytest.raises(ValueError, match=r'^"at" is .* and must be a moment in epoch seconds\.$') as refused:
        record.reschedule(when)
    with pytest.raises(ValueError, match="Not a job: ") as pushed:
        Client().push({**JOB, "at": when})
    assert str(pushed.value) == f"Not a job: {refused.value}"
    assert [job.score for job in RetrySet()] == [record.score] == [10]


def test_another_moment_is_one_step(real: redis_py.Redis, told: Callable) -> None:
    real.zadd("schedule", {entry(1): 10})
    [record] = ScheduledSet()
    commands = [command[0] for command in told(lambda: record.reschedule(30))]
    assert commands[commands.index("EVALSHA") :] == ["EVALSHA", "ZSCORE", "ZADD"]


def test_what_is_pushed_while_a_queue_is_cleared_stays(redis: redis_py.Redis) -> None:
    many(redis, "queue:default", 1_500)
    assert Queue().clear(lambda done: many(redis, "queue:default", 10) if done == 1_000 else None) == 1_500
    assert (len(Queue()), redis.smembers("queues")) == (10, {b"default"})


def everything(redis: redis_py.Redis) -> dict[bytes, bytes]:
    return {key: redis.dump(key) for key in redis.scan_iter()}


@pytest.mark.parametrize("bad", ["retry", "dead", "queues", "queue:default"])
def test_what_meets_a_key_of_another_type_fails_and_loses_nothing(real: redis_py.Redis, bad: str) -> None:
    many(real, "retry", 1)
    many(real, "queue:default", 1)
    [retry], [queued] = RetrySet(), Queue()
    real.delete(bad)
    real.set(bad, "x")
    before = everything(real)
    do: dict[str, list[Callable]] = {
        "retry": [
            retry.retry,
            retry.kill,
            retry.delete,
            lambda: retry.reschedule(5),
            RetrySet().retry_all,
            RetrySet().clear,
        ],
        "dead": [retry.kill, RetrySet().kill_all, DeadSet().clear],
        "queues": [retry.retry, RetrySet().retry_all, Queue().clear],
        "queue:default": [queued.delete, Queue().clear],
    }
    for act in do[bad]:
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            act()
        assert everything(real) == before


def test_what_cannot_be_moved_by_hand_does_not_keep_the_others(real: redis_py.Redis) -> None:
    # Given three retries, of which the second one's queue has a key of another type
    raws = [
        json.dumps({**JOB, "jid": jid, "queue": queue}) for jid, queue in (("1", "default"), ("2", "bad"), ("3", "default"))
    ]
    real.zadd("retry", dict(zip(raws, (1, 2, 3), strict=True)))
    real.set("queue:bad", "x")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        RetrySet().retry_all()
    assert [record.jid for record in RetrySet()] == ["2"]
    assert [record.jid for record in Queue()] == ["1", "3"]


def test_a_job_that_was_pushed_without_a_jid_has_none_for_who_looks(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", '{"class":"A","args":[]}', '{"class":"A","args":[],"jid":null}')
    assert [(record.class_name, record.jid) for record in Queue()] == [("A", None), ("A", None)]


def test_a_queue_is_called_what_json_makes_of_its_name(redis: redis_py.Redis) -> None:
    class Name(str, Enum):  # noqa: UP042 - a StrEnum prints as its value
        MAIL = "mail"

    many(redis, "queue:mail", 2)
    assert (len(Queue(Name.MAIL)), type(Queue(Name.MAIL).name)) == (2, str)


@pytest.mark.parametrize("raw", [b"5", b"[1,2]", b"null", b'"text"'])
def test_what_is_no_object_is_seen_in_dead_and_can_be_deleted(redis: redis_py.Redis, raw: bytes) -> None:
    redis.zadd("dead", {raw: 1})
    [record] = DeadSet()
    assert (record.raw, record.class_name, record["retry_count"], record.queue) == (raw, None, None, None)
    assert record.retry() is False
    assert [record.raw for record in DeadSet()] == [raw]
    assert record.delete()


def test_all_are_retried_in_batches_the_earliest_first(redis: redis_py.Redis) -> None:
    many(redis, "retry", 2_500)
    far: list[int] = []
    assert RetrySet().retry_all(far.append) == 2_500
    assert far == [1_000, 2_000, 2_500]
    assert len(RetrySet()) == 0
    assert [record.args[0] for record in Queue()] == list(range(2_500))


def test_what_fails_again_meanwhile_is_not_retried_once_more(redis: redis_py.Redis) -> None:
    many(redis, "retry", 1_500)

    def fail_again(moved: int) -> None:
        redis.zadd("retry", {entry(10_000 + moved): 1e12})

    assert RetrySet().retry_all(fail_again) == 1_500
    assert len(RetrySet()) == 2


def test_all_are_killed_in_batches(redis: redis_py.Redis) -> None:
    many(redis, "retry", 1_500)
    before = time.time()
    assert RetrySet().kill_all() == 1_500
    assert (len(RetrySet()), len(DeadSet())) == (0, 1_500)
    # Sidekiq's API moves one entry by taking out all that have its score, and putting the others back.
    dead = list(DeadSet())
    assert len({job.score for job in dead}) == 1_500
    assert lately(dead[0].score, dead[-1].score, since=before)
    assert [job.args for job in dead] == [[number] for number in range(1_500)]


def test_too_many_dead_push_the_oldest_out(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "DEAD_SIZE", 2)
    redis.zadd("dead", {entry(1): time.time() - 10, entry(2): time.time() - 5})
    redis.zadd("retry", {entry(3): 1})
    # When jobs are killed by hand, and no worker process is there to trim
    next(iter(RetrySet())).kill()
    assert [dead.jid for dead in DeadSet()] == ["2", "3"]
    redis.zadd("retry", {entry(4): 1})
    RetrySet().kill_all()
    assert [dead.jid for dead in DeadSet()] == ["3", "4"]


def test_an_entry_that_is_no_job_can_be_seen_killed_and_deleted_and_a_retry_buries_it(redis: redis_py.Redis) -> None:
    redis.zadd("retry", {"hello": 1, b"\xff": 2, "[]": 3})
    first, second, third = RetrySet()
    second.delete()
    third.kill()
    first.retry()
    no_object, no_json = DeadSet()
    # Then what is no JSON is kept byte for byte, and what is JSON but no object inside of one, with the fields Sidekiq shows
    assert no_json.raw == b"hello"
    assert (no_object.class_name, no_object.args, no_object.queue) == ("(no job)", ["[]"], "default")
    assert len(no_object.jid) == 24
    assert (no_object["error_class"], no_object["error_message"]) == ("minijobs.job.BadPayload", "it must be an object")
    assert no_object.at("failed_at") == pytest.approx(no_object.score, abs=1)
    assert (len(RetrySet()), len(Queue())) == (0, 0)


def test_moving_by_hand_is_one_step(real: redis_py.Redis, told: Callable) -> None:
    real.zadd("retry", {entry(1): 1, entry(2): 2})
    first, second = RetrySet()
    commands = [command[0] for command in told(first.retry)]
    # PERSIST changes nothing: it lets the others pass in a Redis that is full
    assert commands[commands.index("EVALSHA") :] == ["EVALSHA", "ZSCORE", "PERSIST", "SADD", "LPUSH", "ZREM"]
    commands = [command[0] for command in told(second.kill)]
    script = commands.index("EVALSHA")
    assert commands[script : script + 5] == ["EVALSHA", "ZSCORE", "PERSIST", "ZADD", "ZREM"]


# Searching


@pytest.mark.parametrize("text", ["Mail", '"args": [7]', "*", "[7]", "?", "\\", "^", "é"])
def test_entries_are_found_by_a_text_in_them_whatever_it_is(redis: redis_py.Redis, text: str) -> None:
    raws = [entry(7), "a * b", "a [7] b", "who?", "back\\slash", "^", "é", "nothing"]
    redis.zadd("dead", dict.fromkeys(raws, 1))
    assert sorted(record.raw.decode() for record in DeadSet().scan(text)) == sorted(raw for raw in raws if text in raw)


@pytest.mark.parametrize("ascii", [True, False])
@pytest.mark.parametrize("jid", ['a"b', "é", 'é"', "a\\b", "a\nb"])
def test_a_jid_that_json_escapes_is_found(redis: redis_py.Redis, jid: str, ascii: bool) -> None:
    redis.zadd("retry", {json.dumps({**JOB, "jid": jid}, ensure_ascii=ascii): 1, entry(7): 2})
    found = RetrySet().find(jid)
    assert found is not None
    assert (found.jid, found.score) == (jid, 1)


@pytest.mark.parametrize(
    ("written", "jid"), [(r"a\/b", "a/b"), (r"\u00E9", "é"), (r"\u00e9", "é"), (r"\u0022\u005c", '"\\')]
)
def test_a_jid_is_found_whichever_escape_it_is_written_with(redis: redis_py.Redis, written: str, jid: str) -> None:
    redis.zadd("retry", {entry(7): 1, json.dumps({**JOB, "jid": "IT"}).replace("IT", written): 2})
    found = RetrySet().find(jid)
    assert found is not None
    assert (found.jid, found.score) == (jid, 2)


@pytest.mark.parametrize("name", [b"mail", None, 5])
def test_a_queue_whose_name_is_no_text_of_pythons_is_refused(redis: redis_py.Redis, name: Any) -> None:
    with pytest.raises(ValueError, match=r'^"queue" is .* and must be text\.$'):
        Queue(name)


@pytest.mark.parametrize("size", [1, 5, 250])
@pytest.mark.parametrize("later", [10_000.0, 60.0, -10_000.0])
def test_whoever_reschedules_on_the_way_sees_each_once(redis: redis_py.Redis, size: int, later: float) -> None:
    redis.zadd("schedule", {entry(number): NOW + number for number in range(size)})
    seen = []
    for job in ScheduledSet():
        seen.append(job.args[0])
        assert job.reschedule(job.score + later)
    assert sorted(seen) == list(range(size))
    assert sorted(job.score for job in ScheduledSet()) == [NOW + number + later for number in range(size)]


def test_whoever_reschedules_and_deletes_on_the_way_sees_each_once(redis: redis_py.Redis) -> None:
    redis.zadd("schedule", {entry(number): NOW + number for number in range(450)})
    seen = []
    for job in ScheduledSet():
        number = job.args[0]
        seen.append(number)
        if number % 3 == 0:
            job.delete()
        elif number % 3 == 1:
            job.reschedule(job.score + 10_000)
    assert seen == list(range(450))
    assert len(ScheduledSet()) == 300
