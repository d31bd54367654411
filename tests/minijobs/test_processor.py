"""Running one job; and where it is after every single step."""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import fakeredis
import pytest
import redis as redis_py
from hypothesis import given
from hypothesis import strategies as st
from processes import lately

from minijobs import BadPayload, Client, Fetcher, Outcome, Processor, RedisUnavailable, UnknownWorker, Worker, connect, poll
from minijobs.job import BadArgument
from minijobs.log import tid

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
)
SHAPES = st.fixed_dictionaries(
    {"class": st.sampled_from(["Mail", "Nobody", "", None, 1]), "args": st.lists(JSON) | JSON, "jid": TEXT | st.none()},
    optional={
        "retry": st.sampled_from([True, False, None, 0, 1, -1, 1.0, 0.5, "x", [], {}, 2**40]),
        "retry_count": st.sampled_from([0, 24, 25, -1, None, "1", 2**31 - 1, 1.5]),
        "queue": TEXT | st.integers() | st.none(),
        "retry_queue": TEXT | st.none() | st.lists(st.none()),
        "dead": JSON,
        "tags": JSON,
        "error_message": JSON,
        "failed_at": JSON,
    },
)
RAW = st.binary() | SHAPES.map(lambda job: json.dumps(job).encode()) | JSON.map(lambda value: json.dumps(value).encode())

NO_JOBS = [
    b"",
    b"hello",
    b"\xff\xfe\x00",
    b'{"class":"Mail","args":[]',
    b" null",
    b"[1, 2]",
    b'"Mail"',
    b"{}",
    b'{ "class": "Mail", "args": "ada", "jid": "1" }',
    b'{"class":"Mail","args":[NaN],"jid":"1"}',
    b"[" * 100_000,
    b"9" * 5_000,
    b'{"class":"Mail","queue":7}',
    b'{"class":"Mail","tags":"mail"}',
]

# What breaks Sidekiq's page of `dead`: JSON that is no object, and what that page takes for text or for a list.
SHOWN_IN_A_JOB = {b" null", b"[1, 2]", b'"Mail"', b"9" * 5_000, *NO_JOBS[-2:]}

# Nobody's push, and yet Sidekiq runs it.
ODD_JOBS = [
    b'{"class":"Mail","args":["ada"],"jid":"1","retry_count":"many"}',
    b'{"class":"Mail","args":["ada"],"jid":null,"queue":5,"tags":"mail"}',
    b'{"class":"Mail","args":["ada"],"retry":"5","retry_for":[],"created_at":"noon","retry_queue":{}}',
]


@pytest.fixture
def mail() -> type[Worker]:
    class Mail(Worker):
        ran: list[Any] = []  # noqa: RUF012

        def perform(self, *args: Any) -> str:
            self.ran.append(list(args))
            return "thrown away"

    return Mail


def failing(error: BaseException, **options: Any) -> type[Worker]:
    def perform(self: Worker) -> None:
        raise error

    return type("Fails", (Worker,), {"perform": perform, "__module__": __name__, **options})


@dataclass(frozen=True)
class Frozen(Exception):
    """Whose attributes nobody can set: not __traceback__ either."""

    code: int


class Several(Exception):
    """Which has something of its own where an ExceptionGroup has exceptions."""

    exceptions = ("a word",)


@pytest.mark.parametrize("error", [Frozen(3), Several("boom")])
def test_an_error_that_will_not_let_go_is_tried_again_like_others(redis: redis_py.Redis, error: Exception) -> None:
    failing(error).perform_async()
    outcome = Processor(Fetcher("default", redis=redis)).process_one()
    assert (outcome.name, redis.zcard("retry")) == ("retry", 1)


