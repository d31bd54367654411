"""When to try again, when to stop."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import threading
import traceback
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import redis as redis_py
from processes import SOON

from minijobs import Outcome, Processor, UnitOfWork, Worker, backtrace, poll, retry
from minijobs.fetch import Destination
from minijobs.job import build, load
from minijobs.retry import after_failure, delay

NOW = 1_795_450_392.5
JOB = {"class": "Mail", "args": ["ada", 1.5], "retry": True, "queue": "default", "jid": "593f66432baeb76a116b7cac"}
BOOM = RuntimeError("boom")


def failed(worker: type[Worker] | None = None, error: BaseException = BOOM, now: float = NOW, **fields: Any) -> Outcome:
    """What becomes of a job with these fields."""
    job = {**JOB, **fields}
    return after_failure(UnitOfWork("default", json.dumps(job).encode()), job, error, worker, now=now)


def choosing(wait: Any) -> type[Worker]:
    class Chooses(Worker):
        asked: list[Any] = []  # noqa: RUF012

        @staticmethod
        def retry_in(count: int, error: BaseException) -> Any:
            Chooses.asked.append((count, error))
            if isinstance(wait, BaseException):
                raise wait
            return wait

    return Chooses


@pytest.fixture
def entered(redis: redis_py.Redis) -> Callable[[Outcome], tuple[str, dict[str, Any], float]]:
    """Where a job went with its outcome, as what, and with which score."""

    def enter(outcome: Outcome) -> tuple[str, dict[str, Any], float]:
        redis.zadd(outcome.to.key, {outcome.to.entry: outcome.to.score})
        (key,) = redis.keys()
        ((raw, score),) = redis.zrange(key, 0, -1, withscores=True)
        return key.decode(), json.loads(raw), score

    return enter


@pytest.fixture(params=["least", "most"])
def chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], int]:
    """Chance, at the ends of its range: rand(10 * (count + 1)), as of Sidekiq 8.0."""
    least = request.param == "least"
    monkeypatch.setattr(retry._rng, "randrange", lambda n: 0 if least else n - 1)
    return lambda count: 0 if least else 10 * (count + 1) - 1


@pytest.fixture
def deaths() -> list[Any]:
    """The jobs and errors that a death handler is told of."""
    told: list[Any] = []
    retry.death_handlers.append(lambda job, error: told.append((job, error)))
    return told


# The wait


@pytest.mark.parametrize("count", range(25))
def test_the_wait_is_count_to_the_fourth_and_15_seconds_and_a_little_chance(count: int, chance: Callable) -> None:
    assert delay(count) == count**4 + 15 + chance(count)


def test_chance_is_there_and_stays_in_its_bounds() -> None:
    retry._rng.seed(7)
    waits = {delay(2) - 2**4 - 15 for _ in range(2000)}
    assert waits == set(range(30))


@pytest.mark.parametrize("count", [0, 1, 23])
def test_the_next_try_is_that_much_later(count: int, chance: Callable) -> None:
    outcome = failed(**({"retry_count": count - 1} if count else {}))
    assert (outcome.name, outcome.at) == ("retry", NOW + count**4 + 15 + chance(count))


@pytest.mark.parametrize("wait", [1, 0.5, 3600, 1e9 - 1])
def test_a_worker_may_choose_its_wait(wait: float, chance: Callable) -> None:
    assert failed(choosing(wait)).at == NOW + wait + chance(0)
    assert failed(choosing(wait), retry_count=3).at == NOW + wait + chance(4)


def test_a_worker_that_chooses_is_told_the_count_and_the_error() -> None:
    worker: Any = choosing(1)
    failed(worker)
    failed(worker, retry_count=4)
    assert worker.asked == [(0, BOOM), (5, BOOM)]


class CannotBeCompared:
    def __eq__(self, other: object) -> bool:
        raise ValueError("ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        0,
        -1,
        float("nan"),
        float("inf"),
        1e9,
        10**400,
        "soon",
        [],
        {},
        object(),
        CannotBeCompared(),
        KeyError(),
    ],
)
def test_a_choice_that_is_none_or_nonsense_or_raises_is_the_default(nonsense: Any, chance: Callable) -> None:
    outcome = failed(choosing(nonsense))
    assert (outcome.name, outcome.at) == ("retry", NOW + 15 + chance(0))


@pytest.mark.parametrize(("choice", "name"), [("kill", "dead"), ("discard", "dropped")])
def test_a_worker_may_choose_to_stop(choice: str, name: str) -> None:
    assert failed(choosing(choice)).name == name
    assert failed(choosing(choice), retry_count=5).name == name


def test_a_killed_job_is_in_dead_and_a_discarded_one_nowhere(entered: Callable) -> None:
    assert entered(failed(choosing("kill")))[0] == "dead"
    assert failed(choosing("discard")).to is None


# The end


@pytest.mark.parametrize(
    ("most", "retries"),
    [(True, 25), (None, 25), (25, 25), (1, 1), (3, 3), (0, 0), (100, 100)],
)
def test_a_job_is_retried_so_many_times_and_then_dead(most: Any, retries: int) -> None:
    counts: list[dict[str, int]] = [{}, *({"retry_count": count} for count in range(retries))]
    names = [failed(retry=most, **count).name for count in counts]
    assert names == ["retry"] * retries + ["dead"]


def test_a_job_without_the_field_is_retried_25_times() -> None:
    job = {field: value for field, value in JOB.items() if field != "retry"}
    unit = UnitOfWork("default", b"")
    assert after_failure(unit, job, BOOM, None).name == "retry"
    assert after_failure(unit, {**job, "retry_count": 23}, BOOM, None).name == "retry"
    assert after_failure(unit, {**job, "retry_count": 24}, BOOM, None).name == "dead"


def test_retry_false_is_neither_tried_again_nor_kept() -> None:
    outcome = failed(retry=False)
    assert (outcome.name, outcome.error, outcome.to) == ("dropped", BOOM, None)


def test_retry_0_is_not_retry_false(entered: Callable) -> None:
    assert entered(failed(retry=0))[0] == "dead"


def test_dead_false_is_tried_again_but_not_kept() -> None:
    assert failed(dead=False).name == "retry"
    assert failed(dead=False, retry=0).name == "dropped"
    assert failed(choosing("kill"), dead=False).name == "dropped"
    assert failed(dead=True, retry=0).name == "dead"


@pytest.mark.parametrize(("setting", "runs"), [(True, 26), (2, 3), (1, 2), (0, 1), (False, 1)])
def test_a_job_that_always_fails_is_run_once_and_so_many_times_again(
    processor: Processor, places: Callable, setting: Any, runs: int
) -> None:
    class Fails(Worker):
        retry = setting
        calls = 0

        def perform(self) -> None:
            Fails.calls += 1
            raise BOOM

    jid = Fails.perform_async()
    while processor.process_one():
        assert len(places(jid)) == (0 if setting is False else 1)
        poll(now=float("inf"))
    assert Fails.calls == runs
    assert places(jid) == ([] if setting is False else ["dead"])


# What is written down


def test_the_first_failure_is_written_into_the_job(entered: Callable) -> None:
    outcome = failed()
    key, job, score = entered(outcome)
    assert (key, score) == ("retry", outcome.at)
    assert job == {**JOB, "error_message": "boom", "error_class": "RuntimeError", "failed_at": NOW, "retry_count": 0}


def test_a_later_failure_keeps_the_time_of_the_first(entered: Callable) -> None:
    _, job, _ = entered(failed(retry_count=0, failed_at=NOW - 100, error_message="old", error_class="Old"))
    assert job == {
        **JOB,
        "error_message": "boom",
        "error_class": "RuntimeError",
        "failed_at": NOW - 100,
        "retried_at": NOW,
        "retry_count": 1,
    }


@pytest.mark.parametrize("count", [-1, -2])
def test_a_try_that_somebody_gave_away_for_free_is_not_counted(entered: Callable, count: int) -> None:
    """Sidekiq's web page takes one off before a retry by hand: a job that failed once comes with -1."""
    given = load(json.dumps({**JOB, "retry_count": count, "failed_at": NOW - 100}))
    _, job, _ = entered(failed(**given))
    assert (job["retry_count"], job["failed_at"], job["retried_at"]) == (0, NOW - 100, NOW)


