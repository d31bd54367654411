"""Commands that reach Redis after their sender gave up on them: nothing is lost, nothing is stuck, nothing is there twice.

"Stuck" is an entry in the list of a living process that no thread of it holds: nobody rescues it, and nobody runs it.

`MINIJOBS_CUTS=50 MINIJOBS_CHAOS_SEED=7 python -m pytest -s tests/minijobs/test_late_commands.py` cuts more often and throws
other dice; `MINIJOBS_PORT_DOWN=20` leaves the switch's port down for longer, `MINIJOBS_STOPS=50` stops more often.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_py
from network import Proxy, Switch, TcpServer
from processes import Process, eventually, numbers, runs

import minijobs
from minijobs import Client, Fetcher, Processor, Worker
from minijobs.connection import SOCKET_TIMEOUT

SEED = int(os.environ.get("MINIJOBS_CHAOS_SEED", 1))
CUTS = int(os.environ.get("MINIJOBS_CUTS", 12))
STOPS = int(os.environ.get("MINIJOBS_STOPS", 10))
PORT_DOWN = float(os.environ.get("MINIJOBS_PORT_DOWN", 8))

HEARTBEAT = 0.5
HEALTHY = 8 * HEARTBEAT  # seconds without any change after which what lies in a list is stuck there


@pytest.fixture
def server_on_tcp(tmp_path: Path) -> Iterator[Callable[..., TcpServer]]:
    """Starts a Redis server with these settings; it does not outlive the test."""
    started: list[TcpServer] = []

    def start(*settings: str, **where: str) -> TcpServer:
        started.append(TcpServer(tmp_path, *settings, **where))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def server(server_on_tcp: Callable[..., TcpServer]) -> TcpServer:
    return server_on_tcp()


@pytest.fixture
def proxy(server: TcpServer) -> Iterator[Proxy]:
    """Stands between the processes and the server."""
    proxy = Proxy(server.address)
    yield proxy
    proxy.close()


def jids(entries: list[bytes]) -> list[str]:
    return [json.loads(entry)["jid"] for entry in entries]


def held(redis: redis_py.Redis, pid: int | str = "") -> list[bytes]:
    """What lies in the in-flight lists, of one process or of all."""
    names = [name for name in redis.scan_iter("inflight:*", _type="list") if f":{pid}".encode() in name]
    return [entry for name in names for entry in entries_of(redis, name)]


def entries_of(redis: redis_py.Redis, name: bytes) -> list[bytes]:
    """What lies in a list; nothing if it was left and sealed since it was found."""
    try:
        return redis.lrange(name, 0, -1)
    except redis_py.ResponseError:
        assert redis.type(name) != b"list"
        return []


# How many jobs are left in all, at one moment: read one after the other, a job that moves could be seen nowhere.
LEFT = """
local left = redis.call('ZCARD', 'retry') + redis.call('ZCARD', 'schedule')
for _, name in ipairs(redis.call('KEYS', '*')) do
    local holds = string.sub(name, 1, 9) == 'inflight:' or string.sub(name, 1, 6) == 'queue:'
    if holds and redis.call('TYPE', name)['ok'] == 'list' then left = left + redis.call('LLEN', name) end
end
return left
"""


def waiting(redis: redis_py.Redis) -> list[bytes]:
    """What is to be run still, and in no process's hands."""
    queues = [entry for name in redis.scan_iter("queue:*", _type="list") for entry in redis.lrange(name, 0, -1)]
    return queues + redis.zrange("retry", 0, -1) + redis.zrange("schedule", 0, -1)


class Load:
    """Jobs with numbers, pushed past every proxy and switch; they end up in a file, past them as well."""

    def __init__(self, redis: redis_py.Redis, folder: Path) -> None:
        self.redis, self.folder, self.pushed = redis, folder, 0

    def push(self, many: int, name: str = "Count", *rest: object) -> None:
        rows = [[number, *rest] for number in range(self.pushed, self.pushed + many)]
        Client(self.redis).push_bulk({"class": name, "args": rows})
        self.pushed += many

    def mixed(self) -> None:
        self.push(60, "Count", 0.004)
        self.push(20, "FailsAtFirst")
        self.push(60, "Count", 0.002)

    def done(self) -> int:
        return len(numbers(self.folder))

    def missing(self) -> int:
        return self.pushed - len(set(numbers(self.folder)))

    def stuck(self) -> int:
        """How many entries still lie in in-flight lists when nothing changes any more, or 0 as soon as all is done."""
        before, since = None, time.monotonic()
        while self.missing() or self.redis.eval(LEFT, 0):
            now = (self.done(), sorted(held(self.redis)), len(waiting(self.redis)))
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > HEALTHY:
                return len(held(self.redis))
            time.sleep(0.02)
        return 0

    def lost(self) -> int:
        """How many were not run and are nowhere."""
        return max(0, self.missing() - len(held(self.redis)) - len(waiting(self.redis)))

    def twice(self) -> int:
        """How many ran to their end again without having been rescued in between."""
        return len(runs(self.folder)) - len(set(runs(self.folder)))


