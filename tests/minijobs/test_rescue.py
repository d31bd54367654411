"""Rescuing the jobs of a dead process."""

from __future__ import annotations

import json
import os
import signal
import threading
import time

import pytest
from processes import SOON, eventually

from minijobs import DeadSet, Fetcher, Heartbeat, PoisonPill, Processor, Queue, Worker, retry, worker
from minijobs.rescue import MAX_RESCUES, RESCUE_FADES, rescue_orphans


class RescueMe(Worker):
    def perform(self, name): ...


@pytest.fixture(autouse=True)
def _known():
    worker.registry["RescueMe"] = RescueMe


def held_by_a_dead_process(redis, *names, queue="default"):
    """Jobs that were fetched by a process which never had a heartbeat; its Fetcher."""
    for name in names:
        RescueMe.set(queue=queue).perform_async(name)
    fetcher = Fetcher(queue, redis=redis)
    for _ in names:
        assert fetcher.fetch()
    return fetcher


def test_what_a_dead_process_held_goes_back_in_the_order_in_which_it_was_fetched(redis):
    held_by_a_dead_process(redis, "first", "second", "third")
    RescueMe.perform_async("fourth")
    assert rescue_orphans(redis) == 3
    assert [job.args[0] for job in Queue("default")] == ["first", "second", "third", "fourth"]
    assert redis.exists("inflight") == 0
    assert {redis.type(name) for name in redis.keys("inflight:*")} == {b"string"}  # sealed: see fetch


def test_what_a_living_process_holds_stays_with_it_however_long(redis):
    fetcher = held_by_a_dead_process(redis, "slow")
    redis.set(fetcher.identity, "it lives")
    assert rescue_orphans(redis) == 0
    assert redis.llen(fetcher.inflight("default")) == 1
    assert redis.scard("inflight") == 1


def test_a_process_that_runs_a_single_job_is_known_to_live_until_it_has_settled_it(redis, monkeypatch):
    monkeypatch.setattr("minijobs.processor.ALIVE_FOR", 1)
    seen = []

    class RescueSingle(Worker):
        def perform(self):
            left = redis.pttl("host:1:single")
            seen.append(rescue_orphans())
            seen.append(eventually(lambda: redis.pttl("host:1:single") > left - 100 and time.monotonic() > began + 0.3))

    began = time.monotonic()
    RescueSingle.perform_async()
    assert Processor(Fetcher("default", identity="host:1:single")).process_one().name == "done"
    assert seen == [0, True]
    assert not redis.exists("host:1:single")


def test_a_process_whose_threads_run_single_jobs_is_known_to_live_until_the_last_has_settled(redis):
    first, second = threading.Event(), threading.Event()

    class RescueShared(Worker):
        def perform(self, number):
            assert (first, second)[number].wait(SOON)

    RescueShared.perform_bulk([[0], [1]])
    processor = Processor(Fetcher("default", identity="host:1:shared"))
    threads = [threading.Thread(target=processor.process_one) for _ in range(2)]
    for number, thread in enumerate(threads, start=1):
        thread.start()
        eventually(lambda number=number: len(processor.running) == number)
    first.set()
    eventually(lambda: len([thread for thread in threads if thread.is_alive()]) == 1)
    rescued = rescue_orphans(redis)
    second.set()
    for thread in threads:
        thread.join(SOON)
    assert rescued == 0
    assert not redis.exists("host:1:shared", "inflight:host:1:shared|default")


def test_a_child_that_runs_single_jobs_is_a_process_of_its_own(real):
    processor = Processor(Fetcher("default"))  # made once, for all children

    class RescueChild(Worker):
        def perform(self):
            real.rpush("runs as", processor.fetcher.identity)
            if real.llen("runs as") == 1:
                os.kill(os.getpid(), signal.SIGKILL)

    RescueChild.perform_bulk([[], []])
    for _ in range(2):
        if (child := os.fork()) == 0:
            try:
                processor.process_one()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
    killed, other = real.lrange("runs as", 0, -1)
    assert len({killed, other, processor.fetcher.identity.encode()}) == 3
    real.expire(killed, 0)  # its sign of life expires, whatever others say of themselves
    assert rescue_orphans(real) == 1


def test_a_heartbeat_stays_when_a_single_job_has_been_run(redis):
    processor = Processor(Fetcher("default", identity="host:1:both"))
    Heartbeat(processor).beat()
    assert processor.process_one() is None
    assert redis.hget("host:1:both", "info")


def test_of_two_rescuers_the_second_finds_nothing(redis):
    held_by_a_dead_process(redis, "once")
    assert (rescue_orphans(redis), rescue_orphans(redis)) == (1, 0)
    assert len(Queue("default")) == 1