def test_a_dead_job_is_scored_with_its_death_and_says_why(entered: Callable) -> None:
    key, job, score = entered(failed(retry=0))
    assert (key, score) == ("dead", NOW)
    assert (job["error_message"], job["retry_count"], job["jid"]) == ("boom", 0, JOB["jid"])


def test_what_others_wrote_into_a_job_stays_in_it(entered: Callable) -> None:
    _, job, _ = entered(failed(bid="b", tags=["t"], cattr={"deep": [1, {"a": None}]}))
    assert (job["bid"], job["tags"], job["cattr"]) == ("b", ["t"], {"deep": [1, {"a": None}]})


def test_the_job_itself_is_not_changed() -> None:
    job = dict(JOB)
    after_failure(UnitOfWork("default", b""), job, BOOM, None)
    assert job == JOB


def test_the_next_try_is_in_the_queue_it_was_taken_from(entered: Callable) -> None:
    job = {**JOB, "queue": "elsewhere"}
    _, written, _ = entered(after_failure(UnitOfWork("taken", b""), job, BOOM, None))
    assert written["queue"] == "taken"


def test_the_next_try_may_be_in_a_queue_of_its_own(entered: Callable) -> None:
    _, job, _ = entered(failed(retry_queue="slow"))
    assert job["queue"] == "slow"


