"""A job, or a function, in a process of its own, which can be killed after any line of it. And being the rescuer.

To start Python and import everything takes half a second. So one process does that, and a copy of it, a fork, is made each
time (see `fork_server`).
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

from minijobs.fetch import new_identity
from minijobs.log import logger
from minijobs.rescue import rescue_orphans

from . import session


class Forks:
    """The process that makes copies of itself, for one lesson."""

    def __init__(self) -> None:
        self._at = session.beside()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lessons.kit.fork_server"],
            cwd=self._at.folder,
            env={**os.environ, **session.surroundings()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the lesson
        )
        self._at.leash.hold("process", self._process.pid)
        self._at.ends_too(self._end)

    def ask(self, **what: object) -> dict[str, Any]:
        """Have something done. Returns how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({**what, "environment": session.surroundings()}) + "\n")
            self._process.stdin.flush()
            return dict(json.loads(self._process.stdout.readline()))
        except BaseException:  # Ctrl-C: nobody reads any more what it answers; or it was killed
            self._process.kill()
            self._at.forks = None
            raise

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                pipe.close()  # type: ignore[union-attr]
        self._at.leash.hold("gone", self._process.pid)


class Ended(str):
    """How it ended; `printed` is what it printed; if it was killed after some lines, `after` is the one that ran last."""

    printed = ""
    after = ""


def run_in_process(file: str, function: str = "", *args: object, killed_after: int | None = None) -> Ended:
    """In a process of its own, import this file and run the next job; or, with its name, call a function of the file.

    With `killed_after`, the process is killed, with SIGKILL, when so many lines of the job's `perform`, or of the function,
    have run; a statement is one, on however many lines it is written. Returns how it ended: "done" or the like, what the
    function returned, or "killed by SIGKILL".
    """
    at = session.beside()
    if at.forks is None:
        at.forks = Forks()
    identity = new_identity()
    _, redis, will_make = session.database()
    will_make({identity, f"inflight:{identity}|default", "queue:default"})
    at.identities.add(identity)
    before = set(redis.scan_iter())
    told = at.forks.ask(file=file, function=function, args=args, killed_after=killed_after, identity=identity)
    will_make({key.decode() for key in set(redis.scan_iter()) - before})
    print(told["printed"], end="", flush=True)
    ended = Ended(told["ended"])
    ended.printed, ended.after = told["printed"], told["after"]
    if killed_after is not None:
        at.to_be_killed = ended
    return ended


def rescue() -> int:
    """Be the rescuer, 20 seconds later: the heartbeats of the processes that were killed are over, and what they were
    running goes back to its queue. Returns how many jobs those were.
    """
    at, (_, redis, _) = session.beside(), session.database()
    dead = at.identities | {worker.identity for worker in at.workers if worker.ended()}
    if dead := dead - {""}:
        redis.delete(*dead)
    level = logger.level
    logger.setLevel(logging.ERROR)  # it warns of each job; a lesson shows where it is
    try:
        return rescue_orphans()
    finally:
        logger.setLevel(level)