def test_a_rescued_job_is_the_same_job_and_says_how_often_it_was_rescued(redis):
    held_by_a_dead_process(redis, "again")
    rescue_orphans(redis)
    (job,) = Queue("default")
    assert job["rescued"] == 1
    assert job.args == ["again"]
    assert "retry_count" not in job.item


def test_the_third_rescue_is_the_last(redis):
    held_by_a_dead_process(redis, "poison")
    for _ in range(MAX_RESCUES - 1):
        rescue_orphans(redis)
        assert Fetcher("default", redis=redis).fetch()
    rescue_orphans(redis)
    assert len(Queue("default")) == 0
    (dead,) = DeadSet()
    assert dead["error_class"] == "minijobs.PoisonPill"
    assert "its process died 3 times while it ran" in dead["error_message"]


def test_who_wants_to_know_of_a_death_is_told_of_a_poison_pill(redis):
    told = []
    retry.death_handlers.append(lambda job, error: told.append((job["args"], type(error))))
    held_by_a_dead_process(redis, "poison")
    for _ in range(MAX_RESCUES):
        assert told == []
        rescue_orphans(redis)
        Fetcher("default", redis=redis).fetch()
    assert told == [(["poison"], PoisonPill)]


def test_when_redis_took_long_to_say_who_lives_nobody_is_rescued(redis):
    held_by_a_dead_process(redis, "perhaps")
    assert rescue_orphans(redis, patience=0) == 0
    assert len(Queue("default")) == 0


def test_an_entry_that_is_no_job_is_given_back_untouched(redis):
    redis.lpush("queue:default", b"\xff no job")
    assert Fetcher("default", redis=redis).fetch()
    rescue_orphans(redis)
    assert redis.lrange("queue:default", 0, -1) == [b"\xff no job"]


def test_a_number_of_rescues_that_is_no_number_loses_nothing(redis):
    raw = json.dumps({"class": "RescueMe", "args": ["x"], "jid": "0" * 24, "rescued": "often"}).encode()
    redis.lpush("queue:default", raw)
    assert Fetcher("default", redis=redis).fetch()
    rescue_orphans(redis)
    assert redis.lrange("queue:default", 0, -1) == [raw]


def test_a_number_of_rescues_without_end_does_not_stop_the_rescue_of_the_others(redis):
    raw = b'{"class":"RescueMe","args":["x"],"jid":"593f66432baeb76a116b7cac","rescued":1e999}'
    held_by_a_dead_process(redis, "behind it")
    redis.lpush("queue:a", raw)
    assert Fetcher("a", redis=redis, identity="a").fetch()
    assert rescue_orphans(redis) == 2
    assert redis.lrange("queue:a", 0, -1) == [raw]
    assert redis.llen("queue:default") == 1


def test_an_owner_that_lives_again_keeps_its_jobs(redis, monkeypatch):
    # Given a process that looked dead a moment ago
    fetcher = held_by_a_dead_process(redis, "held")
    redis.hset(fetcher.identity, "beat", 1)
    monkeypatch.setattr("minijobs.rescue.living", lambda redis, names: [False] * len(names))
    # When somebody who has not noticed wants to rescue its job, Then that step notices.
    assert rescue_orphans(redis) == 0
    assert len(Queue("default")) == 0
    assert redis.llen(fetcher.inflight("default")) == 1


def test_a_redis_that_does_not_know_the_rescuers_last_beat_is_not_believed(redis):
    held_by_a_dead_process(redis, "held")
    heart = Heartbeat(Processor(Fetcher("default", redis=redis)))
    heart.beat(now=1000.0)
    redis.hset(heart.identity, "beat", 900.0)  # an older snapshot
    assert rescue_orphans(redis, heart=heart) == 0
    heart.beat(now=1005.0)
    assert rescue_orphans(redis, heart=heart) == 1


def test_rescues_long_ago_count_no_more(redis):
    held_by_a_dead_process(redis, "unlucky")
    for number in range(5):
        rescue_orphans(redis, now=1e9 + number * (RESCUE_FADES + 1))
        assert Fetcher("default", redis=redis).fetch()
    assert len(DeadSet()) == 0


def test_who_leaves_is_forgotten_but_not_a_list_that_holds_something(redis):
    fetcher = held_by_a_dead_process(redis, "held")
    fetcher.leave()
    assert redis.scard("inflight") == 1
    unit = redis.lindex(fetcher.inflight("default"), 0)
    redis.lrem(fetcher.inflight("default"), 1, unit)
    fetcher.leave()
    assert redis.scard("inflight") == 0
