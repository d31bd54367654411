"""A process that is killed between any two of its commands to Redis, one after the other: each job is in exactly one place.

`test_chaos` kills real processes by chance. Here the steps of one process are taken in this one, and its connection ends at
the first command, the second, the third …, also amid a pipeline.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from typing import ClassVar

import pytest
import redis as redis_py

from minijobs import Client, Fetcher, Heartbeat, Processor, Worker, poll, rescue_orphans, worker


class Killed(BaseException):
    """Nothing that the process does after this reaches Redis."""


class StepNote(Worker):
    ran: ClassVar[Counter] = Counter()

    def perform(self, name):
        StepNote.ran[name] += 1


class StepFail(Worker):
    def perform(self, name):
        StepNote.ran[name] += 1
        raise RuntimeError("boom")


CAN_BE_DONE = {"an orphan", "plain", "is given back", "scheduled"}


@pytest.fixture(autouse=True)
def _fresh():
    worker.registry.update({kind.__name__: kind for kind in (StepNote, StepFail)})
    StepNote.ran = Counter()


def mortal(url: str, dies_at: int) -> redis_py.Redis:
    """A client whose connection ends instead of its so-many-th command."""
    left = dies_at

    class Mortal(redis_py.UnixDomainSocketConnection):
        def pack_commands(self, commands):
            nonlocal left
            commands = list(commands)
            if len(commands) >= left > 0:
                self.send_packed_command(super().pack_commands(commands[: left - 1]))
            self.send(len(commands))
            return super().pack_commands(commands)

        def send_command(self, *command, **options):
            self.send(command[0] not in ("HELLO", "CLIENT"))  # which redis-py says by itself when it connects
            return super().send_command(*command, **options)

        def send(self, commands):
            nonlocal left
            left = max(0, left - commands)
            if left == 0:  # from now on for ever
                self.disconnect()
                raise Killed

    pool = redis_py.ConnectionPool(connection_class=Mortal, path=url.removeprefix("unix://"), socket_timeout=5)
    return redis_py.Redis.from_pool(pool)


def given(redis) -> dict[str, str]:
    """A job in each place, for each way that it may go: their jids by their names."""
    redis.flushdb()
    StepNote.ran.clear()
    client = Client(redis)
    jids = {}
    for kind, name, more in (
        ("StepNote", "an orphan", {}),
        ("StepFail", "a poison pill", {"rescued": 2}),
        ("StepNote", "plain", {}),
        ("StepFail", "fails", {}),
        ("StepFail", "fails for the last time", {"retry": 0}),
        ("StepNote", "is given back", {}),
        ("StepNote", "scheduled", {"at": time.time() + 60}),
        ("StepFail", "no job when it is due", {"at": time.time() + 60, "jid": "no job when it is due"}),
    ):
        jids[name] = client.push({"class": kind, "args": [name], **more})
        if name in ("an orphan", "a poison pill"):
            assert Fetcher("default", redis=redis, identity="host:1:dead").fetch()
    (broken,) = (raw for raw in redis.zrange("schedule", 0, -1) if b"no job" in raw)
    redis.zrem("schedule", broken)
    redis.zadd("schedule", {json.dumps({"jid": "no job when it is due"}): time.time() + 60})
    return jids


def a_life(redis) -> None:
    """Every step that a process takes, once or more."""
    fetcher = Fetcher("default", redis=redis)
    processor = Processor(fetcher)
    heart = Heartbeat(processor)
    heart.beat()
    rescue_orphans(redis)
    poll(redis, now=time.time() + 100)
    units, _ = fetcher.settle_and_fetch([], 3)
    settled = [(unit, processor.run(unit).to) for unit in units]
    units, _ = fetcher.settle_and_fetch(settled, 1)
    fetcher.requeue(units[0])
    processor.process_one()
    fetcher.blocking_fetch(0.01)
    fetcher.lists_match([])
    fetcher.reconcile([])
    processor.process_one()
    processor.process_one()
    heart.stop()
    fetcher.leave()


def test_a_process_killed_between_any_two_commands_leaves_each_job_in_one_place(real, real_redis_url, real_places):
    for dies_at in itertools.count(1):
        # Given jobs in all places
        jids = given(real)
        # When a process that takes all its steps is killed before its so-many-th command
        died = False
        with mortal(real_redis_url, dies_at) as redis:
            try:
                a_life(redis)
            except Killed:
                died = True
        real.ping()
        real.ping()  # what it had sent is done by now, too
        # Then each job is in one place, a failed one too; or it was run to its end,
        for name, jid in jids.items():
            places = real_places(jid)
            done = StepNote.ran[name] and name in CAN_BE_DONE
            assert len(places) == 1 or (done and not places), f"{name} is in {places}, died at {dies_at}"
        # and another process finds all that is in flight, and runs it.
        real.delete(*(name.partition(b"|")[0] for name in real.smembers("inflight")), "host:1:dead")
        rescue_orphans(real)
        processor = Processor(Fetcher("default", redis=real))
        poll(real, now=time.time() + 100)
        while processor.process_one():
            pass
        assert {real.type(name) for name in real.keys("inflight:*")} <= {b"string"}  # sealed
        assert real.exists("queue:default", "schedule") == 0
        assert set(StepNote.ran) == set(jids) - {"a poison pill", "no job when it is due"}, f"died at {dies_at}"
        if not died:
            break
    assert dies_at > 50