def report(record_property: Callable, **figures: object) -> None:
    figures = {"seed": SEED, **figures}
    print("late commands:", ", ".join(f"{name}: {figure}" for name, figure in figures.items()))
    for name, figure in figures.items():
        record_property(name, figure)


# Connections that are cut


class Storm:
    """A process of ten threads behind a proxy that cuts its connections, each time in another way."""

    def __init__(self, proxy: Proxy, load: Load, dice: random.Random) -> None:
        self.proxy, self.load, self.redis, self.dice = proxy, load, load.redis, dice

    def cut_amid_exchanges(self) -> list:
        """Give the process something to do, and cut when it has said so much that it asked for jobs."""
        self.load.mixed()
        began = self.load.done()
        eventually(lambda: self.load.done() > began + 5, pause=0.001)
        self.proxy.hold()
        # Where all has been run already, and what is kept is a connection's first words, nothing more is to come.
        wait_for(lambda: b"queue:default" in self.proxy.kept(), 2, pause=0.001)
        return self.proxy.cut()

    def late_when_it_is_back(self) -> None:
        late = self.cut_amid_exchanges()
        done = self.load.done()
        eventually(lambda: self.load.done() > done + 20, pause=0.001)
        self.load.mixed()
        for way in late:
            way.deliver()

    def late_at_any_time(self) -> None:
        late = self.cut_amid_exchanges()
        self.load.mixed()
        for way in self.dice.sample(late, len(late)):
            time.sleep(self.dice.uniform(0, 0.25))
            way.deliver()

    def late_after_another_cut(self) -> None:
        late = self.cut_amid_exchanges() + self.cut_amid_exchanges()
        self.load.mixed()
        for way in late:
            time.sleep(self.dice.uniform(0, 0.05))
            way.deliver()

    def never(self) -> None:
        self.cut_amid_exchanges()

    def while_a_move_waits_in_redis(self) -> None:
        """The client has gone, its blocking move is in Redis still: the next jobs are moved to nobody."""
        eventually(lambda: self.redis.info("clients")["blocked_clients"] > 0)
        self.proxy.cut()
        ends = time.monotonic() + 0.8
        eventually(lambda: self.redis.info("clients")["blocked_clients"] > 1 or time.monotonic() > ends)
        self.load.push(3)

    def cuts(self, many: int) -> Iterator[Callable[[], None]]:
        kinds = [self.late_when_it_is_back] * 4 + [self.late_at_any_time] * 3 + [self.while_a_move_waits_in_redis] * 3
        kinds += [self.late_after_another_cut, self.never]
        for number in range(many):
            if number % len(kinds) == 0:
                self.dice.shuffle(kinds)
            yield kinds[number % len(kinds)]


def test_commands_that_come_after_their_connection_was_cut_leave_no_job_stuck_and_none_twice(
    server: TcpServer, proxy: Proxy, start: Callable, tmp_path: Path, record_property: Callable
) -> None:
    # Given a process of ten threads, behind a proxy, and jobs of which some fail
    process = start("-c", "10", "--heartbeat", str(HEARTBEAT), "--log-level", "WARNING", url=proxy.url, poll=0.1)
    eventually(lambda: server.client.scard("processes"))
    load = Load(server.client, tmp_path)
    storm = Storm(proxy, load, random.Random(SEED))
    stuck = Counter()
    # When its connections are cut again and again, and what it had sent is done later
    for cut in storm.cuts(CUTS):
        cut()
        # Then, each time, every job has run within some heartbeats, and nothing lies in a list that nobody holds.
        stuck[cut.__name__] += bool(load.stuck())
    wait_for(lambda: not load.missing(), 60)  # a process may pause for seconds before it tries a Redis that was away again
    report(
        record_property,
        cuts=CUTS,
        jobs=load.pushed,
        cuts_that_left_something_stuck=stuck.total(),
        which=dict(+stuck),
        lost=load.lost(),
        not_run=load.missing(),
        run_twice=load.twice(),
    )
    assert stuck.total() == 0
    assert load.missing() == 0
    # A second copy in `retry` would have been run as well.
    assert load.twice() == 0
    process.signal("TERM")
    assert process.exit_code() == 0


