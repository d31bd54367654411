"""A worker process's threads, in this process: on both Redises."""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
import traceback
from typing import ClassVar

import pytest
import redis as redis_py
from processes import SOON, eventually

from minijobs import Fetcher, Queue, RedisUnavailable, RetrySet, Stats, Worker, poll, worker
from minijobs.fetch import LOOK_EVERY
from minijobs.server import Server, TooManyThreads


class ServerNote(Worker):
    """Says that it ran."""

    ran: ClassVar[list] = []

    def perform(self, what):
        ServerNote.ran.append(what)


class ServerGate(Worker):
    """Runs until it is let through."""

    entered = threading.Semaphore(0)
    open = threading.Event()

    def perform(self, what):
        ran = ServerNote.ran  # of this test, also if it is let through in the next one
        ServerGate.entered.release()
        assert ServerGate.open.wait(SOON)
        ran.append(what)


class ServerFail(Worker):
    def perform(self):
        raise RuntimeError("boom")


@pytest.fixture(autouse=True)
def _fresh():
    worker.registry.update({kind.__name__: kind for kind in (ServerNote, ServerGate, ServerNamed, ServerFail)})
    ServerNote.ran = []
    ServerGate.entered = threading.Semaphore(0)
    ServerGate.open = threading.Event()
    yield
    ServerGate.open.set()


class Running:
    """A Server that runs in a thread of its own, until the block ends."""

    def __init__(self, *queues, **settings):
        self.server = Server(*queues, **{"concurrency": 2, "poll": 0.05, "timeout": 5, **settings})
        self.codes = []
        self.thread = threading.Thread(target=lambda: self.codes.append(self.server.run()))

    def __enter__(self):
        self.thread.start()
        return self.server

    def __exit__(self, *_):
        self.server.stop()
        self.thread.join(SOON)
        assert not self.thread.is_alive()


def test_everything_that_is_pushed_is_run_once_and_nothing_is_left(redis):
    ServerNote.perform_bulk([[number] for number in range(500)])
    running = Running(concurrency=5)
    with running:
        eventually(lambda: len(ServerNote.ran) == 500)
    assert running.codes == [0]
    assert sorted(ServerNote.ran) == list(range(500))
    assert {key for key in redis.keys("*") if not key.startswith(b"stat:")} == {b"queues"}
    assert (Stats().processed, Stats().failed) == (500, 0)


def test_what_is_pushed_while_it_waits_is_run(redis):
    with Running():
        for number in range(5):
            ServerNote.perform_async(number)
            eventually(lambda number=number: number in ServerNote.ran)


def test_several_queues_are_served_the_first_one_first(redis):
    for number in range(3):
        ServerNote.set(queue="low").perform_async(f"low {number}")
        ServerNote.set(queue="high").perform_async(f"high {number}")
    with Running("high", "low", concurrency=1):
        eventually(lambda: len(ServerNote.ran) == 6)
    assert [what.split()[0] for what in ServerNote.ran] == ["high"] * 3 + ["low"] * 3


def test_it_never_holds_more_jobs_than_it_has_threads(redis):
    ServerGate.perform_bulk([[number] for number in range(10)])
    with Running(concurrency=3) as server:
        for _ in range(3):
            assert ServerGate.entered.acquire(timeout=SOON)
        assert redis.llen(server.fetcher.inflight("default")) == 3
        assert len(Queue("default")) == 7
        ServerGate.open.set()
        eventually(lambda: len(ServerNote.ran) == 10)


def test_a_finished_job_is_settled_while_others_still_run(redis):
    ServerGate.perform_async("slow")
    with Running(concurrency=2) as server:
        assert ServerGate.entered.acquire(timeout=SOON)
        ServerNote.perform_async("quick")
        eventually(lambda: ServerNote.ran == ["quick"])
        eventually(lambda: redis.llen(server.fetcher.inflight("default")) == 1)
        ServerGate.open.set()
        eventually(lambda: redis.llen(server.fetcher.inflight("default")) == 0)


class ServerNamed(Worker):
    """Runs until the gate of its name is opened."""

    gates: ClassVar[dict[str, threading.Event]] = {}

    def perform(self, name):
        gate = ServerNamed.gates.setdefault(name, threading.Event())
        ServerGate.entered.release()
        assert gate.wait(SOON)
        ServerNote.ran.append(name)


