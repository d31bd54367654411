"""What the tests share that start real processes: `minijobs worker`, a Redis server of their own, and patience."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import redis as redis_py

SOON = 30  # seconds that something may take on a busy machine before a test gives up

# What redis-py says by itself when it connects.
GREETINGS = ("HELLO", "CLIENT")

WORKERS = Path(__file__).with_name("process_workers.py")


def eventually(condition, pause=0.01):
    """What `condition` gives as soon as that is something. It is asked again and again."""
    deadline = time.monotonic() + SOON
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(pause)
    return found


# Seconds by which the clock of a machine is set now and then while it runs, also backwards.
CLOCK_STEP = 1.0


def lately(*moments: float, since: float) -> bool:
    """Whether these moments, in this order, lie between `since` and now. All of them are in epoch seconds."""
    between = [since - CLOCK_STEP, *moments, time.time() + CLOCK_STEP]
    return between == sorted(between)


class Process:
    """`minijobs worker`, started. `settings` are what `process_workers.py` looks for in the environment."""

    def __init__(self, folder: Path, url: str, *words: str, **settings: object) -> None:
        self.log = folder / f"log-{time.monotonic_ns()}"
        environment = {**os.environ, "REDIS_URL": url, "TEST_RUNS": str(folder / "runs")}
        environment |= {f"TEST_{name.upper()}": str(value) for name, value in settings.items()}
        with self.log.open("w") as log:
            command = [sys.executable, "-m", "minijobs", "worker", "-r", str(WORKERS), *words]
            self.popen = subprocess.Popen(command, env=environment, stderr=log, stdout=log)
        self.pid = self.popen.pid

    def signal(self, name: str) -> None:
        self.popen.send_signal(getattr(signal, f"SIG{name}"))

    def exit_code(self) -> int:
        return self.popen.wait(SOON)

    def ended(self) -> bool:
        return self.popen.poll() is not None

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def cpu_seconds(self) -> float:
        """The processor time that it has used so far."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


class OwnServer:
    """A Redis server that can be stopped and started again, and keeps what it was told on disk."""

    def __init__(self, folder: Path) -> None:
        binary = shutil.which("redis-server") or shutil.which("valkey-server")
        if binary is None:
            pytest.skip("no redis-server or valkey-server on PATH")
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        files = ["--dir", str(folder), "--appendonly", "yes", "--appendfsync", "always", "--save", ""]
        self.command = [binary, "--port", "0", "--unixsocket", str(self.socket), *files]
        self.popen: subprocess.Popen | None = None

    def start(self) -> None:
        self.popen = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        eventually(self.answers)

    def answers(self) -> bool:
        try:
            with redis_py.Redis(unix_socket_path=str(self.socket)) as client:
                return bool(client.ping())
        except redis_py.RedisError:
            return False

    def crash(self) -> None:
        if self.popen is not None:
            self.popen.kill()
            self.popen.wait()

    def stall(self, seconds: float) -> None:
        """Answer nobody for so long. What is sent meanwhile waits, and is done afterwards."""
        assert self.popen is not None
        self.popen.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.popen.send_signal(signal.SIGCONT)


def runs(folder: Path) -> list[tuple[int, int]]:
    """Every run that came to its end: the job's number, and how often the job had been rescued before."""
    file = folder / "runs"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(number), int(rescued)) for number, rescued in map(str.split, lines)]


def numbers(folder: Path) -> list[int]:
    """The numbers of the jobs that were run, each as often as it was."""
    return [number for number, _ in runs(folder)]