def test_a_network_that_stands_still_for_longer_than_a_client_waits_leaves_no_job_stuck(
    server: TcpServer, proxy: Proxy, start: Callable, tmp_path: Path, record_property: Callable
) -> None:
    # Given two processes at work, each with a network of its own
    other = Proxy(server.address)
    try:
        for way in (proxy, other):
            start("-c", "5", "--heartbeat", str(HEARTBEAT), "--log-level", "WARNING", url=way.url, poll=0.1)
        eventually(lambda: server.client.scard("processes") == 2)
        load = Load(server.client, tmp_path)
        load.push(100, "FailsAtFirst")
        load.push(600, "Count", 0.01)
        eventually(lambda: load.done() > 50)
        # When one keeps what is sent, and one drops it, for longer than a client waits
        proxy.hold()
        other.swallow()
        eventually(lambda: b"queue:default" in proxy.kept())
        time.sleep(SOCKET_TIMEOUT + 1)
        proxy.release()
        other.release()
        # Then nothing is stuck or lost.
        report(record_property, stuck=load.stuck(), lost=load.lost(), not_run=load.missing(), run_twice=load.twice())
        assert (held(server.client), load.missing(), load.twice()) == ([], 0, 0)
    finally:
        other.close()


# A real network


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch()
    try:
        switch.make()
        yield switch
    finally:
        switch.close()


def test_a_switch_port_that_goes_down_and_comes_back_leaves_no_job_stuck(
    switch: Switch, server_on_tcp: Callable, start: Callable, tmp_path: Path, record_property: Callable
) -> None:
    # Given Redis on one host, three processes on another, and more and more to do
    with switch.inside("left"):
        redis = server_on_tcp(host=switch.left)
    with switch.inside("right"):
        words = ("-c", "4", "--heartbeat", str(HEARTBEAT), "--log-level", "WARNING")
        processes = [start(*words, url=redis.url, poll=0.1) for _ in range(3)]
    eventually(lambda: redis.client.scard("processes") == len(processes))
    load = Load(redis.client, tmp_path)
    # The jobs are slow enough for a process to be between two conversations when it happens. So what it says next is not
    # acknowledged by the other host, and the kernel says it again for as long as it takes.
    load.push(400, "Count", 0.03)
    eventually(lambda: load.done() > 30)
    # When the switch's port to Redis goes down for longer than a client waits, and comes back
    switch.port("left", "down")
    time.sleep(PORT_DOWN)
    switch.port("left", "up")
    # and there is something to move while the kernel still sends what its client has given up on
    ends = time.monotonic() + PORT_DOWN
    while time.monotonic() < ends:
        if redis.client.llen("queue:default") < 40:
            load.push(60, "Count", 0.03)
            load.push(10, "FailsAtFirst")
        time.sleep(0.02)
    # Then nothing is stuck or lost, and nothing has run twice.
    stuck = load.stuck()
    report(
        record_property,
        jobs=load.pushed,
        noticed=sum("waiting for Redis" in process.said() for process in processes),
        stuck=stuck,
        lost=load.lost(),
        not_run=load.missing(),
        run_twice=load.twice(),
    )
    assert all("waiting for Redis" in process.said() for process in processes)
    assert stuck == 0
    assert (held(redis.client), load.missing(), load.twice()) == ([], 0, 0)


# A process that stands still


def test_a_process_that_is_stopped_while_jobs_fail_and_is_rescued_does_not_leave_a_failure_in_two_places(
    server: TcpServer, start: Callable, tmp_path: Path, record_property: Callable
) -> None:
    # Given two processes whose heartbeats last for a second
    redis, dice = server.client, random.Random(SEED)
    load = Load(redis, tmp_path)
    words = ("-c", "5", "--heartbeat", "0.25", "--log-level", "WARNING")
    frozen, other = [start(*words, url=server.url, poll=0.05) for _ in range(2)]
    eventually(lambda: redis.scard("processes") == 2)
    time.sleep(1.2)  # from now on they would rescue
    name = next(name for name in redis.smembers("processes") if f":{frozen.pid}:".encode() in name)
    held_when_stopped = 0
    for _ in range(STOPS):
        # When one of them is stopped while jobs fail
        before = redis.zcard("retry")
        load.push(2_000, "FailsForLong")
        eventually(lambda before=before: redis.zcard("retry") > before + 100, pause=0.001)
        time.sleep(dice.uniform(0, 0.05))
        frozen.signal("STOP")
        held_when_stopped += len(held(redis, frozen.pid))
        # until the other one has taken it for dead, has rescued what it held, and has seen all of it fail,
        eventually(lambda: not (redis.exists(name) or held(redis, frozen.pid) or redis.llen("queue:default")))
        # and goes on
        frozen.signal("CONT")
        eventually(lambda: redis.exists(name))
    # Then nothing waits or is held,
    eventually(lambda: redis.zcard("retry") >= load.pushed and not redis.llen("queue:default") and not held(redis))
    # and each job that failed is in one place.
    copies = Counter(jids(redis.zrange("retry", 0, -1) + redis.zrange("dead", 0, -1)))
    rescued = other.said().count("rescued from a dead process")
    twice = sum(many > 1 for many in copies.values())
    report(
        record_property,
        stops=STOPS,
        jobs=load.pushed,
        held_when_stopped=held_when_stopped,
        rescued=rescued,
        lost=load.pushed - len(copies),
        in_two_places=twice,
    )
    assert rescued > 0
    assert len(copies) == load.pushed
    assert twice == 0


