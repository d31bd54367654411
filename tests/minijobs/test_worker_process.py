"""`minijobs worker` as a real process on a real server: signals, crashes, outages."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_py

from minijobs import Client, DeadSet, Queue, RetrySet, connection

SOON = 30  # seconds that something may take on a busy machine before a test gives up

WORKERS = """
import os, time
from minijobs import Worker, connection

class Slow(Worker):
    '''Says where it runs, then takes so many seconds.'''
    def perform(self, seconds):
        redis = connection.current()
        redis.rpush("test:began", f"{os.getpid()} {self.jid}")
        time.sleep(seconds)
        redis.rpush("test:ended", self.jid)

class Count(Worker):
    '''Notes each run in a file: that must not depend on the Redis which comes and goes.'''
    def perform(self, number):
        with open(os.environ["TEST_RUNS"], "a") as runs:
            runs.write(f"{number}\\n")
"""


class Process:
    """`minijobs worker`, started."""

    def __init__(self, folder: Path, url: str, *words: str) -> None:
        file = folder / "workers.py"
        file.write_text(WORKERS)
        self.log = folder / f"log-{time.monotonic_ns()}"
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "minijobs", "worker", "-r", str(file), *words]
            environment = {**os.environ, "REDIS_URL": url, "TEST_RUNS": str(folder / "runs")}
            self.popen = subprocess.Popen(command, env=environment, stderr=log, stdout=log)
        self.pid = self.popen.pid

    def signal(self, name: str) -> None:
        self.popen.send_signal(getattr(signal, f"SIG{name}"))

    def exit_code(self) -> int:
        return self.popen.wait(SOON)

    def said(self) -> str:
        return self.log.read_text()


@pytest.fixture
def start(tmp_path: Path, real_redis_url: str) -> Iterator:
    started = []

    def start(*words: str, url: str = real_redis_url) -> Process:
        started.append(Process(tmp_path, url, *words))
        return started[-1]

    yield start
    for process in started:
        process.popen.kill()
        process.popen.wait()


def push(name: str, *args: object) -> str:
    return str(Client().push({"class": name, "args": list(args)}))


def eventually(condition):
    deadline = time.monotonic() + SOON
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return found


def began(redis) -> list[tuple[int, str]]:
    return [(int(pid), jid) for pid, jid in (line.decode().split() for line in redis.lrange("test:began", 0, -1))]


def test_it_runs_jobs_and_ends_cleanly_when_told(real, start):
    process = start("-c", "2")
    jid = push("Slow", 0)
    eventually(lambda: real.lrange("test:ended", 0, -1) == [jid.encode()])
    process.signal("TERM")
    assert process.exit_code() == 0
    assert "Workers: Count, Slow" in process.said()
    assert f"Slow JID-{jid} INFO: start" in process.said()
    assert "nothing was left unfinished" in process.said()
    assert real.smembers("processes") == set()
    assert real.keys("inflight*") == []


def test_a_killed_process_loses_nothing_and_another_one_finishes_its_jobs(real, start):
    doomed = start("-c", "3", "--heartbeat", "0.3")
    jids = {push("Slow", 0.5) for _ in range(3)}
    eventually(lambda: len(began(real)) == 3)
    doomed.signal("KILL")
    doomed.exit_code()
    assert len(Queue("default")) == 0
    start("-c", "3", "--heartbeat", "0.3")
    eventually(lambda: {jid.decode() for jid in real.lrange("test:ended", 0, -1)} >= jids)
    eventually(lambda: not real.keys("inflight:*"))
    assert len(RetrySet()) == 0


def test_quiet_finishes_what_runs_and_takes_nothing_more(real, start):
    process = start("-c", "1")
    first = push("Slow", 0.3)
    eventually(lambda: began(real))
    process.signal("TSTP")
    eventually(lambda: "quiet" in process.said())
    second = push("Slow", 0)
    eventually(lambda: real.lrange("test:ended", 0, -1) == [first.encode()])
    assert [job.jid for job in Queue("default")] == [second]
    process.signal("TERM")
    assert process.exit_code() == 0
    assert [job.jid for job in Queue("default")] == [second]


def test_what_is_unfinished_at_the_end_goes_back_and_the_exit_code_says_so(real, start):
    process = start("-c", "1", "--timeout", "0.2")
    jid = push("Slow", 60)
    eventually(lambda: began(real))
    process.signal("TERM")
    assert process.exit_code() == 1
    assert [job.jid for job in Queue("default")] == [jid]
    assert len(RetrySet()) == 0


def test_the_second_interrupt_ends_it_at_once(real, start):
    process = start("-c", "1", "--timeout", "3600")
    jid = push("Slow", 3600)
    eventually(lambda: began(real))
    process.signal("INT")
    eventually(lambda: "quiet" in process.said())
    process.signal("INT")
    assert process.exit_code() == 1
    assert [job.jid for job in Queue("default")] == [jid]


def test_it_prints_where_every_thread_is(real, start):
    process = start()
    eventually(lambda: real.scard("processes"))
    process.signal("TTIN")
    eventually(lambda: "most recent call first" in process.said())
    process.signal("TERM")
    assert process.exit_code() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["-r", "no.such.module"], "no.such.module cannot be loaded: ModuleNotFoundError"),
        (["-q", "default,lots"], "-q default,lots: a queue's name, and perhaps a weight"),
        (["-q", ",3"], "-q ,3"),
        (["-c", "0"], "-c 0: at least one thread is needed"),
        (["-r", "no/such/file.py"], "no/such/file.py cannot be loaded"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(start, words, says):
    process = start(*words)
    assert process.exit_code() == 2
    assert says in process.said()
    assert "Traceback" not in process.said()


@pytest.fixture
def own_server() -> Iterator:
    """A Redis server that can be stopped and started again, and keeps what it was told on disk."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        pytest.skip("no redis-server or valkey-server on PATH")
    with tempfile.TemporaryDirectory(prefix="minijobs-") as folder:
        server = OwnServer(binary, Path(folder))
        server.start()
        yield server
        server.popen.send_signal(signal.SIGCONT)
        server.popen.kill()
        server.popen.wait()


