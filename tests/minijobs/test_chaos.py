"""Crashes, outages and stalls of real processes and of a real server: nothing is lost, and what runs twice is counted.

`MINIJOBS_CHAOS_SEED=7 python -m pytest -s tests/minijobs/test_chaos.py` throws other dice, and prints the figures.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_py
from processes import OwnServer, Process, eventually, numbers, runs

from minijobs import Client, connection
from minijobs.connection import SOCKET_TIMEOUT

# What all of this test's own connections are called: the one that it looks with, and the one that its pushes keep. Who
# pushes on a connection that was cut this very moment learns that it may or may not have been done, and must not be cut.
OURS = "test"

SEED = int(os.environ.get("MINIJOBS_CHAOS_SEED", 1))


@pytest.fixture
def redis(own_server: OwnServer) -> Iterator[redis_py.Redis]:
    client = connection.connect(f"{own_server.url}?client_name={OURS}")
    yield client
    client.close()


@pytest.fixture
def here(own_server: OwnServer, start: Callable) -> Callable[..., Process]:
    """Starts `minijobs worker` on the server of the test's own."""
    return lambda *words, **settings: start(*words, url=own_server.url, **settings)


def push(name: str, *args: object) -> str:
    return str(Client().push({"class": name, "args": list(args)}))


def holding_something(redis: redis_py.Redis) -> list[bytes]:
    """All the places where a job can be, as far as they are not empty."""
    places = (b"retry", b"schedule", b"dead")
    found = [key for key in redis.scan_iter() if key in places or key.startswith((b"queue:", b"inflight:"))]
    return [key for key in found if redis.type(key) != b"string"]  # as a sealed list is


def cut(redis: redis_py.Redis) -> None:
    """Every connection but ours ends, here and now."""
    for other in others(redis):
        redis.client_kill_filter(_id=other)


def others(redis: redis_py.Redis) -> list[str]:
    """The ids of everybody's connections but ours."""
    return [client["id"] for client in redis.client_list() if client["name"] != OURS]


# Everything at once

THREADS, PROCESSES, HEARTBEAT = 4, 4, 0.75