@pytest.mark.parametrize("next_ones", [["slow"], []], ids=["which then runs a job", "which then waits for one"])
def test_a_job_that_finishes_while_another_thread_talks_is_settled_at_once(redis, next_ones):
    gates = ServerNamed.gates = {name: threading.Event() for name in ("one", "other", "slow", "end")}
    running = Running(concurrency=2, poll=60)
    fetcher, dispatcher = running.server.fetcher, running.server._dispatcher
    settle_and_fetch = fetcher.settle_and_fetch

    def talks_for_long(settled, want):
        units = settle_and_fetch(settled, want)
        if settled and not gates["other"].is_set():
            gates["other"].set()
            eventually(lambda: len(dispatcher.held.finished) == 2)  # both have finished, and only the one was told
            time.sleep(0.05)  # the other's thread has found that somebody else talks
        return units

    fetcher.settle_and_fetch = talks_for_long
    # Given two jobs that run
    ServerNamed.perform_bulk([["one"], ["other"]])
    with running:
        for _ in range(2):
            assert ServerGate.entered.acquire(timeout=SOON)
        fetcher.blocking_fetch = lambda _: gates["end"].wait(SOON) and None
        # When the one finishes, and the other while its thread settles it, and that thread then has no time for long
        for name in next_ones:
            ServerNamed.perform_async(name)
        gates["one"].set()
        # Then the other is settled all the same
        eventually(lambda: gates["other"].is_set() and redis.llen(fetcher.inflight("default")) == len(next_ones))
        assert not gates["slow"].is_set()
        gates["slow"].set()
        gates["end"].set()


def test_a_job_that_finishes_while_a_watched_one_comes_is_settled_at_once(redis):
    gates = ServerNamed.gates = {name: threading.Event() for name in ("one", "slow")}
    ServerNamed.perform_async("one")
    with Running(concurrency=2, poll=60) as server:
        dispatcher = server._dispatcher
        assert ServerGate.entered.acquire(timeout=SOON)
        eventually(lambda: dispatcher._fetching)
        # Given a job that finishes while somebody talks, so its thread sleeps
        with dispatcher._leader_lock:
            gates["one"].set()
            eventually(lambda: dispatcher.held.finished)
            # When the watching thread gets one that takes long
            ServerNamed.perform_async("slow")
            eventually(lambda: not len(Queue("default")))
            time.sleep(0.05)
        assert ServerGate.entered.acquire(timeout=SOON)
        # Then the one that has finished is settled all the same
        eventually(lambda: redis.llen(server.fetcher.inflight("default")) == 1)
        assert ServerNote.ran == ["one"]
        gates["slow"].set()


@pytest.mark.parametrize("jobs", [["one"], []], ids=["a job", "nothing"])
def test_a_stop_waits_for_who_is_talking_and_for_what_comes_of_it(redis, jobs):
    running = Running(concurrency=1, poll=60)
    fetcher, talking, go_on, ended = running.server.fetcher, threading.Event(), threading.Event(), []
    settle_and_fetch, wait = fetcher.settle_and_fetch, fetcher.blocking_fetch

    def talks_for_long(settled, want):
        units = settle_and_fetch(settled, want)
        talking.set()
        assert go_on.wait(SOON)
        return units

    def watches(seconds):
        unit = wait(min(seconds, 0.3))
        ended.append(not running.thread.is_alive())
        return unit

    fetcher.settle_and_fetch, fetcher.blocking_fetch = talks_for_long, watches
    for name in jobs:
        ServerNote.perform_async(name)
    with running as server:
        # Given a thread that talks, and nothing that runs
        assert talking.wait(SOON)
        # When the process is stopped
        server.stop()
        time.sleep(0.1)
        go_on.set()
    # Then a job that comes of it is run, not given back; and the process does not end while somebody watches.
    assert ServerNote.ran == jobs
    assert len(Queue("default")) == 0
    assert running.codes == [0]
    assert ended == ([] if jobs else [False])


def test_a_mistake_of_ours_ends_the_process_and_leaves_what_it_held_to_others(redis, monkeypatch):
    ServerNote.perform_async("one")
    running = Running(concurrency=2, poll=60)
    monkeypatch.setattr(running.server.processor, "count", lambda outcome: 1 / 0)
    running.thread.start()
    running.thread.join(SOON)
    assert running.codes == [1]
    assert redis.smembers("inflight") == {f"{running.server.fetcher.identity}|default".encode()}