class Odd(Exception):
    def __str__(self) -> str:
        raise ValueError


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("a\nb"), "ValueError", "a\nb"),
        (KeyError("x"), "KeyError", "'x'"),
        (json.JSONDecodeError("bad", "doc", 0), "json.decoder.JSONDecodeError", "bad: line 1 column 1 (char 0)"),
        (redis_py.ConnectionError("gone"), "redis.exceptions.ConnectionError", "gone"),
        (SystemExit(3), "SystemExit", "3"),
        (RuntimeError(), "RuntimeError", ""),
        (RuntimeError("é\ud800"), "RuntimeError", "é?"),
        (RuntimeError("x" * 20_000), "RuntimeError", "x" * 10_000),
        (Odd(), f"{__name__}.Odd", "(its message cannot be read: ValueError)"),
    ],
)
def test_an_error_is_written_down_with_its_class_and_its_message(
    entered: Callable, error: BaseException, kind: str, message: str
) -> None:
    _, job, _ = entered(failed(error=error))
    assert (job["error_class"], job["error_message"]) == (kind, message)


@pytest.mark.parametrize("value", ["1e999", "-1e999"])
def test_a_job_that_cannot_be_written_again_goes_to_dead_as_it_is(value: str) -> None:
    raw = b'{"class": "A", "args": [%s], "jid": "1"}' % value.encode()
    outcome = after_failure(UnitOfWork("default", raw), json.loads(raw), BOOM, None, now=NOW)
    assert outcome.to == Destination("dead", NOW, raw)


# The set of the dead


def test_dead_keeps_ten_thousand_jobs_for_half_a_year() -> None:
    assert (retry.DEAD_SIZE, retry.DEAD_FOR) == (10_000, 180 * 86_400)


def test_one_dead_job_too_many_pushes_the_oldest_out(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "DEAD_SIZE", 3)
    redis.zadd("dead", {str(number): NOW + number for number in range(5)})
    retry.trim(redis, now=NOW)
    assert redis.zrange("dead", 0, -1) == [b"2", b"3", b"4"]


