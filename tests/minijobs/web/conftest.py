"""What the tests of the dashboard share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import redis as redis_py
from visitors import Visitor, three_of_each


@pytest.fixture
def visitor(redis: redis_py.Redis) -> Visitor:
    """Looks at either Redis, the one of `minijobs.connect`."""
    return Visitor()


@pytest.fixture
def some(redis: redis_py.Redis) -> redis_py.Redis:
    """Three jobs that failed, three for later, three dead, three in the queue `mail`."""
    three_of_each(redis)
    return redis


@pytest.fixture
def start_web(real_redis_url: str) -> Iterator[Callable[..., tuple[subprocess.Popen, str]]]:
    """Starts `minijobs web` with these words on any free port, and returns the process and what it says first."""
    started = []

    def start(*words: str, **environment: str) -> tuple[subprocess.Popen, str]:
        command = [sys.executable, "-m", "minijobs", "web", "--port", "0", *words]
        settings = {**os.environ, "REDIS_URL": real_redis_url, **environment}
        process = subprocess.Popen(command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout
        return process, process.stdout.readline()

    yield start
    for process in started:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            stream.close()