def test_a_failure_enters_retry_and_leaves_flight(redis):
    ServerFail.perform_async()
    with Running() as server:
        eventually(lambda: len(RetrySet()) == 1)
        eventually(lambda: not redis.exists(server.fetcher.inflight("default")))
    assert (Stats().processed, Stats().failed) == (1, 1)


def test_what_is_due_is_moved_and_run(redis):
    ServerNote.perform_in(0.2, "later")
    assert len(Queue("default")) == 0
    with Running():
        eventually(lambda: ServerNote.ran == ["later"])


def test_quiet_fetches_no_more_and_finishes_what_runs(redis):
    ServerGate.perform_async("running")
    with Running() as server:
        assert ServerGate.entered.acquire(timeout=SOON)
        server.quiet()
        ServerNote.perform_async("waits")
        ServerGate.open.set()
        eventually(lambda: ServerNote.ran == ["running"])
        eventually(lambda: not redis.exists(server.fetcher.inflight("default")))
    assert [job.args for job in Queue("default")] == [["waits"]]


def test_what_is_unfinished_at_a_stop_goes_back_untouched_to_be_taken_next(redis):
    ServerGate.perform_async("unfinished")
    raw = redis.lindex("queue:default", 0)
    running = Running(timeout=0.1)
    with running:
        assert ServerGate.entered.acquire(timeout=SOON)
        ServerNote.perform_async("behind it")
        running.server.quiet()
    assert running.codes == [0]
    assert redis.lindex("queue:default", -1) == raw
    assert Stats().failed == 0
    assert redis.keys("inflight:*") == []


def test_a_job_can_see_that_the_process_is_about_to_end(redis):
    class ServerPatient(Worker):
        def perform(self):
            ServerGate.entered.release()
            while not self.stopping:
                time.sleep(0.005)
            ServerNote.ran.append("saw it coming")

    ServerPatient.perform_async()
    running = Running()
    with running:
        assert ServerGate.entered.acquire(timeout=SOON)
    assert ServerNote.ran == ["saw it coming"]
    assert running.codes == [0]


def test_a_signal_left_in_redis_stops_it(redis):
    running = Running(heartbeat=0.05)
    with running as server:
        eventually(lambda: redis.exists(server.fetcher.identity))
        redis.lpush(f"{server.fetcher.identity}-signals", "TERM")
        running.thread.join(SOON)
    assert running.codes == [0]


def test_the_jobs_of_a_dead_process_are_rescued_and_run(redis):
    ServerNote.perform_async("left behind")
    assert Fetcher("default", redis=redis).fetch()
    with Running(heartbeat=0.1):
        eventually(lambda: ServerNote.ran == ["left behind"])
    assert redis.scard("inflight") == 0


def test_a_set_that_is_none_does_not_keep_the_jobs_of_a_dead_process(redis):
    ServerNote.perform_async("left behind")
    assert Fetcher("default", redis=redis).fetch()
    redis.set("schedule", "no set")
    with Running(heartbeat=0.1):
        eventually(lambda: ServerNote.ran == ["left behind"])


def test_a_server_that_was_made_before_a_fork_does_not_run_in_the_child(redis):
    server = Server("default")
    if (child := os.fork()) == 0:
        signal.alarm(5)  # it must not outlive this test
        try:
            server.run()
        except RuntimeError:
            os._exit(3)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def test_an_idle_thread_does_not_keep_the_only_connection_from_the_heart(real, real_redis_url):
    path = real_redis_url.removeprefix("unix://")
    pool = redis_py.ConnectionPool(connection_class=redis_py.UnixDomainSocketConnection, path=path, max_connections=1)
    ServerGate.perform_async("slow")
    with Running(heartbeat=0.25, redis=redis_py.Redis(connection_pool=pool)) as server:
        assert ServerGate.entered.acquire(timeout=SOON)
        until = time.monotonic() + 3
        while time.monotonic() < until:
            assert real.exists(server.fetcher.identity)
            time.sleep(0.05)
        ServerGate.open.set()
        eventually(lambda: ServerNote.ran == ["slow"])


def test_a_dead_process_is_struck_off(redis):
    redis.sadd("processes", "host:1:000000000000")
    with Running() as server:
        eventually(lambda: redis.smembers("processes") == {server.fetcher.identity.encode()})