# A Redis that says no


def test_a_redis_that_is_full_can_be_drained_job_by_job_too(server_on_tcp: Callable) -> None:
    redis = server_on_tcp("--maxmemory-policy", "noeviction").client
    minijobs.connect(redis)
    ran = []

    class Drained(Worker):
        def perform(self, number: int) -> None:
            ran.append(number)

    # Given jobs in two queues, and a Redis that is full
    Drained.perform_async(1)
    Drained.set(queue="other").perform_async(2)
    redis.config_set("maxmemory", 1)
    with pytest.raises(redis_py.exceptions.OutOfMemoryError):
        redis.set("no", "more")
    # When they are run one by one
    processor = Processor(Fetcher("default", "other"))
    while processor.process_one():
        pass
    # Then all have run, and nothing of the process is left
    assert ran == [1, 2]
    assert not redis.exists(processor.fetcher.identity)
    assert not redis.keys("inflight:*")


def test_a_redis_that_is_full_has_its_queue_drained_and_keeps_every_failure(
    server_on_tcp: Callable, start: Callable, tmp_path: Path
) -> None:
    # Given a process at work, and a Redis that drops nothing
    redis = server_on_tcp("--maxmemory-policy", "noeviction").client
    server_url = f"redis://127.0.0.1:{redis.config_get('port')['port']}"
    load = Load(redis, tmp_path)
    process = start("-c", "5", "--heartbeat", "0.25", url=server_url, poll=0.1)
    name = eventually(lambda: redis.srandmember("processes"))
    load.push(50, "Count", 0.01)
    load.push(3, "FailsForLong")  # fewer than there are threads
    load.push(250, "Count", 0.01)
    eventually(load.done)
    # When it is full
    redis.config_set("maxmemory", 1)
    with pytest.raises(redis_py.exceptions.OutOfMemoryError):
        redis.set("no", "more")
    # Then the queue is drained nevertheless,
    began = time.monotonic()
    drained = wait_for(lambda: load.done() == 300 and not redis.llen("queue:default"), 10)
    print(
        f"a full Redis: {load.done()} of 300 run after {time.monotonic() - began:.1f} sec, {process.said().count('OOM')} OOM"
    )
    assert drained, process.said()[-2000:]
    # no failure is lost or there twice,
    places = jids(held(redis) + waiting(redis))
    assert len(set(places)) == len(places) == 3
    # and the process is not taken for dead: this is longer than its heartbeat lasts.
    time.sleep(1.5)
    assert redis.exists(name)
    # When there is room again
    redis.config_set("maxmemory", 0)
    # Then the failures wait for their next try,
    eventually(lambda: redis.zcard("retry") == 3 and not held(redis))
    # and nothing was run twice.
    assert sorted(numbers(tmp_path)) == [*range(50), *range(53, 303)]
    load.push(1)
    eventually(lambda: 303 in numbers(tmp_path))
    process.signal("TERM")
    assert process.exit_code() == 0


def test_a_failover_behind_one_address_is_followed(
    server: TcpServer, server_on_tcp: Callable, proxy: Proxy, start: Callable, tmp_path: Path
) -> None:
    # Given a server and its replica, and a process that runs slow jobs and failing ones
    old, new = server, server_on_tcp()
    new.client.replicaof(*old.address)
    eventually(lambda: new.client.info("replication").get("master_link_status") == "up")
    process: Process = start("-c", "6", "--heartbeat", "0.25", url=proxy.url, poll=0.1)
    load = Load(old.client, tmp_path)
    load.push(3, "Count", 1)
    eventually(lambda: len(held(new.client)) == 3)
    # When the replica becomes the master, the master its replica, and the address leads to the new one
    new.client.replicaof("NO", "ONE")
    proxy.target = new.address
    old.client.replicaof(*new.address)
    # Then the process goes on there,
    load.redis = new.client
    load.push(10, "FailsAtFirst")
    load.push(50)
    gone_on = wait_for(lambda: not (load.missing() or new.client.eval(LEFT, 0)), 10)
    print(f"failover: {load.pushed - load.missing()} of {load.pushed} run, {process.said().count('READONLY')} READONLY")
    assert gone_on, process.said()[-2000:]
    # and every job was run once.
    assert sorted(numbers(tmp_path)) == list(range(63))
    process.signal("TERM")
    assert process.exit_code() == 0


def wait_for(condition: Callable[[], object], seconds: float, pause: float = 0.02) -> bool:
    """Whether it came within so many seconds."""
    ends = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(pause)
    return True
