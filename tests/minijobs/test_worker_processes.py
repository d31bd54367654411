"""`minijobs worker --processes N`: a real parent and its children, on a real server. Reloading is in test_reload."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from processes import SOON, Process, eventually

from minijobs import Client, ProcessSet, Queue
from minijobs.cli import supervisor

# Beats come often, so that a dead process is noticed soon.
TWO = ("--processes", "2", "-c", "1", "--heartbeat", "0.3")

LINE = re.compile(r"\S+Z (\d+) TID-\S+ .*")


def push(name: str, *args: object) -> str:
    return str(Client().push({"class": name, "args": list(args)}))


def began(redis) -> dict[str, int]:
    """The jobs that began, and the process in which each did."""
    return {jid: int(pid) for pid, jid in (line.decode().split() for line in redis.lrange("test:began", 0, -1))}


def children(redis, count: int = 2) -> set[int]:
    """The processes that beat, as soon as there are so many."""
    return eventually(lambda: len(pids := {process["pid"] for process in ProcessSet(redis)}) == count and pids)


def alive(pid: int) -> bool:
    """Whether this process runs. One that has ended may still be listed, until it is waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def said_by(process: Process, pid: int) -> str:
    return "\n".join(line for line in process.said().splitlines() if (match := LINE.match(line)) and int(match[1]) == pid)