def test_what_a_host_whose_clock_is_off_puts_into_dead_is_kept_and_its_waits_are_said_right(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real_time = time.time
    monkeypatch.setattr(time, "time", lambda: real_time() - 365 * 24 * 60 * 60)
    redis.lpush("queue:default", b"no job")
    failing(RuntimeError("boom"), retry_in=staticmethod(lambda count, error: 100)).perform_async()
    processor = Processor(Fetcher("default", redis=redis))
    processor.process_one()
    processor.process_one()
    poll(redis)  # which removes from dead what is half a year old
    assert redis.zcard("dead") == 1
    assert re.search(r"next try in (99|10\d|110) sec", caplog.text)


# One step at a time


@pytest.mark.parametrize(
    ("worker", "name", "place"),
    [
        (lambda: failing(RuntimeError()), "retry", ["retry"]),
        (lambda: failing(RuntimeError(), retry=0), "dead", ["dead"]),
        (lambda: failing(RuntimeError(), retry=False), "dropped", []),
        (lambda: failing(RuntimeError(), retry=0, dead=False), "dropped", []),
        (lambda: failing(RuntimeError(), retry_in=staticmethod(lambda count, error: "kill")), "dead", ["dead"]),
        (lambda: failing(RuntimeError(), retry_in=staticmethod(lambda count, error: "discard")), "dropped", []),
        (lambda: type("Works", (Worker,), {"perform": lambda self: None, "__module__": __name__}), "done", []),
    ],
)
def test_after_every_step_a_job_is_in_exactly_one_place_or_done(
    processor: Processor, places: Callable, worker: Callable, name: str, place: list[str]
) -> None:
    jid = worker().perform_in(60)
    assert places(jid) == ["schedule"]
    assert poll(now=time.time()) == 0
    assert places(jid) == ["schedule"]
    assert poll(now=time.time() + 61) == 1
    assert places(jid) == ["queue:default"]
    unit = processor.fetcher.fetch()
    assert places(jid) == ["in flight"]
    outcome = processor.run(unit)
    assert outcome.name == name
    assert places(jid) == ["in flight"]
    processor.settle(unit, outcome)
    assert places(jid) == place
    if name == "retry":
        assert poll(now=time.time()) == 0
        assert places(jid) == ["retry"]
        assert poll(now=time.time() + 60) == 1
        assert places(jid) == ["queue:default"]


def test_a_job_that_is_given_back_is_in_exactly_one_place(processor: Processor, places: Callable, mail: Any) -> None:
    jid = mail.perform_async()
    unit = processor.fetcher.fetch()
    processor.run(unit)
    processor.fetcher.requeue(unit)
    assert places(jid) == ["queue:default"]
    assert processor.process_one().name == "done"
    assert places(jid) == []


@pytest.mark.parametrize("seed", range(3))
def test_whatever_order_the_steps_are_taken_in_every_job_is_in_exactly_one_place(
    redis: redis_py.Redis, places: Callable, seed: int
) -> None:
    chance = random.Random(seed)

    class Mixed(Worker):
        retry = 1

        def perform(self, ends: str) -> None:
            if ends != "well":
                raise RuntimeError(ends)

        @staticmethod
        def retry_in(count: int, error: BaseException) -> str:
            return str(error)

    processors = [Processor(Fetcher("default")) for _ in range(2)]
    alive, gone, held = set(), set(), []
    for _ in range(120):
        step = chance.choice(["push", "later", "fetch", "fetch", "settle", "settle", "give back", "poll"])
        if step == "push":
            alive.add(Mixed.perform_async(chance.choice(["well", "badly", "kill", "discard"])))
        elif step == "later":
            alive.add(Mixed.perform_in(60, "well"))
        elif step == "fetch":
            processor = chance.choice(processors)
            if unit := processor.fetcher.fetch():
                held.append((processor, unit))
        elif step == "poll":
            poll(now=float("inf"))
        elif held:
            processor, unit = held.pop(chance.randrange(len(held)))
            if step == "give back":
                processor.fetcher.requeue(unit)
            else:
                outcome = processor.run(unit)
                processor.settle(unit, outcome)
                if outcome.name in ("done", "dropped"):
                    jid = json.loads(unit.raw)["jid"]
                    alive.remove(jid)
                    gone.add(jid)
        assert {jid: len(places(jid)) for jid in alive | gone} == dict.fromkeys(alive, 1) | dict.fromkeys(gone, 0)
    assert len(gone) > 5
    assert redis.zcard("dead") > 0


def test_a_job_is_in_flight_while_it_runs(processor: Processor, places: Callable) -> None:
    class Looks(Worker):
        seen: Any = None

        def perform(self) -> None:
            Looks.seen = places(self.jid)

    Looks.perform_async()
    processor.process_one()
    assert Looks.seen == ["in flight"]


def test_when_redis_goes_away_during_a_job_the_job_is_still_in_flight() -> None:
    server = fakeredis.FakeServer()
    redis = connect(fakeredis.FakeRedis(server=server))

    class CutsTheWire(Worker):
        def perform(self) -> None:
            server.connected = False

    jid = CutsTheWire.perform_async()
    processor = Processor(Fetcher("default"))
    with pytest.raises(RedisUnavailable, match="settling a job"):
        processor.process_one()
    server.connected = True
    assert jid.encode() in redis.lindex(processor.fetcher.inflight("default"), 0)
    assert redis.llen("queue:default") == 0
    assert processor.processed == 0


# Running


def test_perform_gets_the_arguments_that_were_pushed(processor: Processor, mail: Any) -> None:
    mail.perform_async("ada", 1, 1.5, None, {"a": [True]})
    assert processor.process_one() == Outcome("done")
    assert mail.ran == [["ada", 1, 1.5, None, {"a": [True]}]]


def test_perform_knows_its_jid(processor: Processor) -> None:
    class Knows(Worker):
        seen: Any = None

        def perform(self) -> None:
            Knows.seen = self.jid

    jid = Knows.perform_async()
    processor.process_one()
    assert Knows.seen == jid


def test_every_job_gets_an_instance_of_its_own(processor: Processor) -> None:
    class Counts(Worker):
        seen: list[int] = []  # noqa: RUF012
        mine = 0

        def perform(self) -> None:
            self.mine += 1
            self.seen.append(self.mine)

    for _ in range(3):
        Counts.perform_async()
        processor.process_one()
    assert Counts.seen == [1, 1, 1]


def test_running_tells_redis_nothing(real: redis_py.Redis, told: Callable) -> None:
    failing(RuntimeError("boom")).perform_async()
    processor = Processor(Fetcher("default"))
    unit = processor.fetcher.fetch()
    processor.run(unit)  # which asks for the time, once a minute
    assert told(lambda: processor.run(unit)) == []


def test_without_a_job_there_is_no_outcome(processor: Processor) -> None:
    assert processor.process_one() is None


def test_a_run_is_written_in_the_log(processor: Processor, mail: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "minijobs")
    mail.perform_async()
    processor.process_one()
    start, done = caplog.messages
    assert (start, done[:6], done[-4:]) == ("start", "done: ", " sec")


def test_a_failure_is_written_in_the_log_with_what_comes_next(
    processor: Processor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "minijobs")
    failing(RuntimeError("boom"), retry=0).perform_async()
    processor.process_one()
    assert caplog.messages[0] == "start"
    assert caplog.messages[1].startswith("fail: ")
    assert caplog.messages[2] == "RuntimeError: boom (no more tries: to dead)"


# Failing


def test_an_exception_ends_in_the_outcome(processor: Processor) -> None:
    error = RuntimeError("boom")
    failing(error).perform_async()
    outcome = processor.process_one()
    assert (outcome.name, outcome.error) == ("retry", error)


def test_wrong_arguments_are_a_failure_like_any_other(redis: redis_py.Redis, processor: Processor) -> None:
    class Mail(Worker):
        def perform(self, email: str) -> None: ...

    Client().push({"class": "Mail", "args": ["ada", "too much"]})
    assert processor.process_one().name == "retry"
    assert json.loads(redis.zrange("retry", 0, 0)[0])["error_class"] == "TypeError"


def test_a_job_that_exits_has_failed_and_the_process_goes_on(processor: Processor, places: Callable) -> None:
    jid = failing(SystemExit(1)).perform_async()
    assert processor.process_one().name == "retry"
    assert places(jid) == ["retry"]


def test_to_be_stopped_is_not_to_fail(redis: redis_py.Redis, processor: Processor, places: Callable) -> None:
    jid = failing(KeyboardInterrupt()).perform_async()
    before = redis.lindex("queue:default", 0)
    with pytest.raises(KeyboardInterrupt):
        processor.process_one()
    assert places(jid) == ["queue:default"]
    assert redis.lindex("queue:default", -1) == before  # no retry was counted
    assert (processor.processed, processor.failed) == (0, 0)
    assert processor.running == {}


def test_an_unknown_class_is_an_ordinary_failure_that_says_what_is_known(
    redis: redis_py.Redis, processor: Processor, places: Callable, mail: Any
) -> None:
    jid = Client().push({"class": "Mial", "args": []})
    outcome = processor.process_one()
    assert outcome.name == "retry"
    assert isinstance(outcome.error, UnknownWorker)
    assert places(jid) == ["retry"]
    written = json.loads(redis.zrange("retry", 0, 0)[0])
    assert written["error_class"] == "minijobs.worker.UnknownWorker"
    assert "No Worker is called Mial (did you mean Mail?). This process knows" in written["error_message"]
    assert "import the one that defines Mial where the process starts" in written["error_message"]


def test_an_error_whose_message_cannot_be_had_is_still_only_a_failure(processor: Processor, places: Callable) -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise ValueError

    jid = failing(Odd()).perform_async()
    assert processor.process_one().name == "retry"
    assert places(jid) == ["retry"]


def test_what_can_be_read_but_not_written_goes_to_dead_as_it_is(redis: redis_py.Redis, processor: Processor) -> None:
    # Reading is done a few frames further up than writing, so a few depths fit only the one.
    raws = [b'{"class":"A","jid":"1","args":[%s]}' % (b"[" * depth + b"]" * depth) for depth in range(850, 1000)]
    redis.lpush("queue:default", b'{"class":"A","jid":"1","args":[1e999]}', *raws)
    while processor.process_one():
        pass
    dead = redis.zrange("dead", 0, -1)
    assert set(dead) <= {b'{"class":"A","jid":"1","args":[1e999]}', *raws}
    assert len(dead) + redis.zcard("retry") == len(raws) + 1


# What is no job


@pytest.mark.parametrize("raw", NO_JOBS)
def test_what_is_no_job_goes_to_dead_as_it_is_and_the_next_job_runs(
    redis: redis_py.Redis, processor: Processor, mail: Any, raw: bytes
) -> None:
    redis.lpush("queue:default", raw)
    mail.perform_async("ada")
    outcome = processor.process_one()
    assert (outcome.name, type(outcome.error)) == ("dead", BadPayload)
    ((kept, died),) = redis.zrange("dead", 0, -1, withscores=True)
    assert (kept != raw) is (raw in SHOWN_IN_A_JOB)
    if kept != raw:
        shown = json.loads(kept)
        assert {**shown, "jid": 24, "error_message": ""} == {
            "class": "(no job)",
            "args": [raw.decode()],
            "jid": len(shown["jid"]),
            "queue": "default",
            "retry": False,
            "created_at": died,
            "error_class": "minijobs.job.BadPayload",
            "error_message": "",
            "failed_at": died,
        }
        assert shown["error_message"] == str(outcome.error)
    assert redis.exists(processor.fetcher.inflight("default")) == 0
    assert processor.process_one().name == "done"
    assert mail.ran == [["ada"]]


@pytest.mark.parametrize("raw", ODD_JOBS)
def test_what_sidekiq_would_run_is_run(redis: redis_py.Redis, processor: Processor, mail: Any, raw: bytes) -> None:
    redis.lpush("queue:default", raw)
    assert processor.process_one().name == "done"
    assert mail.ran == [["ada"]]
    assert redis.zcard("dead") == 0


def test_what_is_no_job_is_written_in_the_log(redis: redis_py.Redis, processor: Processor, caplog: Any) -> None:
    redis.lpush("queue:default", "[]")
    processor.process_one()
    assert caplog.messages == ["no job in queue default, so it goes to dead: it is a list and must be an object"]


@pytest.fixture
def embedded() -> Iterator[redis_py.Redis]:
    """For the tests with made-up values: one Redis, emptied for each value."""
    redis = connect(fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 0))))
    yield redis
    redis.close()


