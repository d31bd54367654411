"""Giving back what a dead process held."""

from __future__ import annotations

import json

import pytest

from minijobs import DeadSet, Fetcher, PoisonPill, Queue, UnitOfWork, Worker, retry, worker
from minijobs.rescue import MOST_RESCUES, rescue_orphans


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
    assert redis.keys("inflight*") == []


def test_what_a_living_process_holds_stays_with_it_however_long(redis):
    fetcher = held_by_a_dead_process(redis, "slow")
    redis.set(fetcher.identity, "it lives")
    assert rescue_orphans(redis) == 0
    assert redis.llen(fetcher.inflight("default")) == 1
    assert redis.scard("inflight") == 1


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
    for _ in range(MOST_RESCUES - 1):
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
    for _ in range(MOST_RESCUES):
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


def test_what_is_held_but_in_flight_no_more_is_said_to_be_gone(redis):
    fetcher = held_by_a_dead_process(redis, "rescued", "there")
    there, rescued = (UnitOfWork("default", raw) for raw in redis.lrange(fetcher.inflight("default"), 0, -1))
    fetcher.give_back(rescued)
    assert fetcher.recover({1: rescued, 2: there}) == (0, {1})


def test_of_two_entries_that_are_alike_the_first_is_taken_to_be_the_one_that_is_there(redis):
    redis.lpush("queue:default", "twin", "twin")
    fetcher = Fetcher("default")
    twins = [fetcher.fetch(), fetcher.fetch()]
    fetcher.acknowledge(twins[0])
    assert fetcher.recover({2: twins[1], 1: twins[0]}) == (0, {1})


def test_an_answer_that_got_lost_leaves_a_job_that_is_found_again(redis):
    fetcher = held_by_a_dead_process(redis, "known", "unknown")
    unknown, known = redis.lrange(fetcher.inflight("default"), 0, -1)
    assert fetcher.recover({7: UnitOfWork("default", known)}) == (1, set())
    assert redis.lrange("queue:default", 0, -1) == [unknown]
    assert redis.lrange(fetcher.inflight("default"), 0, -1) == [known]


def test_who_leaves_is_forgotten_but_not_a_list_that_holds_something(redis):
    fetcher = held_by_a_dead_process(redis, "held")
    fetcher.leave()
    assert redis.scard("inflight") == 1
    unit = redis.lindex(fetcher.inflight("default"), 0)
    redis.lrem(fetcher.inflight("default"), 1, unit)
    fetcher.leave()
    assert redis.scard("inflight") == 0
