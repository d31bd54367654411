"""Taking jobs out without ever losing one."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from processes import GREETINGS

import minijobs
from minijobs import Client, Fetcher, Server, UnitOfWork, connection, fetch, preflight, rescue_orphans
from minijobs.fetch import LOOK_EVERY, Destination, new_identity

JOB = {"class": "Mail", "args": ["ada"]}


def noting(redis: redis_py.Redis, patch: pytest.MonkeyPatch, note: Callable[[Any], object]) -> None:
    """Have `note` called with each command from now on, sent alone or with others, before it is."""
    kind: Any = redis.connection_pool.connection_class
    send, pack = kind.send_command, kind.pack_commands

    def send_command(connection: Any, *command: Any, **options: Any) -> Any:
        if command[0] not in GREETINGS:
            note(command)
        return send(connection, *command, **options)

    def pack_commands(connection: Any, commands: Any) -> Any:
        for command in commands:
            note(command)
        return pack(connection, commands)

    patch.setattr(kind, "send_command", send_command)
    patch.setattr(kind, "pack_commands", pack_commands)


@pytest.fixture
def sent(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the commands that are sent from now on."""
    names: list[str] = []
    noting(redis, monkeypatch, lambda command: names.append(command[0]))
    return names


@pytest.fixture
def blocks(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how many seconds Redis is asked to hold its answers back from now on."""
    seconds: list[float] = []
    noting(redis, monkeypatch, lambda command: seconds.extend(command[-1:] if command[0] == "BRPOPLPUSH" else ()))
    return seconds


# One move


def test_fetching_moves_the_oldest_entry_from_its_queue_to_the_inflight_list(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "first", "second")
    fetcher = Fetcher("default", identity="host:1:abc")
    assert fetcher.fetch() == UnitOfWork("default", b"first")
    assert redis.lrange("queue:default", 0, -1) == [b"second"]
    assert redis.lrange("inflight:host:1:abc|default", 0, -1) == [b"first"]


def test_an_empty_queue_gives_none(redis: redis_py.Redis) -> None:
    assert Fetcher("default").fetch() is None
    assert Fetcher("default", "slow").fetch() is None


def test_an_entry_comes_out_byte_for_byte(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", b"\x00\xff no text \r\n")
    assert Fetcher().fetch() == UnitOfWork("default", b"\x00\xff no text \r\n")


def test_the_first_queue_is_emptied_first(redis: redis_py.Redis) -> None:
    redis.lpush("queue:low", "c")
    redis.lpush("queue:high", "a", "b")
    fetcher = Fetcher("high", "low")
    assert [fetcher.fetch() for _ in range(4)] == [
        UnitOfWork("high", b"a"),
        UnitOfWork("high", b"b"),
        UnitOfWork("low", b"c"),
        None,
    ]


def test_only_its_own_queues_are_looked_at(redis: redis_py.Redis) -> None:
    redis.lpush("queue:other", "a")
    assert Fetcher("default", "slow").fetch() is None


def test_no_two_processes_have_one_name() -> None:
    assert len({new_identity() for _ in range(1000)}) == 1000
    assert Fetcher("default").identity != Fetcher("default").identity


def test_an_inflight_list_is_known_before_anything_is_moved_into_it(real: redis_py.Redis, told: Callable) -> None:
    real.lpush("queue:b", "a job")
    commands = told(Fetcher("a", "b", identity="me").fetch)
    assert [command[0] for command in commands] == ["SADD", "LMOVE", "LMOVE"]
    assert (commands[0][1], set(commands[0][2:])) == ("inflight", {"me|a", "me|b"})
    assert commands[2][1:] == ["queue:b", "inflight:me|b", "RIGHT", "LEFT"]


def test_every_inflight_list_is_found_through_the_set_of_their_names(redis: redis_py.Redis) -> None:
    redis.lpush("queue:a", "1")
    redis.lpush("queue:b", "2")
    for queue in ("a", "b"):
        Fetcher(queue).fetch()
    lists = set(redis.keys("inflight:*"))
    assert {b"inflight:" + name for name in redis.smembers("inflight")} == lists
    assert len(lists) == 2


def test_a_list_is_announced_again_with_each_move(redis: redis_py.Redis, sent: list[str]) -> None:
    redis.lpush("queue:default", "1", "2")
    fetcher = Fetcher("default")
    fetcher.fetch()
    del sent[:]
    fetcher.fetch()
    assert sent == ["SADD", "LMOVE"]  # who slept may have been taken for dead meanwhile, and its list forgotten


# Settling


def test_an_acknowledged_job_is_nowhere(redis: redis_py.Redis, places: Callable) -> None:
    jid = Client().push(JOB)
    fetcher = Fetcher("default")
    unit = fetcher.fetch()
    assert places(jid) == ["in flight"]
    fetcher.acknowledge(unit)
    assert places(jid) == []


def test_only_the_acknowledged_job_leaves_and_only_once(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "same", "same", "other")
    fetcher = Fetcher("default")
    units = [fetcher.fetch() for _ in range(3)]
    fetcher.acknowledge(units[0])
    assert sorted(redis.lrange(fetcher.inflight("default"), 0, -1)) == [b"other", b"same"]


def test_where_a_job_goes_next_it_enters_in_the_step_in_which_it_leaves(real: redis_py.Redis, told: Callable) -> None:
    real.lpush("queue:default", "a job")
    fetcher = Fetcher("default", identity="me")
    unit = fetcher.fetch()
    commands = told(lambda: fetcher.acknowledge(unit, Destination("retry", 5.0, b"it failed")))
    assert commands[-3:] == [  # inside a script: only if it is there, added first, removed last
        ["LPOS", "inflight:me|default", "a job"],
        ["ZADD", "retry", "5.0", "it failed"],
        ["LREM", "inflight:me|default", "1", "a job"],
    ]


def test_a_job_that_is_not_in_flight_any_more_goes_nowhere(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "a job")
    fetcher = Fetcher("default")
    unit = fetcher.fetch()
    rescue_orphans(redis)
    redis.delete("queue:default")
    fetcher.acknowledge(unit, Destination("retry", 5.0, b"a job"))
    assert redis.exists("retry") == 0


def test_a_job_whose_next_place_is_a_key_of_another_type_stays_in_flight(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "1", "2")
    redis.set("retry", "no sorted set")
    fetcher = Fetcher("default")
    alone, among_others = fetcher.fetch(), fetcher.fetch()
    with pytest.raises(redis_py.ResponseError):
        fetcher.acknowledge(alone, Destination("retry", 5.0, alone.raw))
    units, refused = fetcher.settle_and_fetch([(among_others, Destination("retry", 5.0, among_others.raw))], 1)
    assert (units, list(refused)) == ([], [0])
    assert "WRONGTYPE" in refused[0]
    assert redis.llen(fetcher.inflight("default")) == 2


def test_a_queue_that_is_no_list_does_not_stop_the_others(redis: redis_py.Redis, caplog: pytest.LogCaptureFixture) -> None:
    redis.set("queue:a", "no list")
    redis.lpush("queue:b", "a job")
    fetcher = Fetcher("a", "b")
    assert fetcher.settle_and_fetch([], 1) == ([UnitOfWork("b", b"a job")], {})
    assert fetcher.settle_and_fetch([], 1) == ([], {})
    assert [message for message in caplog.messages if "can be taken from queue a" in message] == caplog.messages[:1]


def test_more_queues_than_lua_can_unpack_are_no_trouble(real: redis_py.Redis) -> None:
    fetcher = Fetcher(*(f"q{number}" for number in range(9000)), redis=real)
    real.lpush("queue:q8999", "a job")
    assert fetcher.settle_and_fetch([], 1) == ([UnitOfWork("q8999", b"a job")], {})


# Lists that are left


def test_a_list_that_was_left_refuses_whatever_comes_late(redis: redis_py.Redis) -> None:
    # Given a process that has left its list for another, with the job that it holds
    redis.lpush("queue:default", "held", "moved to nobody")
    late = Fetcher("default", identity="me")
    held = late.fetch()
    late.fetch()
    now = Fetcher("default", identity="me")
    assert now.reconcile([held]) == 1
    assert redis.lrange("queue:default", 0, -1) == [b"moved to nobody"]
    assert redis.lrange("inflight:me|1|default", 0, -1) == [b"held"]
    assert redis.smembers("inflight") == {b"me|1|default"}
    # When what was sent before arrives late, Then nothing changes
    for step in (
        lambda: late.settle_and_fetch([], 1),
        lambda: late.blocking_fetch(0.01),
        lambda: late.settle_and_fetch([(held, None)], 0),
    ):
        with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
            step()
    for step in (late.requeue, late.acknowledge, lambda unit: late.acknowledge(unit, Destination("retry", 5.0, unit.raw))):
        step(held)
    assert redis.exists("retry") == 0
    assert redis.lrange("queue:default", 0, -1) == [b"moved to nobody"]
    assert redis.lrange("inflight:me|1|default", 0, -1) == [b"held"]
    # and what it has announced is noticed, and forgotten.
    assert not now.lists_match([held])
    now.reconcile([held])
    assert now.lists_match([held])
    assert redis.smembers("inflight") == {b"me|2|default"}


def test_a_list_that_cannot_be_entered_costs_no_job_that_is_held(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "held")
    fetcher = Fetcher("default", identity="me")
    held = fetcher.fetch()
    redis.set("inflight:me|1|default", "")  # a seal of a process that was called the same
    fetcher.reconcile([held])
    assert redis.lrange("inflight:me|default", 0, -1) == [b"held"]
    fetcher.reconcile([held])
    assert redis.lrange("inflight:me|2|default", 0, -1) == [b"held"]


def test_a_job_that_was_moved_to_nobody_is_noticed(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "1", "2")
    fetcher = Fetcher("default")
    units = [fetcher.fetch(), fetcher.fetch()]
    assert fetcher.lists_match(units)
    assert not fetcher.lists_match(units[:1])
    fetcher.acknowledge(units[1])
    assert fetcher.lists_match(units)  # what is held and not there was settled, or rescued


@pytest.mark.parametrize("queues", [("default",), ("default", "slow")])
def test_lists_whose_names_somebody_deleted_are_made_known_again(redis: redis_py.Redis, queues: tuple[str, ...]) -> None:
    redis.lpush("queue:default", "1", "2")
    fetcher = Fetcher(*queues, identity="me")
    held, _ = fetcher.settle_and_fetch([], 2)
    redis.delete("inflight")
    assert not fetcher.lists_match(held)
    assert fetcher.reconcile(held) == 0
    assert fetcher.lists_match(held)
    assert rescue_orphans(redis) == 2  # what it holds is found, should it die


def test_a_process_that_was_taken_for_dead_fetches_into_a_list_of_another_name(redis: redis_py.Redis) -> None:
    asleep = Fetcher("default", identity="me")
    asleep.fetch()
    rescue_orphans(redis)
    redis.lpush("queue:default", "a job")
    assert asleep.fetch() == UnitOfWork("default", b"a job")
    assert redis.smembers("inflight") >= {b"me|1|default"}


def test_settling_without_a_next_place_is_one_command(real: redis_py.Redis, told: Callable) -> None:
    real.lpush("queue:default", "a job")
    fetcher = Fetcher("default", identity="me")
    unit = fetcher.fetch()
    assert told(lambda: fetcher.acknowledge(unit)) == [["LREM", "inflight:me|default", "1", "a job"]]


def test_what_is_given_back_is_taken_next_and_is_unchanged(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "first", "second")
    fetcher = Fetcher("default")
    unit = fetcher.fetch()
    fetcher.requeue(unit)
    assert redis.lrange("queue:default", 0, -1) == [b"second", b"first"]
    assert redis.exists(fetcher.inflight("default")) == 0
    assert fetcher.fetch() == unit


def test_giving_back_is_one_step(real: redis_py.Redis, told: Callable) -> None:
    real.lpush("queue:default", "a job")
    fetcher = Fetcher("default")
    unit = fetcher.fetch()
    requeued = [command[0] for command in told(lambda: fetcher.requeue(unit))]
    assert requeued[-5:] == ["EVALSHA", "LPOS", "PERSIST", "RPUSH", "LREM"]  # a script, and what it does inside Redis


def test_what_a_rescuer_has_given_back_already_is_not_given_back_again(redis: redis_py.Redis) -> None:
    redis.lpush("queue:default", "a job")
    asleep = Fetcher("default")
    unit = asleep.fetch()
    rescue_orphans(redis)
    asleep.requeue(unit)
    assert redis.lrange("queue:default", 0, -1) == [b"a job"]


def test_a_job_goes_back_to_the_queue_it_came_from(redis: redis_py.Redis) -> None:
    redis.lpush("queue:low", "a job")
    fetcher = Fetcher("high", "low")
    unit = fetcher.fetch()
    assert fetcher.requeue(unit) is True
    assert redis.lrange("queue:low", 0, -1) == [b"a job"]
    assert fetcher.requeue(unit) is False  # it is not in flight any more
    assert redis.lrange("queue:low", 0, -1) == [b"a job"]


# Waiting


def test_an_idle_fetch_blocks_and_uses_no_processor(redis: redis_py.Redis, sent: list[str]) -> None:
    fetcher = Fetcher("default")
    started, used = time.monotonic(), time.thread_time()
    assert fetcher.fetch(timeout=0.3) is None
    waited, used = time.monotonic() - started, time.thread_time() - used
    assert waited >= 0.25
    assert used < waited / 4
    # Redis may hold its answer back a little too short a time; then what is left is waited for.
    assert sent[:4] == ["SADD", "LMOVE", "SADD", "BRPOPLPUSH"]
    assert len(sent) <= 10


def test_an_idle_fetch_of_several_queues_looks_now_and_then(redis: redis_py.Redis, sent: list[str]) -> None:
    used = time.thread_time()
    assert Fetcher("high", "low").fetch(timeout=6 * LOOK_EVERY) is None
    assert time.thread_time() - used < 6 * LOOK_EVERY / 4
    assert 4 <= sent.count("LMOVE") <= 2 * 8
    assert set(sent) == {"SADD", "LMOVE"}


def test_a_long_wait_is_asked_for_in_short_ones(blocks: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    # A client that waits for one answer longer than its socket timeout takes the server for gone.
    monkeypatch.setattr(fetch, "LONGEST_BLOCK", 0.1)
    started = time.monotonic()
    assert Fetcher("default").fetch(timeout=0.25) is None
    assert time.monotonic() - started >= 0.25
    assert blocks != []
    assert max(blocks) <= 0.1


def test_no_wait_is_so_short_that_an_older_redis_takes_it_for_one_without_end(blocks: list[float]) -> None:
    assert Fetcher("default").blocking_fetch(0.003) is None
    assert min(blocks) >= 0.01


@pytest.mark.parametrize("queues", [("default",), ("high", "default")])
def test_a_push_wakes_an_idle_fetch(redis: redis_py.Redis, sent: list[str], queues: tuple[str, ...]) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(lambda: (Fetcher(*queues).fetch(timeout=20), time.monotonic()))
        waits_in = "BRPOPLPUSH" if len(queues) == 1 else "LMOVE"
        while waits_in not in sent:
            time.sleep(0.001)
        pushed = time.monotonic()
        jid = Client().push(JOB)
        unit, woke = waiting.result(timeout=20)
    assert json.loads(unit.raw)["jid"] == jid
    assert woke - pushed < 1  # of the 20 seconds that it was ready to wait
    assert sent.count("BRPOPLPUSH") <= 1


def test_a_job_that_woke_a_fetch_is_in_flight(redis: redis_py.Redis, sent: list[str], places: Callable) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Fetcher("default").fetch, 20)
        while "BRPOPLPUSH" not in sent:
            time.sleep(0.001)
        jid = Client().push(JOB)
        waiting.result(timeout=20)
    assert places(jid) == ["in flight"]


def test_many_threads_lose_nothing_and_take_nothing_twice(redis: redis_py.Redis) -> None:
    for number in range(200):
        redis.lpush("queue:default", number)
    fetcher, taken, lock = Fetcher("default"), [], threading.Lock()

    def take() -> None:
        while unit := fetcher.fetch():
            with lock:
                taken.append(int(unit.raw))
            fetcher.acknowledge(unit)

    with ThreadPoolExecutor(4) as pool:
        for thread in [pool.submit(take) for _ in range(4)]:
            thread.result()
    assert sorted(taken) == list(range(200))
    assert redis.keys() == [b"inflight"]


# As a process does it: it may have slept until just now, and its lists may be forgotten


@pytest.mark.parametrize(
    "step", [lambda fetcher: fetcher.settle_and_fetch([], 1), lambda fetcher: fetcher.blocking_fetch(1) and [True]]
)
def test_a_process_makes_its_lists_known_in_the_breath_in_which_it_moves(real, told, step) -> None:
    fetcher = Fetcher("default", identity="me")
    step(fetcher)
    real.srem("inflight", "me|default")
    real.lpush("queue:default", "a job")
    commands = {command[0]: command[1:] for command in told(lambda: step(fetcher))}
    # In one script, or before it: the order in a script is no matter.
    assert list(commands) in (["EVALSHA", "PERSIST", "LMOVE", "SADD"], ["SADD", "BRPOPLPUSH"])
    assert commands["SADD"] == ["inflight", "me|default"]
    assert real.lrange("inflight:me|default", 0, -1) == [b"a job"]


def test_a_wait_takes_what_is_there_or_comes_or_ends(redis: redis_py.Redis) -> None:
    fetcher = Fetcher("default")
    redis.lpush("queue:default", "there")
    assert fetcher.blocking_fetch(5) == UnitOfWork("default", b"there")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(fetcher.blocking_fetch, 2)
        time.sleep(0.05)
        redis.lpush("queue:default", "comes")
        assert waiting.result(timeout=5) == UnitOfWork("default", b"comes")
    assert fetcher.blocking_fetch(0.05) is None


# A crash

CRASHES = """
import sys, time, minijobs

class Mail(minijobs.Worker):
    def perform(self, name):
        redis.lpush("it runs", name)
        time.sleep(60)

redis = minijobs.connect(sys.argv[1])
minijobs.Processor(minijobs.Fetcher("default", identity="the dead one")).process_one(timeout=20)
"""


def test_a_process_that_is_killed_while_it_runs_a_job_has_not_lost_it(
    real: redis_py.Redis, real_redis_url: str, real_places: Callable
) -> None:
    jids = [Client().push(JOB) for _ in range(2)]
    before = real.lindex("queue:default", -1)
    here = Path(minijobs.__file__).parents[1]
    with subprocess.Popen([sys.executable, "-c", CRASHES, real_redis_url], cwd=here) as process:
        try:
            assert real.blpop("it runs", timeout=4) is not None
        finally:
            process.kill()
    assert [real_places(jid) for jid in jids] == [["in flight"], ["queue:default"]]
    # Whoever comes to rescue it finds it through the set of names, byte for byte, and knows the queue it came from.
    assert real.smembers("inflight") == {b"the dead one|default"}
    assert real.lrange("inflight:the dead one|default", 0, -1) == [before]
    # Nobody else was handed it, and the next job is not held up.
    assert Fetcher("default").fetch() is not None
    assert [real_places(jid) for jid in jids] == [["in flight"], ["in flight"]]


# Names


@pytest.mark.parametrize("queue", ["a|b", "", None, b"mail", "\ud800", ["a", "b"]])
def test_a_queue_that_nothing_could_be_pushed_to_is_refused_as_at_the_push(redis: redis_py.Redis, queue: Any) -> None:
    with pytest.raises(ValueError, match=r"^Not a job: ") as refused_push:
        Client().push({"class": "Mail", "args": [], "queue": queue})
    with pytest.raises(ValueError, match=r'^"queue" is ') as refused:
        Fetcher("low", queue)
    assert f"Not a job: {refused.value}" == str(refused_push.value)


def test_queues_and_weights_are_called_what_json_makes_of_their_names(redis: redis_py.Redis) -> None:
    class Name(str, Enum):  # noqa: UP042 - a StrEnum prints as its value
        MAIL = "mail"

    fetcher = Fetcher(Name.MAIL, "low", weights={Name.MAIL: 10**9})
    Client().push({"class": "Mail", "args": [], "queue": Name.MAIL})
    assert fetcher.fetch().queue == "mail"
    assert [fetcher.order()[0] for _ in range(50)] == ["mail"] * 50


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), 10**400, Decimal(2), "3"])
def test_a_weight_that_is_not_above_0_is_refused(redis: redis_py.Redis, weight: float) -> None:
    with pytest.raises(ValueError, match=r"the weight of queue low is .* and must be more than 0"):
        Fetcher("mail", "low", weights={"low": weight})


def test_a_queue_that_is_named_twice_is_one(redis: redis_py.Redis) -> None:
    fetcher = Fetcher("mail", "low", "mail")
    Client().push({"class": "Mail", "args": [], "queue": "mail"})
    unit = fetcher.fetch()
    assert fetcher.queues == ("mail", "low")
    assert fetcher.lists_match([unit])


@pytest.mark.parametrize("name", ["web|1", "web:1", "web 1", "web-\udcff", ""])
def test_whatever_the_host_is_called_its_processes_have_a_name_that_redis_and_a_rescuer_understand(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(fetch.socket, "gethostname", lambda: name)
    server = Server("default", redis=redis)
    server.heart.beat()
    assert redis.smembers("processes") == {server.fetcher.identity.encode()}
    Client(redis).push(JOB)
    server.fetcher.fetch()
    preflight.check(redis, queues=["default"])
    redis.delete(server.fetcher.identity)
    assert rescue_orphans(redis) == 1


def test_an_identity_with_a_bar_would_hide_its_lists_from_the_rescue_and_is_refused(redis: redis_py.Redis) -> None:
    with pytest.raises(ValueError, match=r"^identity is 'web\|1' and must be the name of a process, without a \|\.$"):
        Fetcher("mail", identity="web|1")


@pytest.mark.parametrize(("timeout", "longest"), [(None, 2.0), (5, 2.0), (1, 0.5), (0.5, 0.25), (0.3, None), (0.1, None)])
def test_redis_holds_no_answer_back_longer_than_its_client_waits(
    real_redis_url: str, told: Callable, timeout: float | None, longest: float | None
) -> None:
    redis = redis_py.Redis.from_url(real_redis_url, socket_timeout=timeout)
    fetcher = Fetcher("default", redis=connection.check_client(redis))
    blocks = [float(words[-1]) for words in told(lambda: fetcher.fetch(timeout=0.6)) if words[0] == "BRPOPLPUSH"]
    assert all(block <= (longest or 0) for block in blocks)
    assert bool(blocks) is (longest is not None)
    redis.close()


def test_a_queue_may_be_left_out_for_a_while_and_its_jobs_are_settled_all_the_same(redis: redis_py.Redis) -> None:
    class Pausing(Fetcher):
        asked = ("mail", "low")

        def order(self) -> tuple[str, ...]:
            return self.asked

    # Given a job of each of two queues, both in flight, and another of each
    fetcher = Pausing("mail", "low")
    for queue in ("mail", "low") * 2:
        Client().push({**JOB, "queue": queue})
    units, _ = fetcher.settle_and_fetch([], 2)
    more = fetcher.fetch()
    assert more is not None
    # When one of the queues is not fetched from
    fetcher.asked = ("low",)
    fetched, refused = fetcher.settle_and_fetch([(unit, None) for unit in (*units, more)], 5)
    # Then its job is settled, and the other one is left where it is
    assert ([unit.queue for unit in fetched], refused) == (["low"], {}) if more.queue == "mail" else (["low", "low"], {})
    fetcher.asked = ()
    assert fetcher.settle_and_fetch([(unit, None) for unit in fetched], 5) == ([], {})
    assert fetcher.fetch() is None
    assert [key for key in redis.scan_iter() if key.startswith(b"inflight:")] == []
