"""A worker process and an edited file: by itself it runs the code of its start; with --reload it starts again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis as redis_py
from processes import SOON, eventually

from minijobs import Client, Queue, cli
from minijobs.cli import reload

WORKERS = """
import os, time
from minijobs import Worker, connection
from helpers import WORD

class Says(Worker):
    def perform(self, seconds):
        connection.current().rpush("test:said", f"{WORD} {os.getpid()}")
        time.sleep(seconds)
"""


class Edited:
    """A `minijobs worker` whose files are edited while it runs."""

    def __init__(self, folder: Path, url: str, *words: str, processes: int = 1) -> None:
        self.folder = folder
        self.write("workers.py", WORKERS)
        self.write("helpers.py", "WORD = 'one'")
        self.redis = redis_py.Redis.from_url(url)
        self.log = folder / "log"
        with self.log.open("w") as log:
            command = [
                sys.executable,
                "-m",
                "minijobs",
                "worker",
                "-r",
                "workers.py",
                "-c",
                "1",
                "--heartbeat",
                "0.5",
                *words,
            ]
            environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": str(Path(__file__).parents[2])}
            self.popen = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        self.started(processes)

    def write(self, name: str, text: str) -> None:
        file = self.folder / f"{name}.new"
        file.write_text(text)
        file.rename(self.folder / name)  # as an editor saves

    def started(self, times: int) -> None:
        eventually(lambda: self.log.read_text().count("minijobs runs default") == times)

    def said(self, seconds: float = 0) -> str:
        """What a job says that is pushed now."""
        before = self.redis.llen("test:said")
        Client(self.redis).push({"class": "Says", "args": [seconds]})
        eventually(lambda: self.redis.llen("test:said") > before)
        return str(self.redis.lindex("test:said", -1).decode().split()[0])


@pytest.fixture
def edited(real: redis_py.Redis, real_redis_url: str, tmp_path: Path) -> Iterator[Callable[..., Edited]]:
    running = []

    def start(*words: str, **settings: int) -> Edited:
        running.append(Edited(tmp_path, real_redis_url, *words, **settings))
        return running[-1]

    yield start
    for one in running:
        one.popen.kill()
        one.popen.wait()
        one.redis.close()


def test_a_running_worker_process_does_not_see_an_edit(edited):
    process = edited()
    assert process.said() == "one"
    process.write("helpers.py", "WORD = 'two'")
    assert process.said() == "one"
    process.popen.terminate()
    assert process.popen.wait(SOON) == 0


def test_with_reload_it_starts_again_and_runs_what_was_saved_also_in_a_module_that_a_worker_imports(edited):
    process = edited("--reload")
    assert process.said() == "one"
    process.write("helpers.py", "WORD = 'two'")
    process.started(2)
    assert process.said() == "two"
    process.write("workers.py", WORKERS.replace("{WORD}", "{WORD}, too,"))
    process.started(3)
    assert process.said() == "two,"
    said = process.log.read_text()
    assert "helpers.py was saved: starting again" in said
    assert "workers.py was saved: starting again" in said
    pids = {line.split()[-1] for line in process.redis.lrange("test:said", 0, -1)}
    assert pids == {str(process.popen.pid).encode()}  # the same process for whoever started it
    process.popen.terminate()
    assert process.popen.wait(SOON) == 0


def test_all_children_of_a_parent_start_again_and_stay_its_children(edited):
    process = edited("--reload", "--processes", "2", processes=2)
    process.write("helpers.py", "WORD = 'two'")
    process.started(4)
    starts = re.findall(r"^\S+Z (\d+) TID-\S+ INFO: minijobs runs default", process.log.read_text(), re.MULTILINE)
    assert sorted(Counter(starts).values()) == [2, 2]
    assert process.said() == "two"
    process.popen.terminate()
    assert process.popen.wait(SOON) == 0
    assert process.log.read_text().count("stopped: nothing was left unfinished") == 4
    assert "another one starts" not in process.log.read_text()


def test_a_file_that_was_not_loaded_may_be_saved(edited):
    process = edited("--reload")
    process.write("notes.py", "not Python")
    process.write("helpers.py", "WORD = 'two'")
    process.started(2)
    assert "notes.py was saved" not in process.log.read_text()


def test_a_job_is_finished_before_it_starts_again_and_nothing_is_lost(edited):
    process = edited("--reload")
    assert process.said(seconds=1) == "one"
    process.write("helpers.py", "WORD = 'two'")
    eventually(lambda: "was saved" in process.log.read_text())
    jid = Client(process.redis).push({"class": "Says", "args": [0]})
    process.started(2)
    eventually(lambda: process.redis.llen("test:said") == 2)
    eventually(lambda: f"JID-{jid} INFO: done" in process.log.read_text())
    assert process.redis.llen("retry") == 0
    assert [line.split()[0] for line in process.redis.lrange("test:said", 0, -1)] == [b"one", b"two"]


def test_what_cannot_be_loaded_is_said_and_the_next_save_is_another_chance(edited):
    process = edited("--reload")
    process.write("helpers.py", "WORD = ")
    eventually(lambda: "workers.py cannot be loaded: SyntaxError" in process.log.read_text())
    assert process.popen.poll() is None
    process.write("helpers.py", "WORD = 'three'")
    process.started(2)
    assert process.said() == "three"


@pytest.mark.parametrize(("name", "left"), [("TERM", 0), ("INT", 1)])
def test_a_signal_ends_it_while_it_stops_to_start_again(edited, name, left):
    process = edited("--reload", "--timeout", "60")
    process.said(seconds=3)
    process.write("helpers.py", "WORD = 'two'")
    eventually(lambda: "was saved" in process.log.read_text())
    process.popen.send_signal(getattr(signal, f"SIG{name}"))
    assert process.popen.wait(SOON) == 0
    assert process.log.read_text().count("minijobs runs default") == 1
    assert len(Queue("default", process.redis)) == left  # the second request to stop does not wait for the job


def test_a_signal_ends_it_while_it_waits_for_a_change(edited):
    process = edited("--reload")
    process.write("helpers.py", "WORD = ")
    eventually(lambda: "waiting until a file is saved" in process.log.read_text())
    process.popen.terminate()
    assert process.popen.wait(5) == 0  # there is nothing to wait for
    assert "Traceback" not in process.log.read_text()


def test_without_watchfiles_reload_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr(reload, "possible", lambda: False)
    assert cli.main(["worker", "--reload"]) == 1
    assert 'minijobs: --reload needs watchfiles: pip install "minijobs[reload]"' in capsys.readouterr().err


def test_loaded_are_ones_own_files_not_pythons_nor_those_of_packages():
    files = reload.loaded_files()
    assert Path(reload.__file__) in files
    assert Path(__file__) in files
    assert not any("site-packages" in str(file) or file.name == "json" for file in files)
    assert Path(pytest.__file__) not in files
