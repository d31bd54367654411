"""A real `minijobs worker` beside the lesson: its log as it comes, its signals, its end."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import redis

import minijobs

from . import session
from .running import Running
from .stage import wait_until

# A line of the log: of which Worker it is, how important, and what it says. Time, process, thread and jid are left out.
LINE = re.compile(r"^\S+Z \d+ TID-\S+ (?:(?P<job>\S+) JID-\S+ )?(?P<level>[A-Z]+): (?P<text>.*)$", re.DOTALL)

ENDS_WITHIN = 40.0  # seconds after TERM: the 25 that jobs get by default, and some more


class WorkerProcess(Running):
    """A `minijobs worker` that runs. `words` are those of its command line; `name` is put before each line of its log.

    It runs in the lesson's folder, or in the `folder` that is given; what is in `environment` is added to its own.
    """

    def __init__(
        self,
        words: str,
        *,
        name: str = "",
        show: bool = True,
        other_database: bool = False,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._quiet = False
        self._identity = ""
        _, self._redis, self._will_make = session.database(other=other_database)
        self._will_make({"processes", "inflight"})
        command = [sys.executable, "-m", "minijobs", "worker", *shlex.split(words)]
        known = {**(environment or {}), **session.surroundings(other_database=other_database)}
        super().__init__(f"minijobs worker {words}", command, known, name=name, show=show, folder=folder)
        session.beside().workers.append(self)

    def ready(self) -> bool:
        """Whether it runs, has loaded its code, and has told Redis that it lives."""
        return self._program.code() is None and bool(self.identity)

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
                self.will_make(self._identity, (queues and queues["queues"]) or ())
        return self._identity

    def will_make(self, identity: str, queues: Iterable[str]) -> None:
        """Note the keys that a process of this identity makes: this one, or one that it starts."""
        lists = {f"inflight:{identity}|{queue}" for queue in queues}
        self._will_make({identity, f"{identity}:work", f"{identity}-signals", *lists})

    def quiet(self) -> None:
        """Send it TSTP, as `kill -TSTP` does: it takes no more jobs, and finishes those that it runs.

        Returns when it has told Redis so, with a heartbeat. So what `busy` says from then on counts all that it took.
        """
        if self._quiet or self.ended():
            return
        self._quiet = True
        self._program.signal(signal.SIGTSTP)
        if self.show:
            self.until("quiet: nothing more")
        wait_until(lambda: self.ended() or self._redis.hget(self.identity, "quiet") == b"true")

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

    def start(self) -> None:
        """Wait until it is ready, and show what it says first."""
        if self.show:
            print(f"$ {self.words}", flush=True)
        self.until("Workers: |no Worker is known")
        wait_until(lambda: self.ready() or self.ended())
        if self.ended():
            raise RuntimeError(self._program.died())

    def _readable(self, line: str) -> str:
        """Of a line of the log, what was said, and of which Worker."""
        if match := LINE.match(line):
            job, level, text = match.group("job", "level", "text")
            line = f"{'' if level == 'INFO' else f'{level}: '}{f'{job}: ' if job else ''}{text}"
        return line

    def _wake(self) -> None:
        """Let a thread that waits in Redis for a job come back at once. By itself it does so within a second."""
        with suppress(redis.RedisError):  # it may be forbidden: then it takes that second
            for client in self._redis.client_list():
                if client["cmd"] == "brpoplpush" and client["db"] == str(self._redis.get_connection_kwargs()["db"]):
                    self._redis.client_unblock(int(client["id"]))


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
    environment = {**os.environ, **session.surroundings(), "COLUMNS": "80"}
    command = [sys.executable, "-m", *shlex.split(words)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    print(ran.stdout + ran.stderr, end="", flush=True)
