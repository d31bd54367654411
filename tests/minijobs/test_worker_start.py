"""The start of `minijobs worker`, and how it is refused: real processes on real servers, one sentence and an exit code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis as redis_py
from processes import SOON, eventually
from test_failover import Server, free_port, serve  # noqa: F401

import minijobs

COMMAND = [sys.executable, "-m", "minijobs", "worker", "-c", "1"]


def refusal(url: str, code: int = 1, *words: str, shell: str = "") -> str:
    """The one sentence with which a worker process of this Redis does not start."""
    command = ["sh", "-c", f'exec "$@" {shell}', "sh", *COMMAND, *words]
    told = subprocess.run(command, env={**os.environ, "REDIS_URL": url}, capture_output=True, text=True, timeout=SOON)
    assert (told.returncode, told.stdout) == (code, "")
    *before, said = told.stderr.splitlines()
    assert said.startswith("minijobs: ")
    assert len(before) == ("waiting for Redis" in told.stderr)
    return told.stderr


@contextmanager
def user(real: redis_py.Redis, url: str, *rules: str) -> Iterator[str]:
    """The address for somebody with these rights."""
    real.execute_command("ACL", "SETUSER", "bob", "RESET", "ON", ">hunter2", "~*", "+@all", *rules)
    yield f"unix://bob:hunter2@{url.removeprefix('unix://')}"
    real.execute_command("ACL", "DELUSER", "bob")


def test_without_a_redis_it_does_not_start() -> None:
    port = free_port()
    waiting, said = refusal(f"redis://127.0.0.1:{port}").splitlines()
    assert "ERROR: waiting for Redis: No Redis at" in waiting
    assert said.startswith(f"minijobs: No Redis at 127.0.0.1:{port}, database 0, so this was not done: starting.")


def test_whom_redis_does_not_let_in_it_does_not_start(real: redis_py.Redis, real_redis_url: str) -> None:
    with user(real, real_redis_url) as url:
        said = refusal(url.replace("hunter2", "hunter3"))
    assert "WRONGPASS" in said
    assert "hunter" not in said
    with user(real, real_redis_url, "-lpush", "-zadd") as url:
        assert "missing: +lpush, +zadd." in refusal(url)
    assert real.keys("*") == []


def test_for_a_replica_it_does_not_start(real: redis_py.Redis, real_redis_url: str) -> None:
    real.replicaof("127.0.0.1", "1")
    try:
        assert "is a replica, which cannot be written to: name the master (127.0.0.1:1)." in refusal(real_redis_url)
    finally:
        real.replicaof("NO", "ONE")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (["--rename-command", "LMOVE", ""], "has no command LMOVE: it is older than 6.2"),
        (["--rename-command", "EVAL", ""], "has no command EVAL: scripts are switched off"),
        (["--cluster-enabled", "yes"], "is a Redis Cluster"),
    ],
)
def test_for_a_server_that_cannot_do_enough_it_does_not_start(
    serve: Callable[..., Server],  # noqa: F811
    settings: list[str],
    said: str,
) -> None:
    server = serve(*settings)
    assert said in refusal(f"redis://127.0.0.1:{server.port}")
    assert server.client.dbsize() == 0


def test_what_is_risky_is_a_warning_and_it_starts(real: redis_py.Redis, real_redis_url: str, tmp_path: Path) -> None:
    workers = tmp_path / "its_workers.py"
    workers.write_text("import time\nreal = time.time\ntime.time = lambda: real() + 60\n")
    real.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with (
            (tmp_path / "log").open("w+") as log,
            subprocess.Popen(
                [*COMMAND, "-r", workers], env={**os.environ, "REDIS_URL": real_redis_url}, stderr=log
            ) as worker,
        ):
            eventually(lambda: real.scard("processes"))
            worker.terminate()
            assert worker.wait(SOON) == 0
            log.seek(0)
            said = log.read()
    finally:
        real.config_set("maxmemory-policy", "noeviction")
    assert "WARNING: Redis at " in said
    assert "may drop jobs when its memory is full: its maxmemory-policy is allkeys-lru" in said
    assert "is 60 seconds ahead of that of Redis at " in said


def test_without_a_stream_to_say_it_on_the_exit_code_is_the_same(real_redis_url: str) -> None:
    for words, code in ((["-q", ",3"], 2), (["--no-such-word"], 2), (["-r", "no.such.module"], 1)):
        for stream in ("2>/dev/full", ">&- 2>&-"):
            command = ["sh", "-c", f'exec "$@" {stream}', "sh", *COMMAND, *words]
            assert subprocess.run(command, env={**os.environ, "REDIS_URL": real_redis_url}).returncode == code


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import sys; sys.exit(0)", "cannot be loaded: SystemExit: 0"),
        ("import threading, time; threading.Thread(target=time.sleep, args=(3600,)).start(); 1 / 0", "ZeroDivisionError"),
        ("import _thread; _thread.allocate_lock = lambda: 1", "replaces Python's threads, as gevent and eventlet do"),
    ],
    ids=["it ends the process", "it leaves a thread", "it replaces threads"],
)
def test_a_module_that_cannot_be_loaded_ends_it_at_once(real_redis_url: str, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "its_workers.py").write_text(text)
    assert said in refusal(real_redis_url, 1, "-r", str(tmp_path / "its_workers.py"))


def test_signals_that_its_parent_had_blocked_make_it_quiet_and_end_it(real: redis_py.Redis, real_redis_url: str) -> None:
    signals = "{signal.SIGTERM, signal.SIGINT, signal.SIGTSTP}"
    start = f"os.execv({COMMAND[0]!r}, {[*COMMAND, '--heartbeat', '0.1']!r})"
    blocked = f"import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, {signals}); {start}"
    with subprocess.Popen([sys.executable, "-c", blocked], env={**os.environ, "REDIS_URL": real_redis_url}) as worker:
        try:
            (me,) = eventually(lambda: real.smembers("processes"))
            worker.send_signal(signal.SIGTSTP)
            eventually(lambda: real.hget(me, "quiet") == b"true")
            worker.terminate()
            assert worker.wait(SOON) == 0
        finally:
            worker.kill()


@pytest.mark.parametrize(("words", "code"), [("worker", 0), ("web --port 0", 0), ("stats", 143), ("dead clear --yes", 143)])
def test_term_ends_a_command_that_is_waiting_for_redis_as_the_first_process_of_a_container(words: str, code: int) -> None:
    container = ["unshare", "--pid", "--fork", "--kill-child"]
    if subprocess.run([*container, "true"], capture_output=True).returncode:
        pytest.skip("no right to make a container")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SOON)
        url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
        command = [*container, sys.executable, "-m", "minijobs", *words.split()]
        with subprocess.Popen(command, env={**os.environ, "REDIS_URL": url}, stderr=subprocess.PIPE) as process:
            try:
                with silent.accept()[0] as asks:
                    assert asks.recv(1)
                    first = int(Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text())
                    os.kill(first, signal.SIGTERM)
                    assert process.communicate(timeout=SOON)[1] == b""
            finally:
                process.kill()
    assert process.returncode == code  # and not 1, which it would be after five seconds without an answer


def test_a_heart_that_redis_refuses_for_good_ends_the_process(real: redis_py.Redis, real_redis_url: str) -> None:
    with user(real, real_redis_url, "-hset") as url, redis_py.Redis.from_url(url) as client:
        server = minijobs.Server(redis=client, heartbeat=0.1)
        running = threading.Thread(target=lambda: real.rpush("test:codes", server.run()), daemon=True)
        running.start()
        running.join(SOON)
        server.stop(0)
    assert real.lrange("test:codes", 0, -1) == [b"1"]


def test_a_dispatcher_that_ends_by_itself_ends_the_process(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    server = minijobs.Server()
    monkeypatch.setattr(server._dispatcher, "run", lambda: None)
    assert server.run() == 1
