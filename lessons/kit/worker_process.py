"""A real `minijobs worker` beside the lesson: its log as it comes, its signals, its end."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import redis

import minijobs

from . import session
from .processes import Program
from .stage import wait_until

# A line of the log: of which Worker it is, how important, and what it says. Time, process, thread and jid are left out.
LINE = re.compile(r"^\S+Z \d+ TID-\S+ (?:(?P<job>\S+) JID-\S+ )?(?P<level>[A-Z]+): (?P<text>.*)$", re.DOTALL)

SOON = 60.0  # seconds that something may take on a busy machine
ENDS_WITHIN = 40.0  # seconds after TERM: the 25 that jobs get by default, and some more

ROOT = Path(__file__).parents[2]


class WorkerProcess:
    """A `minijobs worker` that runs. `words` are those of its command line; `name` is put before each line of its log."""

    def __init__(self, words: str, *, name: str = "", show: bool = True, other_database: bool = False) -> None:
        self.words, self.name, self.show = words, name, show
        self.lines: list[str] = []
        """Its log so far: of each line what was said, and of which Worker."""
        self._shown = 0
        self._news = threading.Condition()
        self._quiet = False
        self._identity = ""
        at = session.beside()
        self.folder = at.folder
        self._short = at.short
        url, self._redis, self._will_make = session.database(other=other_database)
        self._will_make({"processes", "inflight"})
        environment = {"REDIS_URL": url, "PYTHONPATH": _path(), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        command = [sys.executable, "-m", "minijobs", "worker", *shlex.split(words)]
        self._program = Program(f"minijobs worker {words}", command, at.leash, self._hear, environment, self.folder)
        at.workers.append(self)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._program.pid

    def ready(self) -> bool:
        """Whether it runs, has loaded its code, and has told Redis that it lives."""
        return self._program.code() is None and bool(self.identity)

    def ended(self) -> bool:
        """Whether it has ended."""
        return self._program.code() is not None

    def busy(self) -> int:
        """How many jobs it runs, as it said with its last heartbeat."""
        return int(self._redis.hget(self.identity, "busy") or 0) if self.ready() else 0

    def next_beat(self) -> None:
        """Wait for its next heartbeat."""
        last = self._redis.hget(self.identity, "beat")
        wait_until(lambda: self._redis.hget(self.identity, "beat") != last)

    @property
    def identity(self) -> str:
        """The name under which Redis knows it; empty as long as it does not."""
        if not self._identity:
            names = [name.decode() for name in self._redis.smembers("processes")]
            self._identity = next((name for name in names if f":{self.pid}:" in name), "")
            if self._identity:
                queues = minijobs.ProcessSet(self._redis).find(self._identity)
                lists = {f"inflight:{self._identity}|{queue}" for queue in (queues and queues["queues"]) or ()}
                self._will_make({self._identity, f"{self._identity}:work", f"{self._identity}-signals", *lists})
        return self._identity

    def until(self, pattern: str) -> list[str]:
        """Show its log as it comes, up to the first line in which this is found, as grep finds it. Returns those lines.

        Raises RuntimeError if it ends before, TimeoutError if it does not say it within a minute.
        """
        lines: list[str] = []
        deadline = time.monotonic() + SOON
        while not (lines and re.search(pattern, lines[-1])):
            line = self._next(deadline)
            if line is None:
                raise RuntimeError(self._program.died())
            lines.append(line)
        return lines

    def quiet(self) -> None:
        """Send it TSTP, as `kill -TSTP` does: it takes no more jobs, and finishes those that it runs."""
        if self._quiet or self.ended():
            return
        self._quiet = True
        self._program.signal(signal.SIGTSTP)
        if self.show:
            self.until("quiet: nothing more")

    def stop(self, *, show: bool = True) -> list[str]:
        """Send it TERM, as `kill` does: what still runs gets `--timeout` seconds. Waits until it has ended.

        Returns what the log said meanwhile.
        """
        self.terminate()
        lines: list[str] = []
        self.show &= show
        deadline = time.monotonic() + ENDS_WITHIN
        try:
            while (line := self._next(deadline, self._wake)) is not None:
                lines.append(line)
        except TimeoutError:
            self.kill()
        return lines

    def terminate(self) -> None:
        """Send it TERM, and do not wait."""
        self._program.signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send it KILL, as `kill -KILL` does: it ends at once, in the middle of whatever it does."""
        self._program.kill()

    def start(self) -> None:
        """Wait until it is ready, and show what it says first."""
        if self.show:
            print(f"$ minijobs worker {self.words}", flush=True)
        self.until("Workers: |no Worker is known")
        wait_until(lambda: self.ready() or self.ended())
        if self.ended():
            raise RuntimeError(self._program.died())

    def _hear(self, line: str) -> None:
        if match := LINE.match(line):
            job, level, text = match.group("job", "level", "text")
            line = f"{'' if level == 'INFO' else f'{level}: '}{f'{job}: ' if job else ''}{text}"
        with self._news:
            self.lines.append(f"{self.name}{' | ' if self.name else ''}{self._short(line)}")
            self._news.notify_all()

    def _wake(self) -> None:
        """Let a thread that waits in Redis for a job come back at once. By itself it does so within a second."""
        with suppress(redis.RedisError):  # it may be forbidden: then it takes that second
            for client in self._redis.client_list():
                if client["cmd"] == "brpoplpush" and client["db"] == str(self._redis.get_connection_kwargs()["db"]):
                    self._redis.client_unblock(int(client["id"]))

    def _next(self, deadline: float, meanwhile: Callable[[], object] = bool) -> str | None:
        """The next line of the log, shown as soon as it is there; None if the process has ended and said no more."""
        while True:
            ended = self._program.code() is not None and self._program.wait(0)
            with self._news:
                if self._shown < len(self.lines) or self._news.wait(0 if ended else 0.02):
                    line = self.lines[self._shown]
                    self._shown += 1
                    break
            if ended:
                return None
            meanwhile()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    "The log has not said what this waits for. (Perhaps there is no job left that it could say it of.)"
                )
        if self.show:
            print(line, flush=True)
        return line

    def __repr__(self) -> str:
        state = "has ended" if self.ended() else "runs"
        return f"<minijobs worker {self.words}: {state}>"


def start_worker(
    words: str,
    *,
    name: str = "",
    beside: bool = False,
    wait: bool = True,
    show: bool = True,
    other_database: bool = False,
) -> WorkerProcess:
    """Start `minijobs worker` with these words, in a process of its own, and wait until it is ready (or do not `wait`).

    Those that were started earlier are stopped; if it should run `beside` them, only the one of the same name. With
    `other_database`, it works for another database of the same server than this lesson.
    """
    earlier = [one for one in session.beside().workers if not one.ended() and not (beside and one.name != name)]
    for worker in earlier:
        worker.terminate()  # it ends while the new one starts
    worker = WorkerProcess(words, name=name, show=show, other_database=other_database)
    for other in earlier:
        other.stop(show=False)
    if wait:
        worker.start()
    return worker


def run(words: str) -> None:
    """Run a command of minijobs, such as `minijobs stats`, as in a terminal, and show what it prints."""
    print(f"$ {words}", flush=True)
    url, _, _ = session.database()
    environment = {**os.environ, "REDIS_URL": url, "PYTHONPATH": _path(), "COLUMNS": "80"}
    command = [sys.executable, "-m", *shlex.split(words)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    print(ran.stdout + ran.stderr, end="", flush=True)


def _path() -> str:
    """Where a process that we start finds this project."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