def test_a_dead_job_leaves_after_half_a_year(redis: redis_py.Redis) -> None:
    redis.zadd("dead", {"old": NOW - retry.DEAD_FOR, "younger": NOW - retry.DEAD_FOR + 1})
    retry.trim(redis, now=NOW)
    assert redis.zrange("dead", 0, -1) == [b"younger"]


# In words


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome("done"), "done"),
        (Outcome("retry", at=NOW + 17.4), "next try in 17 sec"),
        (Outcome("dead"), "no more tries: to dead"),
        (Outcome("dropped"), "not tried again, not kept"),
    ],
)
def test_an_outcome_is_described_in_words(outcome: Outcome, words: str) -> None:
    assert outcome.describe(now=NOW) == words


# retry_for


@pytest.mark.parametrize(("later", "name"), [(3600, "retry"), (3601, "dead")])
def test_retry_for_is_a_stretch_of_time_and_no_number_of_tries(later: float, name: str) -> None:
    fields = {"retry": 0, "retry_for": 3600, "retry_count": 99}
    assert failed(**fields, failed_at=NOW, now=NOW + later).name == name
    assert failed(**fields, failed_at=int(NOW * 1000), now=NOW + later).name == name  # as Sidekiq 8 writes it


def test_the_first_failure_begins_the_stretch() -> None:
    assert failed(retry_for=0).name == "retry"


@pytest.mark.parametrize("since", ["yesterday", None, True, [], 10**400])
def test_a_first_failure_that_cannot_be_read_ends_nothing(since: Any) -> None:
    assert failed(retry_for=0, retry_count=1, failed_at=since).name == "retry"


@pytest.mark.parametrize("stretch", [-1, 1e9, True, "1 hour", float("inf"), 10**400])
def test_a_stretch_that_is_none_is_refused_at_the_push(stretch: Any) -> None:
    with pytest.raises(ValueError, match=r'"retry_for" is .* and must be a number of seconds'):
        build({**JOB, "retry_for": stretch})


def test_a_worker_says_retry_for_and_backtrace(redis: redis_py.Redis) -> None:
    class Report(Worker):
        retry_for = 48 * 60 * 60
        backtrace = 5

        def perform(self) -> None: ...

    Report.perform_async()
    job = load(redis.lindex("queue:default", 0))
    assert (job["retry_for"], job["backtrace"]) == (172_800, 5)


# The backtrace


def raised() -> RuntimeError:
    def outer() -> None:
        inner()

    def inner() -> None:
        raise RuntimeError("boom")

    try:
        outer()
    except RuntimeError as error:
        return error
    raise AssertionError


def test_a_backtrace_begins_where_the_error_was_raised() -> None:
    lines = backtrace.lines(raised())
    assert [line.rpartition(":in ")[2] for line in lines] == ["inner", "outer", "raised"]
    assert all(re.fullmatch(re.escape(__file__) + r":\d+", line.rpartition(":in ")[0]) for line in lines)


@pytest.mark.parametrize(("option", "lines"), [(True, 3), (2, 2), (1.0, 1), (0, 0), (False, 0), (None, 0)])
def test_a_failed_job_carries_as_much_of_it_as_was_asked_for(option: Any, lines: int, entered: Callable) -> None:
    _, job, _ = entered(failed(error=raised(), backtrace=option))
    assert len(backtrace.unpack(job.get("error_backtrace"))) == lines


def test_unless_asked_a_failed_job_carries_none(entered: Callable) -> None:
    _, job, _ = entered(failed(error=raised()))
    assert "error_backtrace" not in job


@pytest.mark.parametrize("lines", ["all", -1, 1.5, 2**40])
def test_a_number_of_lines_that_is_none_is_refused_at_the_push(lines: Any) -> None:
    with pytest.raises(ValueError, match=r'"backtrace" is .* and must be true, false or a number of lines'):
        build({**JOB, "backtrace": lines})