def test_whatever_lies_in_a_queue_processing_raises_nothing_and_loses_nothing(embedded: redis_py.Redis, mail: Any) -> None:
    processor = Processor(Fetcher("default", redis=embedded))

    @given(RAW)
    def process(raw: bytes) -> None:
        embedded.flushdb()
        embedded.lpush("queue:default", raw)
        mail.perform_async("after it")
        first, second = processor.process_one(), processor.process_one()
        assert second.name == "done"
        assert mail.ran[-1] == ["after it"]
        in_dead, in_retry = embedded.zrange("dead", 0, -1), embedded.zrange("retry", 0, -1)
        assert len(in_dead + in_retry) == (first.name in ("dead", "retry"))
        if isinstance(first.error, BadPayload):
            assert in_dead == [raw] or json.loads(in_dead[0])["args"] == [raw.decode()]
        elif in_dead or in_retry:
            assert json.loads((in_dead + in_retry)[0])["args"] == json.loads(raw)["args"]
        else:
            assert first.name == "done" or json.loads(raw)["retry"] is False or json.loads(raw)["dead"] is False
        # What waits for its next try comes back without trouble, too.
        assert poll(now=float("inf")) == len(in_retry)

    process()


def test_any_json_arrives_in_perform_as_it_was_pushed(embedded: redis_py.Redis, mail: Any) -> None:
    processor = Processor(Fetcher("default", redis=embedded))

    @given(st.lists(JSON))
    def travel(args: list[Any]) -> None:
        mail.perform_async(*args)
        assert processor.process_one().name == "done"
        assert repr(mail.ran[-1]) == repr(args)  # by its text: 1, 1.0 and True are three values

    travel()


