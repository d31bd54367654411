"""What the tests of the library share: where a job is, and what a Redis server was told."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_py
from hypothesis import HealthCheck, settings
from processes import GREETINGS, OwnServer, Process

from minijobs import Fetcher, Processor, connection
from minijobs.monitor import read

# The same examples in every run, and none is too slow: a test that fails now and then, or on a busy machine, teaches nobody.
settings.register_profile(
    "minijobs",
    max_examples=30,
    derandomize=True,
    deadline=None,
    database=None,
    # Hypothesis takes constants from the library's code, so each change to it makes other examples. These checks are about
    # how examples are made, too slowly or too large, and not about the library: they failed in one change of many.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.register_profile("few", settings.get_profile("minijobs"), max_examples=10)  # for `make test-pythons`
settings.load_profile("minijobs")

Commands = list[list[str]]


@pytest.fixture
def processor(redis: redis_py.Redis) -> Processor:
    """Runs the jobs of the queue `default`, on either Redis."""
    return Processor(Fetcher("default", redis=redis))


@pytest.fixture
def places(redis: redis_py.Redis) -> Callable[[str], list[str]]:
    """Invariant 1's question: in which places is this job? A place is named once for every time that the job is in it."""
    return lambda jid: places_in(redis, jid)


@pytest.fixture
def real(real_redis_url: str) -> Iterator[redis_py.Redis]:
    """The real server alone, for what an embedded Redis cannot show: a crash, a stall, MONITOR."""
    client = connection.connect(real_redis_url)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def real_places(real: redis_py.Redis) -> Callable[[str], list[str]]:
    """As `places`, on the real server alone."""
    return lambda jid: places_in(real, jid)


@pytest.fixture
def told(real: redis_py.Redis) -> Callable[[Callable[[], object]], Commands]:
    """The commands that the server was told during a step, as MONITOR shows them."""

    def during(step: Callable[[], object]) -> Commands:
        commands: Commands = []
        with real.monitor() as monitor:
            step()
            real.echo("that was all")
            while (command := list(read(monitor.connection.read_response()).words)) != ["ECHO", "that was all"]:
                commands.append([command[0].upper(), *command[1:]])
        return [command for command in commands if command[0] not in GREETINGS]

    return during


@pytest.fixture
def start(tmp_path: Path, real_redis_url: str) -> Iterator[Callable[..., Process]]:
    """Starts `minijobs worker` with these words, on the real server unless told; it does not outlive the test."""
    started = []

    def start(*words: str, url: str = real_redis_url, **settings: object) -> Process:
        started.append(Process(tmp_path, url, *words, **settings))
        return started[-1]

    yield start
    for process in started:
        process.popen.kill()
        process.popen.wait()


@pytest.fixture
def own_server() -> Iterator[OwnServer]:
    """A Redis server of the test's own, started: see there."""
    with tempfile.TemporaryDirectory(prefix="minijobs-") as folder:  # its path is short, as a socket's must be
        server = OwnServer(Path(folder))
        server.start()
        yield server
        server.popen.send_signal(signal.SIGCONT)
        server.crash()


@pytest.fixture(scope="session")
def recorded() -> Commands:
    """What Ruby's Sidekiq 7.3.10 told its Redis while it ran seven jobs, recorded with MONITOR."""
    lines = (Path(__file__).parent / "sidekiq-7.3.10-monitor.txt").read_bytes().splitlines()
    return [[command[0].upper(), *command[1:]] for command in (read(line).words for line in lines)]


def places_in(redis: redis_py.Redis, jid: str) -> list[str]:
    places = []
    for key in sorted(key.decode() for key in redis.scan_iter()):
        if key.startswith(("queue:", "inflight:")):
            entries = redis.lrange(key, 0, -1) if redis.type(key) == b"list" else []  # a list that was left is sealed
        elif key in ("schedule", "retry", "dead"):
            entries = redis.zrange(key, 0, -1)
        else:
            continue
        name = "in flight" if key.startswith("inflight:") else key
        places += [name] * sum(jid.encode() in entry for entry in entries)
    return places