@pytest.mark.parametrize(
    "packed",
    [None, "", "é", "abc", 7, [], base64.b64encode(b"no zlib").decode(), base64.b64encode(zlib.compress(b"[")).decode(),
     base64.b64encode(zlib.compress(b"[" * 100_000)).decode(), base64.b64encode(zlib.compress(b'{"a": 1}')).decode(),
     base64.b64encode(zlib.compress(b" " * 50_000_000)).decode()],
)  # fmt: skip
def test_a_backtrace_that_cannot_be_read_is_none(packed: Any) -> None:
    assert backtrace.unpack(packed) == []


def test_a_backtrace_is_read_as_ruby_writes_it() -> None:
    in_lines = base64.encodebytes(zlib.compress(json.dumps(["a.rb:1:in `perform'"] * 100).encode())).decode()
    assert backtrace.unpack(in_lines) == ["a.rb:1:in `perform'"] * 100
    assert backtrace.unpack(backtrace.pack(["a:1", "é:2"])) == ["a:1", "é:2"]


# The last words


def last_words(say: Any) -> type[Worker]:
    class Speaks(Worker):
        told: list[Any] = []  # noqa: RUF012

        @staticmethod
        def retries_exhausted(job: Any, error: BaseException) -> Any:
            Speaks.told.append((job["retry_count"], job["error_message"], error))
            if isinstance(say, BaseException):
                raise say
            return say

    return Speaks


def test_a_worker_is_told_when_its_tries_are_used_up_and_not_before() -> None:
    worker = last_words(None)
    assert failed(worker, retry=1).name == "retry"
    assert worker.told == []
    assert failed(worker, retry=1, retry_count=0).name == "dead"
    assert worker.told == [(1, "boom", BOOM)]


def test_it_may_say_that_the_job_is_not_to_be_kept(deaths: list[Any]) -> None:
    assert failed(last_words("discard"), retry=0).name == "dropped"
    assert len(deaths) == 1


def test_a_mistake_in_it_is_logged_and_costs_nothing(deaths: list[Any], caplog: pytest.LogCaptureFixture) -> None:
    assert failed(last_words(ValueError("mine")), retry=0).name == "dead"
    assert "retries_exhausted of Speaks failed" in caplog.text
    assert len(deaths) == 1


def test_a_job_that_retry_in_kills_is_exhausted_and_one_it_discards_is_not(deaths: list[Any]) -> None:
    for choice, told in (("kill", 1), ("discard", 0)):
        worker = last_words(None)
        worker.retry_in = staticmethod(lambda count, error, choice=choice: choice)
        failed(worker)
        assert len(worker.told) == told
    assert len(deaths) == 2


class Number(float):
    """As numpy's: what is added to it is one as well, and its repr is no number to Redis."""

    def __radd__(self, other: float) -> Number:
        return Number(float(other) + float(self))

    __add__ = __radd__

    def __repr__(self) -> str:
        return f"Number({float(self)})"


def test_a_wait_that_is_a_number_of_another_kind_makes_a_plain_moment() -> None:
    to = failed(choosing(Number(20.0))).to
    assert to is not None
    assert (type(to.score), NOW + 20 <= to.score < NOW + 30) == (float, True)


# Death handlers


@pytest.mark.parametrize(
    ("fields", "told"),
    [({}, 0), ({"retry": 0}, 1), ({"retry": False}, 1), ({"retry": 0, "dead": False}, 1), ({"retry_for": 5}, 0)],
)
def test_death_handlers_are_told_of_each_job_that_is_not_tried_again(fields: Any, told: int, deaths: list[Any]) -> None:
    failed(**fields)
    assert [(job["jid"], error) for job, error in deaths] == [(JOB["jid"], BOOM)] * told


def test_a_death_handler_is_told_what_went_wrong(deaths: list[Any]) -> None:
    failed(retry=0)
    [(job, _)] = deaths
    assert (job["error_message"], job["error_class"], job["retry_count"]) == ("boom", "RuntimeError", 0)