@pytest.fixture
def module(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a module for `-r`, which notes in the file `loaded` which process loads it."""

    def write(text: str = "") -> Path:
        note = f"import os, time\nwith open({str(tmp_path / 'loaded')!r}, 'a') as file:\n    print(os.getpid(), file=file)\n"
        (tmp_path / "its_module.py").write_text(note + text)
        return tmp_path / "its_module.py"

    return write


def test_each_child_is_a_worker_process_of_its_own_and_signals_to_the_parent_reach_all(real, start, module, tmp_path):
    parent = start(*TWO, "-r", str(module()))
    pids = children(real)

    # Each has its own identity, and jobs run in both at a time. The parent is none of them, and has loaded nothing.
    identities = {process.identity.split(":")[1] for process in ProcessSet(real)}
    assert identities == {str(pid) for pid in pids}
    jids = {push("Slow", 1), push("Slow", 1)}
    eventually(lambda: began(real).keys() == jids)
    assert set(began(real).values()) == pids
    assert {int(pid) for pid in (tmp_path / "loaded").read_text().split()} == pids
    assert "Workers: " not in said_by(parent, parent.pid)

    # Ctrl-C in a terminal is for the group of the parent: it is passed on, and must not come twice.
    assert parent.pid not in pids
    assert os.getpgid(parent.pid) not in {os.getpgid(pid) for pid in pids}

    parent.signal("TTIN")
    eventually(lambda: all("where each thread is" in said_by(parent, pid) for pid in pids))
    parent.signal("TSTP")
    eventually(lambda: all("quiet: nothing more" in said_by(parent, pid) for pid in pids))
    eventually(lambda: real.llen("test:ended") == 2)
    left = push("Slow", 0)
    parent.signal("TERM")
    assert parent.exit_code() == 0
    assert all("stopped: nothing was left unfinished" in said_by(parent, pid) for pid in pids)
    assert [job.jid for job in Queue("default")] == [left]
    assert real.smembers("processes") == set()
    assert not any(alive(pid) for pid in pids)


def test_a_child_that_is_killed_is_replaced_and_its_job_is_run_by_another(real, start):
    parent = start(*TWO, poll=0.2)
    before = children(real)
    jid = push("Slow", 1)
    victim = eventually(lambda: began(real).get(jid))
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: f"process {victim} was killed by SIGKILL; another one starts in 1 s" in said_by(parent, parent.pid))
    eventually(lambda: jid.encode() in real.lrange("test:ended", 0, -1))
    eventually(lambda: not any(f":{victim}:".encode() in identity for identity in real.smembers("processes")))
    assert len(children(real) - before) == 1
    assert before - children(real) == {victim}
    parent.signal("TERM")
    assert parent.exit_code() == 0


def test_a_parent_that_is_killed_leaves_no_child_and_no_job_in_flight(real, start):
    parent = start(*TWO, "--timeout", "3600")
    pids = children(real)
    jids = {push("Slow", 3600), push("Slow", 3600)}
    eventually(lambda: began(real).keys() == jids)
    parent.signal("KILL")
    eventually(lambda: not any(alive(pid) for pid in pids))
    assert {job.jid for job in Queue("default")} == jids
    assert (real.smembers("processes"), list(real.scan_iter("inflight:*", _type="list"))) == (set(), [])


def test_a_parent_that_is_killed_leaves_no_child_that_still_loads(start, module, tmp_path):
    parent = start(*TWO, "-r", str(module("time.sleep(3600)")))
    pid = int(eventually(lambda: (loaded := tmp_path / "loaded").exists() and loaded.read_text()))
    parent.signal("KILL")
    eventually(lambda: not alive(pid))


def test_two_signals_at_the_same_time_end_it_in_time(real, start):
    parent = start(*TWO, "--timeout", "0.2")
    children(real)
    jids = {push("Slow", 3600), push("Slow", 3600)}
    eventually(lambda: began(real).keys() == jids)
    parent.signal("TERM")
    parent.signal("INT")
    assert parent.exit_code() == 0
    assert {job.jid for job in Queue("default")} == jids


def test_the_second_interrupt_ends_it_at_once(real, start):
    parent = start(*TWO, "--timeout", "3600")
    pids = children(real)
    jids = {push("Slow", 3600), push("Slow", 3600)}
    eventually(lambda: began(real).keys() == jids)
    parent.signal("INT")
    eventually(lambda: all("quiet: nothing more" in said_by(parent, pid) for pid in pids))
    parent.signal("INT")
    assert parent.exit_code() == 0
    assert {job.jid for job in Queue("default")} == jids


def test_term_ends_it_while_the_first_child_loads(start, module, tmp_path):
    parent = start(*TWO, "-r", str(module("time.sleep(3600)")))
    pid = int(eventually(lambda: (loaded := tmp_path / "loaded").exists() and loaded.read_text()))
    parent.signal("TERM")
    assert parent.exit_code() == 0
    assert not alive(pid)


# What does not start


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-r", "no.such.module"], 1, "minijobs: no.such.module cannot be loaded: ModuleNotFoundError"),
        (["--processes", "0"], 2, "minijobs: --processes 0: it must be at least 1"),
        (["-q", ",3"], 2, "minijobs: -q ,3"),
    ],
)
def test_what_cannot_start_ends_it_and_is_said_once(start, words, code, says):
    process = start(*TWO, *words)
    assert process.exit_code() == code
    assert process.said().count(says) == 1
    assert "Traceback" not in process.said()
    assert "another one starts" not in process.said()


def test_a_first_child_that_dies_while_it_starts_ends_it(start, module, tmp_path):
    process = start(*TWO, "-r", str(module("os.kill(os.getpid(), 9)")))
    assert process.exit_code() == 1
    [pid] = (tmp_path / "loaded").read_text().split()
    assert f"process {pid} was killed by SIGKILL before it had started" in process.said()


def test_a_child_that_cannot_start_again_is_tried_with_growing_pauses_while_the_others_work(real, start, module, tmp_path):
    broken = tmp_path / "broken"
    parent = start(*TWO, "-r", str(module(f"assert not os.path.exists({str(broken)!r})")), poll=0.2)
    victim = min(children(real))
    broken.touch()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: "exit code 1; another one starts in 2 s" in parent.said())
    assert f"process {victim} was killed by SIGKILL; another one starts in 1 s" in parent.said()
    jid = push("Slow", 0)
    eventually(lambda: jid.encode() in real.lrange("test:ended", 0, -1))
    parent.signal("TERM")
    assert parent.exit_code() == 0


# Its parts


def test_a_child_that_does_not_end_is_killed_at_last(tmp_path, real_redis_url, module):
    deaf = tmp_path / "deaf"
    path = module(f"import signal\nsignal.signal(15, signal.SIG_IGN)\nopen({str(deaf)!r}, 'w').close()\ntime.sleep(3600)")
    # A program that calls `main`, and the parent's patience shortened.
    program = f"""
from minijobs.cli import main, supervisor
supervisor.SLACK = 0.1
main(["worker", "--processes", "2", "--timeout", "0", "-r", {str(path)!r}])
"""
    environment = {**os.environ, "REDIS_URL": real_redis_url}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True) as parent:
        eventually(deaf.exists)
        parent.terminate()
        _, said = parent.communicate(timeout=SOON)
    [pid] = (tmp_path / "loaded").read_text().split()
    assert parent.returncode == 1
    assert f"process {pid} does not end, so it is killed" in said
    assert not alive(int(pid))


def test_after_a_long_run_the_pauses_begin_anew(monkeypatch):
    clock = 1000.0
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=lambda: clock))
    parent = supervisor.Supervisor(Namespace(words=["worker"], timeout=25, processes=1))
    [child], pauses = parent.children, []
    for seconds in (1, 1, 1, supervisor.LONG_ENOUGH, 1):
        child.since = clock
        clock += seconds
        parent._replace_later(child, "a test")
        pauses.append(child.due - clock)
    assert pauses == [1, 2, 4, 1, 2]


def test_children_share_one_log_and_tear_no_line(real, real_redis_url, module):
    talks = module("""
import logging
from minijobs import Worker, connection

class Talk(Worker):
    def perform(self, lines):
        redis = connection.current()
        redis.rpush("test:talking", os.getpid())
        while redis.llen("test:talking") < 2:
            time.sleep(0.001)
        for number in range(lines):
            logging.getLogger("minijobs").info("line %d of %s", number, "many words " * 10)
""")
    command = [sys.executable, "-m", "minijobs", "worker", *TWO, "-r", str(talks)]
    environment = {**os.environ, "REDIS_URL": real_redis_url}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as parent:
        pids = children(real)
        push("Talk", 5_000)
        push("Talk", 5_000)
        lines, ended = [], 0
        while ended < 2:
            lines.append(parent.stderr.readline())
            ended += "line 4999 " in lines[-1]
        parent.terminate()
        lines += parent.stderr
        assert parent.wait(SOON) == 0
    assert [line for line in lines if not LINE.fullmatch(line.rstrip("\n"))] == []
    assert {int(LINE.match(line)[1]) for line in lines if "line 4999 " in line} == pids