def test_nothing_is_rescued_before_everybody_has_had_time_to_beat(redis):
    ServerNote.perform_async("left behind")
    assert Fetcher("default", redis=redis).fetch()
    with Running(heartbeat=5):  # its own heartbeat lasts for 20 seconds: so long it knows nothing about the others
        ServerNote.perform_async("pushed")
        eventually(lambda: ServerNote.ran)
        time.sleep(0.2)  # several polls
    assert ServerNote.ran == ["pushed"]


def test_idle_it_neither_spins_nor_asks_redis_all_the_time(redis):
    with Running(poll=5) as server:
        eventually(lambda: redis.exists(server.fetcher.identity))
        began, used = time.monotonic(), time.process_time()
        time.sleep(1)
        share = (time.process_time() - used) / (time.monotonic() - began)
    assert share < 0.3


@pytest.mark.parametrize(("queues", "most"), [(("default",), 0.02), (("high", "default", "low"), LOOK_EVERY + 0.05)])
def test_a_push_wakes_an_idle_process_within_milliseconds_or_with_several_queues_at_its_next_look(redis, queues, most):
    class ServerAnswer(Worker):
        def perform(self, pushed):
            ServerNote.ran.append(time.monotonic() - pushed)

    with Running(*queues):
        for number in range(21):
            time.sleep(0.013)  # it is idle again; and no multiple of the time between two looks
            ServerAnswer.perform_async(time.monotonic())
            eventually(lambda number=number: len(ServerNote.ran) > number)
    assert statistics.median(ServerNote.ran) < most


def test_a_failure_whose_settling_was_not_answered_is_not_tried_twice(redis):
    # Given a process whose job fails
    ServerFail.perform_async()
    running, taken = Running(concurrency=1, poll=60), []
    settle_and_fetch = running.server.fetcher.settle_and_fetch

    def without_an_answer(settled, want):
        units = settle_and_fetch(settled, want)
        if settled and not taken:
            # When that is in Redis, but the answer gets lost, and another process has tried again before it is repeated
            assert poll(redis, now=time.time() + 100) == 1
            taken.append(redis.rpop("queue:default"))
            raise RedisUnavailable("the answer got lost")
        return units

    running.server.fetcher.settle_and_fetch = without_an_answer
    with running as server:
        eventually(lambda: taken)
        ServerNote.perform_async("afterwards")
        eventually(lambda: ServerNote.ran)
        eventually(lambda: not redis.exists(server.fetcher.inflight("default")))
    # Then it is not entered into `retry` once more, and no other job has suffered.
    assert b"ServerFail" in taken[0]
    assert len(RetrySet()) == 0
    assert ServerNote.ran == ["afterwards"]