class OwnServer:
    def __init__(self, binary: str, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        files = ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.command = [binary, "--port", "0", "--unixsocket", str(self.socket), *files]

    def start(self) -> None:
        self.popen = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            return bool(redis_py.Redis(unix_socket_path=str(self.socket)).ping())
        except redis_py.RedisError:
            return False

    def crash(self) -> None:
        self.popen.kill()
        self.popen.wait()


def counted(folder: Path) -> list[int]:
    """The numbers that Count was run with, each as often as it was."""
    file = folder / "runs"
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def test_a_redis_that_restarts_costs_no_job(own_server, tmp_path, start):
    redis = connection.connect(own_server.url)
    process = start("-c", "2", "--heartbeat", "0.3", url=own_server.url)
    for number in range(50):
        push("Count", number)
    eventually(lambda: len(counted(tmp_path)) > 5)
    own_server.crash()
    eventually(lambda: "waiting for Redis" in process.said())
    own_server.start()
    eventually(lambda: "Redis is back" in process.said())
    for number in range(50, 100):
        push("Count", number)
    eventually(lambda: set(counted(tmp_path)) == set(range(100)))
    eventually(lambda: not redis.keys("inflight:*"))
    process.signal("TERM")
    assert process.exit_code() == 0
    redis.close()


def test_chaos(own_server, tmp_path, start):
    """Processes are killed at random moments, and Redis once: every job is run, nothing is left, few are run twice."""
    redis = connection.connect(own_server.url)
    jobs, kills, threads = 3_000, 6, 4
    words = ("-c", str(threads), "--heartbeat", "0.25", "--log-level", "ERROR")
    processes = [start(*words, url=own_server.url) for _ in range(3)]
    eventually(lambda: redis.scard("processes") == 3)
    for kill in range(kills):
        reached = len(counted(tmp_path))
        Client().push_bulk({"class": "Count", "args": [[number] for number in range(kill * 500, (kill + 1) * 500)]})
        eventually(lambda reached=reached: len(counted(tmp_path)) > reached + 50)
        processes.pop(0).signal("KILL")
        if kill == kills // 2:
            own_server.crash()
            own_server.start()
        processes.append(start(*words, url=own_server.url))
    eventually(lambda: set(counted(tmp_path)) == set(range(jobs)))
    eventually(lambda: not redis.keys("inflight:*"))
    assert (len(Queue("default")), len(RetrySet()), len(DeadSet())) == (0, 0, 0)
    # A killed process may have run what it held without having said so; a restart of Redis asks that of all three.
    assert len(counted(tmp_path)) - jobs <= threads * (kills + 3)
    redis.close()