def test_what_would_arrive_as_something_else_is_never_pushed(embedded: redis_py.Redis, mail: Any) -> None:
    values = (
        JSON
        | st.tuples(JSON)
        | st.dictionaries(st.integers() | TEXT, JSON)
        | st.floats()
        | st.text()
        | st.sets(st.integers())
    )
    processor = Processor(Fetcher("default", redis=embedded))

    @given(values)
    def travel(value: Any) -> None:
        with suppress(BadArgument):
            mail.perform_async(value)
            assert processor.process_one().name == "done"
            assert repr(mail.ran[-1]) == repr([value])
        assert embedded.llen("queue:default") == 0

    travel()


# What the heartbeat looks at


def test_runs_and_failures_are_counted(redis: redis_py.Redis, processor: Processor, mail: Any) -> None:
    mail.perform_async()
    failing(RuntimeError()).perform_async()
    redis.lpush("queue:default", "no job")
    while processor.process_one():
        pass
    assert (processor.processed, processor.failed) == (3, 2)


def test_a_thread_shows_what_it_runs_and_since_when(processor: Processor) -> None:
    class Looks(Worker):
        seen: Any = None

        def perform(self) -> None:
            Looks.seen = dict(processor.running)

    before = time.time()
    jid = Looks.perform_async()
    processor.process_one()
    ((thread, work),) = Looks.seen.items()
    assert thread == tid()
    assert json.loads(work.unit.raw)["jid"] == jid
    assert lately(work.run_at, since=before)
    assert processor.running == {}


def test_a_thread_whose_job_failed_shows_nothing(processor: Processor) -> None:
    failing(RuntimeError()).perform_async()
    processor.process_one()
    assert processor.running == {}


def test_a_job_may_run_another_one_itself(redis: redis_py.Redis) -> None:
    class Inner(Worker):
        queue = "inner"

        def perform(self) -> None: ...

    outer_runs = []

    class Outer(Worker):
        def perform(self) -> None:
            both = Processor(Fetcher("inner"))
            processor.fetcher.queues = ("default", "inner")
            assert both.process_one() is not None
            assert processor.process_one() is not None
            outer_runs.extend(one.unit.queue for one in processor.running.values())

    processor = Processor(Fetcher("default"))
    Inner.perform_async()
    Inner.perform_async()
    jid = Outer.perform_async()
    outcome = processor.process_one()
    assert outcome is not None
    assert (outcome.name, outer_runs, processor.running, jid is not None) == ("done", ["default"], {}, True)
    assert [key for key in redis.scan_iter() if b"inflight:" in key or b"queue:" in key] == []