def test_an_entry_that_breaks_the_processor_itself_goes_to_dead_as_it_is(redis, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("minijobs.retry.after_failure", broken)
    ServerFail.perform_async()
    raw = redis.lindex("queue:default", 0)
    with Running() as server:
        eventually(lambda: redis.zcard("dead"))
        ServerNote.perform_async("afterwards")
        eventually(lambda: ServerNote.ran)
        eventually(lambda: not redis.exists(server.fetcher.inflight("default")))
    assert redis.zrange("dead", 0, -1) == [raw]


def test_all_threads_are_busy_as_soon_as_there_is_something(redis):
    running, asked = Running("high", "default", concurrency=8, poll=60), []
    settle_and_fetch = running.server.fetcher.settle_and_fetch
    running.server.fetcher.settle_and_fetch = lambda settled, want: asked.append(want) or settle_and_fetch(settled, want)
    with running:
        eventually(lambda: len(asked) > 3)  # it has looked in vain
        ServerGate.perform_bulk([[number] for number in range(8)])
        for _ in range(8):
            assert ServerGate.entered.acquire(timeout=SOON)
        ServerGate.open.set()


def test_after_it_slept_a_process_settles_no_failure_of_a_job_that_others_have(redis):
    class ServerLateFail(Worker):
        def perform(self):
            ServerGate.entered.release()
            assert ServerGate.open.wait(SOON)
            raise RuntimeError("boom")

    # Given a process that has slept, whose heart was the first to wake up, and whose job somebody has rescued meanwhile
    ServerLateFail.perform_async()
    with Running(poll=60) as server:
        assert ServerGate.entered.acquire(timeout=SOON)
        redis.delete(server.fetcher.inflight("default"))
        # When the job fails
        ServerGate.open.set()
        eventually(lambda: Stats().failed or server.processor.failed)
    # Then that is the last of it here.
    assert len(RetrySet()) == 0
    assert Stats().failed == 1


def test_when_redis_takes_long_to_say_who_lives_the_poller_rescues_nobody(redis, monkeypatch):
    ServerNote.perform_async("held by one who lives")
    assert Fetcher("default", redis=redis).fetch()
    asked = []

    def late(redis, names):
        time.sleep(0.15)  # so long that heartbeats expired meanwhile
        asked.append(names)
        return [False] * len(names)

    monkeypatch.setattr("minijobs.rescue.living", late)
    with Running(heartbeat=0.1):
        eventually(lambda: len(asked) > 2)
    assert ServerNote.ran == []


# What one Server does once


@pytest.mark.parametrize(
    ("word", "number"),
    [
        *(("concurrency", number) for number in (0, -1, "2", 2.5, True, None)),
        *(("heartbeat", number) for number in (0, -1, float("nan"), float("inf"), 1e10, "5", None)),
        *(("poll", number) for number in (0, -1, float("nan"), float("inf"), "5", None)),
        *(("timeout", number) for number in (-1, float("nan"), "5", None)),
    ],
)
def test_a_number_that_is_none_is_refused(redis: redis_py.Redis, word: str, number: object) -> None:
    with pytest.raises(ValueError, match=f"^{word} is {number!r} and must be a number of "):
        Server("default", **{word: number})


def test_a_server_runs_once_and_leaves_no_thread(redis: redis_py.Redis) -> None:
    before = set(threading.enumerate())
    server = Server("default", concurrency=3, heartbeat=0.05, poll=0.05)
    runs = threading.Thread(target=server.run)
    runs.start()
    eventually(lambda: redis.exists(server.heart.identity))
    server.stop()
    runs.join(SOON)
    eventually(lambda: set(threading.enumerate()) <= before)
    with pytest.raises(RuntimeError, match=r"^This Server has run, and its process has signed off: make another one\.$"):
        server.run()


def test_a_server_that_is_interrupted_has_ended(real: redis_py.Redis) -> None:
    # Given a Server in the main thread of a program that does nothing about signals
    server = Server("default", concurrency=2, heartbeat=0.05, poll=0.05, timeout=0)
    ServerGate.perform_async("ada")

    def interrupt() -> None:
        assert ServerGate.entered.acquire(timeout=SOON)
        signal.raise_signal(signal.SIGINT)

    threading.Thread(target=interrupt).start()
    # When it is interrupted while a job runs
    with pytest.raises(KeyboardInterrupt):
        server.run()
    # Then what it had fetched is back, nobody believes that it lives, and it fetches nothing more
    assert [key for key in real.scan_iter() if b"inflight" in key or server.heart.identity.encode() in key] == []
    ServerNote.perform_async("grace")
    time.sleep(4 * server.poll_every)
    assert [job.args for job in Queue("default")] == [["ada"], ["grace"]]


def test_a_server_that_is_interrupted_before_it_could_begin_has_ended(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = set(threading.enumerate())
    server = Server("default", concurrency=2)
    interrupts, main = iter([signal.SIGINT]), threading.get_ident()

    def starts_a_thread() -> bool:
        frames = traceback.walk_stack(sys._current_frames()[main])
        return any(frame.f_code is threading.Thread.start.__code__ for frame, _ in frames)

    def beat() -> list[str]:
        eventually(lambda: not starts_a_thread())  # there, Python itself cannot always be interrupted
        for number in interrupts:
            signal.raise_signal(number)
        raise RedisUnavailable("not yet")

    monkeypatch.setattr(server.heart, "beat", beat)
    with pytest.raises(KeyboardInterrupt):
        server.run()
    eventually(lambda: set(threading.enumerate()) <= before)
    assert not redis.exists(server.heart.identity)


def test_more_threads_than_there_may_be_are_refused_in_a_sentence(
    redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    start_thread = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if threading.active_count() > 20:
            raise RuntimeError("can't start new thread")
        start_thread(thread)

    before = set(threading.enumerate())
    server = Server("default", concurrency=50)
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(
        TooManyThreads, match=r"^This machine does not allow so many threads: let fewer jobs run at a time\.$"
    ):
        server.run()
    eventually(lambda: set(threading.enumerate()) <= before)
    assert not redis.exists(server.heart.identity)