def test_a_mistake_in_a_death_handler_is_logged_and_the_next_one_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []
    retry.death_handlers += [lambda job: None, lambda job, error: told.append(job["jid"])]
    assert failed(retry=0).name == "dead"
    assert "A death handler failed" in caplog.text
    assert told == [JOB["jid"]]


# What the hooks say


def test_a_worker_may_choose_a_timedelta(chance: Callable) -> None:
    assert failed(choosing(timedelta(minutes=2))).at == NOW + 120 + chance(0)


@pytest.mark.parametrize("nonsense", [True, "soon", 0, timedelta(0), Decimal(5)])
def test_a_choice_that_is_nonsense_is_named(nonsense: Any, caplog: pytest.LogCaptureFixture) -> None:
    failed(choosing(nonsense))
    assert "retry_in of Chooses failed" in caplog.text
    assert f"ValueError: {nonsense!r} must be a number of seconds above 0, a timedelta" in caplog.text


def test_a_hook_that_returns_what_has_not_run_is_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Mail(Worker):
        @staticmethod
        def retries_exhausted(job: Any, error: BaseException) -> Any:
            return (number for number in range(3))

    monkeypatch.setattr(retry, "death_handlers", [lambda job, error: (number for number in range(3))])
    assert failed(Mail, retry=0).name == "dead"
    assert "retries_exhausted of Mail is async or a generator, and to call it runs nothing" in caplog.text
    assert "A death handler is async or a generator, and to call it runs nothing" in caplog.text


def test_retry_null_says_nothing_so_its_class_does(redis: redis_py.Redis) -> None:
    class Mail(Worker):
        retry = 0

        def perform(self) -> None: ...

    Mail.set(retry=None).perform_async()
    raw = redis.lindex("queue:default", 0)
    assert json.loads(raw)["retry"] is None
    assert after_failure(UnitOfWork("default", raw), load(raw), BOOM, Mail, now=NOW).name == "dead"


# What a failed job held is let go of, and nothing else


def test_a_coroutine_that_the_error_came_from_lives_on(processor: Processor) -> None:
    # Given a batcher of the program's own, whose coroutine hands its errors to whoever waits for them
    loop = asyncio.new_event_loop()
    asked: asyncio.Queue[Future[str]] = asyncio.Queue()

    async def batcher() -> None:
        while True:
            answer = await asked.get()
            try:
                raise RuntimeError("no such mail")
            except RuntimeError as error:
                answer.set_exception(error)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    at_work = asyncio.run_coroutine_threadsafe(batcher(), loop)

    class Mail(Worker):
        def perform(self) -> None:
            answer: Future[str] = Future()
            loop.call_soon_threadsafe(asked.put_nowait, answer)
            answer.result(timeout=SOON)

    # When jobs fail with what it hands them
    for _ in range(3):
        Mail.perform_async()
    errors = [outcome.error for _ in range(3) if (outcome := processor.process_one())]
    # Then each of them got its answer
    assert [str(error) for error in errors] == ["no such mail"] * 3
    assert not at_work.done()
    loop.call_soon_threadsafe(at_work.cancel)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(SOON)


def test_who_reports_an_error_later_still_knows_where_it_was_raised(processor: Processor) -> None:
    class Mail(Worker):
        def perform(self) -> None:
            try:
                self.send("a letter")
            except ValueError as error:
                raise RuntimeError("not sent") from error

        def send(self, letter: str) -> None:
            raise ValueError(letter)

    Mail.perform_async()
    error = processor.process_one().error  # type: ignore[union-attr]
    assert isinstance(error, RuntimeError)
    told = "".join(traceback.format_exception(error))
    assert "in send" in told
    assert "in perform" in told
    for one in (error, error.__cause__):
        assert [frame.f_locals for frame, _ in traceback.walk_tb(one.__traceback__)] != []  # type: ignore[union-attr]
        assert not any(frame.f_locals for frame, _ in traceback.walk_tb(one.__traceback__))  # type: ignore[union-attr]
