"""The machine that it runs on: a private Redis, processes that surely end, and what to tell a reader about it."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import redis

PATIENCE = 60.0  # seconds for anything that has to come; then it failed


class Failed(Exception):
    """Something could not be measured. The message says why, for the report."""


@contextlib.contextmanager
def private_redis(folder: Path) -> Iterator[str]:
    """A redis-server of our own that keeps nothing. Gives its URL.

    On a port of this machine, not on a Unix socket: that is where every peer's users have theirs.
    """
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        raise Failed("no redis-server or valkey-server on the PATH: there is nothing to measure against")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    quiet = ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
    with running([binary, "--bind", "127.0.0.1", "--port", str(port), *quiet], folder, {}, folder / "redis.log") as server:
        client = redis.Redis(port=port)
        deadline = time.monotonic() + PATIENCE
        while not _answers(client):
            if server.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"redis-server did not start: {tail(folder / 'redis.log')}")
            time.sleep(0.02)
        client.close()
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, and whatever it starts itself, until the end of the block: then all of it is killed.

    It is in a session of its own, so a Ctrl-C reaches us and not it; and killing is enough, for nothing of it is kept.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean_environment() | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def output(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> str:
    """What a command prints. Raises Failed with the end of it if it fails, or takes too long."""
    log = folder / "output.log"
    with running(command, folder, environment, log) as process:
        try:
            code = process.wait(10 * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{Path(command[-1]).name} took too long: {tail(log)}") from None
    if code:
        raise Failed(tail(log))
    return log.read_text(errors="replace")


def tail(log: Path) -> str:
    """The last thing that a process said, in one line."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return (lines[-1] if lines else "it said nothing")[:300]


def clean_environment() -> dict[str, str]:
    """The environment without what belongs to the environment that this runs in.

    Nor with the wish that no bytecode be written: pip compiled the peers when it installed them, and minijobs, which runs
    from its source, would be compiled at each import, and nothing else.
    """
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "REDIS_URL", "MAKEFLAGS", "MAKELEVEL")
    return {name: value for name, value in os.environ.items() if name not in ours}


def resident(group: int) -> float | None:
    """Megabytes that a process and those it started hold in memory, or None where nobody can tell.

    What they share is counted in each of them.
    """
    if shutil.which("ps") is None:
        return None
    listed = subprocess.run(["ps", "-A", "-o", "pgid=,rss="], capture_output=True, text=True).stdout
    sizes = [int(size) for number, size in map(str.split, listed.splitlines()) if int(number) == group]
    return sum(sizes) / 1024 if sizes else None


def describe(redis_version: str) -> dict[str, object]:
    """For whoever reads the figures later."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load before": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
        "redis": redis_version,
    }


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