class Chaos:
    """Four processes. Whichever dies is counted, and replaced."""

    def __init__(self, server: OwnServer, redis: redis_py.Redis, here: Callable, folder: Path) -> None:
        self.server, self.redis, self.here, self.folder = server, redis, here, folder
        self.dice = random.Random(SEED)
        self.processes: list[Process] = []
        self.doomed: list[Process] = []  # those that will kill themselves
        self.told: list[Process] = []  # those that got TERM
        self.orphans: dict[str, float] = {}  # in-flight lists of the dead, and since when
        self.rescued: list[float] = []  # how many seconds each of them waited for its rescue
        self.jobs = self.deaths = self.in_flight = 0

    def start(self, die_at: int | None = None) -> None:
        words = ("-c", str(THREADS), "--heartbeat", str(HEARTBEAT), "--log-level", "WARNING")
        settings = {"poll": 0.2} if die_at is None else {"poll": 0.2, "die_at": die_at}
        self.processes.append(self.here(*words, **settings))
        if die_at is not None:
            self.doomed.append(self.processes[-1])

    def push(self) -> None:
        """A round of jobs of all kinds. Numbers tell them apart."""
        for kind, rest, many, within in (
            ("Count", [], 200, 0),
            ("Count", [0.01], 140, 0),
            ("FailsAtFirst", [], 40, 0),
            ("Forks", [], 10, 0),
            ("Count", [], 20, 1),
            ("Count", [], 20, 5),
        ):
            later = {"at": time.time() + self.dice.uniform(0.2, within)} if within else {}
            rows = [[number, *rest] for number in range(self.jobs, self.jobs + many)]
            Client(self.redis).push_bulk({"class": kind, "args": rows, **later})
            self.jobs += many

    def look(self) -> None:
        """Count what the dead have left, as long as nobody has rescued it: their heartbeats last for three seconds more."""
        for process in [process for process in self.processes if process.ended()]:
            self.processes.remove(process)
            if process in self.told and process.popen.returncode in (0, 143, -signal.SIGTERM):  # while it started
                continue
            assert process.popen.returncode == -signal.SIGKILL, process.said()
            self.deaths += 1
            self.orphans |= dict.fromkeys(self.count_in_flight(process), time.monotonic())
        for name in list(self.orphans):
            if self.redis.type(f"inflight:{name}") != b"list":
                self.rescued.append(time.monotonic() - self.orphans.pop(name))

    def count_in_flight(self, process: Process) -> list[str]:
        """What it holds now may be run twice. Returns the names of its lists."""
        names = [name.decode() for name in self.redis.smembers("inflight") if b":%d:" % process.pid in name]
        held = {name: self.redis.llen(f"inflight:{name}") for name in names}
        self.in_flight += sum(held.values())
        return [name for name, many in held.items() if many]

    def until(self, condition: Callable[[], object]) -> None:
        """Wait, and meanwhile replace whoever dies."""

        def looked() -> object:
            self.look()
            while len(self.processes) < PROCESSES:
                self.start()
            return condition()

        eventually(looked)

    def pause(self, most: float) -> None:
        ends = time.monotonic() + self.dice.uniform(0, most)
        self.until(lambda: time.monotonic() > ends)

    # What happens to them.

    def kill(self) -> None:
        self.dice.choice(self.processes).signal("KILL")

    def one_that_kills_itself(self) -> None:
        """Between two commands; early ones, in its first moments, as likely as late ones."""
        self.kill()
        self.until(lambda: len(self.processes) == PROCESSES)
        self.start(die_at=round(10 ** self.dice.uniform(0.5, 2.8)))

    def two_signals(self) -> None:
        """Within less than a millisecond."""
        self.told.append(self.dice.choice(self.processes))
        self.told[-1].signal("TERM")
        self.told[-1].signal("TERM")

    def freeze(self) -> None:
        """A process stands still for so long that the others take it for dead, and then goes on."""
        process = self.dice.choice(self.processes)
        process.signal("STOP")
        self.count_in_flight(process)
        ends = time.monotonic() + 5 * HEARTBEAT
        self.until(lambda: time.monotonic() > ends)
        process.signal("CONT")

    def fill(self) -> None:
        """For a while Redis has no room for anything new."""
        self.redis.config_set("maxmemory", 1)
        ends = time.monotonic() + 1
        self.until(lambda: time.monotonic() > ends)
        self.redis.config_set("maxmemory", 0)

    def restart(self) -> None:
        self.server.crash()
        self.server.start()

    def short_stall(self) -> None:
        self.server.stall(2)

    def long_stall(self) -> None:
        self.server.stall(SOCKET_TIMEOUT + 1.5)

    def cut_all(self) -> None:
        cut(self.redis)

    def cut_some(self) -> None:
        connections = others(self.redis)
        for other in self.dice.sample(connections, len(connections) // 2):
            self.redis.client_kill_filter(_id=other)


def test_chaos_loses_no_job_and_runs_twice_only_what_a_killed_process_held(
    own_server: OwnServer, redis: redis_py.Redis, here: Callable, tmp_path: Path, record_property: Callable
) -> None:
    print(f"chaos: MINIJOBS_CHAOS_SEED={SEED}")
    began = time.monotonic()
    # Given four processes
    chaos = Chaos(own_server, redis, here, tmp_path)
    chaos.until(lambda: redis.scard("processes") == PROCESSES)
    # When all kinds of things happen to them and to Redis while they have much to do
    happenings = [chaos.kill] * 4 + [chaos.one_that_kills_itself] * 8 + [chaos.cut_all] * 2 + [chaos.cut_some] * 3
    happenings += [chaos.restart, chaos.short_stall, chaos.long_stall]
    happenings += [chaos.two_signals] * 2 + [chaos.freeze] * 2 + [chaos.fill]
    chaos.dice.shuffle(happenings)
    for number, happening in enumerate(happenings):
        if number % 3 < 2:
            chaos.push()
        chaos.pause(0.15)
        happening()
        chaos.pause(0.4)
    for process in chaos.doomed:  # the end comes for those who have not sent their last command yet
        process.signal("KILL")
    # Then every job is done,
    chaos.until(lambda: set(numbers(tmp_path)) == set(range(chaos.jobs)))
    # it is nowhere any more,
    chaos.until(lambda: not holding_something(redis) and not chaos.orphans)
    # nobody remembers the dead,
    chaos.until(lambda: redis.scard("processes") == PROCESSES)
    alive = sorted(redis.smembers("processes"))
    chaos.until(lambda: sorted(name.partition(b"|")[0] for name in redis.smembers("inflight")) == alive)
    # and what was run twice is what a killed process had run without having been able to say so. A restart of Redis, a
    # stall and a cut connection add nothing: what was settled is settled again, and what was moved to nobody is given back.
    done = runs(tmp_path)
    twice = len(done) - chaos.jobs
    figures = {
        "jobs": chaos.jobs,
        "deaths": chaos.deaths,
        "lost": chaos.jobs - len(set(numbers(tmp_path))),
        "in flight at a death": chaos.in_flight,
        "run twice": twice,
        "slowest rescue": f"{max(chaos.rescued, default=0):.1f} sec",
        "all in all": f"{time.monotonic() - began:.1f} sec",
    }
    print("chaos:", ", ".join(f"{name}: {figure}" for name, figure in figures.items()))
    for name, figure in figures.items():
        record_property(name, figure)
    assert chaos.jobs >= 5_000
    assert len(done) == len(set(done)), "a job was run twice without having been rescued in between"
    assert twice <= chaos.in_flight
    for process in chaos.processes:
        process.signal("TERM")
    assert [process.exit_code() for process in chaos.processes] == [0] * PROCESSES
    assert redis.smembers("inflight") == set()


# One thing at a time


def test_a_redis_that_restarts_costs_no_job(own_server, redis, here, tmp_path):
    process = here("-c", "2", "--heartbeat", "0.3")
    for number in range(50):
        push("Count", number)
    eventually(lambda: len(numbers(tmp_path)) > 5)
    own_server.crash()
    eventually(lambda: "waiting for Redis" in process.said())
    own_server.start()
    eventually(lambda: "Redis is back" in process.said())
    for number in range(50, 100):
        push("Count", number)
    eventually(lambda: set(numbers(tmp_path)) == set(range(100)))
    eventually(lambda: not holding_something(redis))
    process.signal("TERM")
    assert process.exit_code() == 0


def test_a_redis_that_answers_nobody_for_longer_than_a_client_waits_costs_nothing(own_server, redis, here, tmp_path):
    # Given two processes, one busy with slow jobs and one with quick ones, and hearts that beat as they do by default
    processes = [here("-c", "3", poll=0.5) for _ in range(2)]
    eventually(lambda: redis.scard("processes") == 2)
    rows = [[number, 1.0] for number in range(12)] + [[number, 0.01] for number in range(12, 200)]
    Client().push_bulk({"class": "Count", "args": rows})
    Client().push_bulk({"class": "FailsAtFirst", "args": [[number] for number in range(200, 210)]})
    eventually(lambda: len(numbers(tmp_path)) > 2)
    # When Redis stands still for longer than their patience
    own_server.stall(SOCKET_TIMEOUT + 1.5)
    # Then each says so once, and once that it is over,
    eventually(lambda: all("Redis is back" in process.said() for process in processes))
    for number in range(1000, 1010):
        push("Count", number)
    everything = [*range(210), *range(1000, 1010)]
    eventually(lambda: set(numbers(tmp_path)) >= set(everything))
    eventually(lambda: not holding_something(redis))
    for process in processes:
        assert (process.said().count("waiting for Redis"), process.said().count("Redis is back")) == (1, 1)
        assert "rescued" not in process.said()
    # and nothing is lost or run twice.
    assert sorted(numbers(tmp_path)) == everything


def test_a_stall_that_outlasts_every_heartbeat_makes_nobody_rescue_the_living(own_server, redis, here):
    # Given two processes that look after each other all the time, and whose heartbeats last for a second
    processes = [here("-c", "2", "--heartbeat", "0.25", poll=0.02) for _ in range(2)]
    eventually(lambda: redis.scard("processes") == 2)
    time.sleep(1.5)  # they are steady: from now on they would rescue
    jids = [push("Slow", 9).encode() for _ in range(4)]
    eventually(lambda: redis.llen("test:began") == 4)
    # When Redis stands still for longer than that, but no client gives up
    for _ in range(3):
        own_server.stall(1.6)
        time.sleep(1.0)
    # Then nobody is taken for dead, and each job runs once.
    eventually(lambda: redis.llen("test:ended") == 4)
    eventually(lambda: not holding_something(redis))
    assert sorted(redis.lrange("test:ended", 0, -1)) == sorted(jids)
    assert redis.llen("test:began") == 4
    for process in processes:
        assert "rescued" not in process.said()
        assert "waiting for Redis" not in process.said()


def test_connections_that_are_cut_while_it_is_idle_cost_nothing(redis, here, tmp_path):
    process = here("-c", "2", "--heartbeat", "0.3", poll=0.1)
    eventually(lambda: redis.scard("processes"))
    for number in range(10):
        cut(redis)
        push("Count", number)
        eventually(lambda number=number: number in numbers(tmp_path))
    eventually(lambda: not holding_something(redis))
    assert numbers(tmp_path) == list(range(10))
    process.signal("TERM")
    assert process.exit_code() == 0


def test_connections_that_are_cut_while_it_is_busy_cost_nothing(redis, here, tmp_path):
    process = here("-c", "4", "--heartbeat", "0.3", "--log-level", "WARNING", poll=0.1)
    Client().push_bulk({"class": "Count", "args": [[number, 0.002] for number in range(2_000)]})
    for reached in range(0, 1_500, 50):
        eventually(lambda reached=reached: len(numbers(tmp_path)) > reached, pause=0.001)
        cut(redis)
    eventually(lambda: len(set(numbers(tmp_path))) == 2_000)
    eventually(lambda: not holding_something(redis))
    assert sorted(numbers(tmp_path)) == list(range(2_000))
    process.signal("TERM")
    assert process.exit_code() == 0


def test_a_process_that_starts_before_its_redis_waits_for_it(own_server, redis, here, tmp_path):
    own_server.crash()
    process = here("--heartbeat", "0.3")
    eventually(lambda: "waiting for Redis: No Redis at" in process.said())
    own_server.start()
    push("Count", 1)
    eventually(lambda: numbers(tmp_path) == [1])
    assert (process.said().count("waiting for Redis"), process.said().count("Redis is back")) == (1, 1)


def test_a_process_that_was_frozen_until_it_was_taken_for_dead_is_known_again(redis, here, tmp_path):
    # Given a process that stands still for so long that another one forgets it
    frozen = here("-c", "1", "--heartbeat", "0.25")
    owner = eventually(lambda: redis.srandmember("inflight")).partition(b"|")[0]

    def lists():
        return [name for name in redis.smembers("inflight") if name.startswith(owner)]

    frozen.signal("STOP")
    other = here("-c", "1", "--heartbeat", "0.25", poll=0.1)
    eventually(lambda: not lists())
    other.signal("TERM")
    assert other.exit_code() == 0
    # When it goes on, takes a job, and is killed
    frozen.signal("CONT")
    jid = push("Slow", 60)
    eventually(lambda: redis.llen("test:began"))
    # Then that job is in a list which is known, so that others will find it.
    assert [redis.llen(b"inflight:" + name) for name in lists()] == [1]
    frozen.signal("KILL")
    frozen.exit_code()
    assert len(lists()) == 1
    here("-c", "1", "--heartbeat", "0.25", poll=0.1)
    eventually(lambda: [line.split()[1].decode() for line in redis.lrange("test:began", 0, -1)] == [jid, jid])


def test_a_failure_that_others_have_rescued_meanwhile_is_not_tried_twice(redis, here, tmp_path):
    # Given a process that stands still while it runs a job that will fail, until another one has rescued the job and done it
    frozen = here("-c", "1", "--heartbeat", "0.25")
    jid = push("FailsLate", 1, str(tmp_path / "let it fail"))
    eventually(lambda: redis.llen("test:began"))
    frozen.signal("STOP")
    here("-c", "1", "--heartbeat", "0.25", poll=0.1)
    eventually(lambda: numbers(tmp_path) == [1])
    # When it goes on, and the job fails there
    frozen.signal("CONT")
    (tmp_path / "let it fail").touch()
    eventually(lambda: f"{jid} INFO: fail" in frozen.said())
    push("Count", 2)
    push("Count", 3)
    eventually(lambda: set(numbers(tmp_path)) >= {2, 3})
    # Then it is no failure of the job, which is done.
    frozen.signal("TERM")
    assert frozen.exit_code() == 0
    assert redis.zcard("retry") == 0
    assert sorted(numbers(tmp_path)) == [1, 2, 3]
