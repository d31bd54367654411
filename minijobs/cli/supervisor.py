"""`minijobs worker --processes N`: a parent that runs no jobs, and N worker processes that it starts and replaces.

In one process, Python runs one thread at a time. Jobs that wait for something share it well; jobs that calculate do not get
faster with more threads, but with more processes, up to one for each core.

The parent loads none of your code, so none of it can break the parent. It starts each child from scratch, with its own
command line and a few words more. So a child is a worker process like any other, with its own identity, heartbeat and
connections; the parent has none. Between each child and the parent there is a pair of sockets. The child sends one byte when
it has started. The parent sends nothing; when its end is closed, it is gone, and the child stops at once.

The first child goes ahead. If it cannot start, the others could not either: the parent ends with its exit code. From then
on, a child that ends is replaced, however it ended, after a pause: 1 second, then 2, 4, and so on up to 60; after a child
that ran for a minute, 1 second again.

Sidekiq: the command `sidekiqswarm` of Sidekiq Enterprise.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue

from ..console import Failed
from ..log import logger
from ..server import Server

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0  # seconds
LONG_ENOUGH = 60.0  # seconds that a child must have run for the next pause to be the first again

# Seconds that a child may take to end, beyond what unfinished jobs get: LAST_WORDS of `server` and of `console`, and some.
SLACK = 10.0

# Seconds. A signal that arrives just before the main thread begins to wait does not wake it: its handler runs when the wait
# is over.
LOOK_EVERY = 0.5

PASSED_ON = ("TSTP", "TTIN", "TERM", "INT")

# How a process ends that was stopped: the last four, if it had not yet got as far as to handle signals itself.
AS_TOLD = (0, -15, -2, 143, 130)


def pause(restart: int) -> float:
    """The seconds before the first restart in a row, the second, and so on.

    >>> [pause(restart) for restart in (1, 2, 3, 6, 7, 1000)]
    [1.0, 2.0, 4.0, 32.0, 60.0, 60.0]
    """
    return min(FIRST_PAUSE * (1 << min(restart - 1, 10)), LONGEST_PAUSE)


class Child:
    """The place of one child: the process that runs there now, if any, and what is known of it."""

    process: subprocess.Popen[bytes] | None = None
    ready = False  # whether it has started: its code is loaded, and it handles signals
    since = 0.0  # when the process was started, by time.monotonic()
    restarts = 0  # how many in a row: a long run ends the row
    due = 0.0  # when the next process may be started


class Supervisor:
    """The parent. All that happens is an event, a function in `events`, and the main thread calls one after the other."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.command = command(options.words)
        self.timeout = options.timeout
        self.children = [Child() for _ in range(options.processes)]
        self.events: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.started = False  # whether any child has started
        self.quiet = False
        self.stopping = False
        self.deadline = float("inf")  # when the children must have ended, by time.monotonic()
        self.code = 0

    def run(self) -> int:
        """Supervise until told to stop. Returns the exit code: 0 if all stopped as told, 1 if one had to be killed or broke.

        If the first child cannot start, it is the exit code of that child.
        """
        if not hasattr(os, "fork"):
            raise Failed("--processes needs the signals of Linux or macOS, and this system has none.")
        for name in PASSED_ON:
            # A handler interrupts whatever runs; `put` of a SimpleQueue can even interrupt itself.
            signal.signal(getattr(signal, f"SIG{name}"), lambda *_, name=name: self.events.put(partial(self._pass_on, name)))
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # their terminal was closed, and they have none
            signal.signal(signal.SIGHUP, lambda *_: self.events.put(partial(self._pass_on, "TERM")))
        logger.info("minijobs runs %d worker processes", len(self.children))
        while (vacant := self._vacant()) or any(child.process for child in self.children):
            for child in vacant:
                if time.monotonic() >= child.due:
                    self._start(child)
            next_moment = min([self.deadline, *(child.due for child in self._vacant())])
            with suppress(Empty):
                self.events.get(timeout=min(max(0.0, next_moment - time.monotonic()), LOOK_EVERY))()
            if time.monotonic() >= self.deadline:
                self._kill()
        logger.info("stopped: all worker processes have ended")
        return self.code

    def _vacant(self) -> list[Child]:
        """The places where a process is missing: of all, or of the first alone as long as that has not started."""
        if self.quiet or self.stopping:
            return []
        return [child for child in (self.children if self.started else self.children[:1]) if not child.process]

    def _start(self, child: Child) -> None:
        child.ready, child.since = False, time.monotonic()
        try:
            ours, theirs = socket.socketpair()
            with theirs:
                process = subprocess.Popen(
                    [*self.command, "--parent", str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C reaches the parent, which passes it on: otherwise it would come twice
                )
        except OSError as error:
            if not self.started:
                raise Failed(f"No process can be started: {error}.") from None
            self._replace_later(child, f"no process could be started ({error})")
            return
        child.process = process
        for task in (self._listen, self._wait):
            threading.Thread(target=task, args=(child, process, ours), daemon=True).start()

    def _listen(self, child: Child, process: subprocess.Popen[bytes], link: socket.socket) -> None:
        """A thread: what this process sends."""
        with suppress(OSError):
            while link.recv(1):  # more than one: with --reload, the process starts again
                self.events.put(partial(self._is_ready, child, process))

    def _wait(self, child: Child, process: subprocess.Popen[bytes], link: socket.socket) -> None:
        """A thread: the end of this process. (The socket does not show it: children of jobs may hold it open.)"""
        code = process.wait()
        with suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)
        link.close()
        self.events.put(partial(self._has_ended, child, process.pid, code))

    def _is_ready(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        if child.process is process:
            child.ready = self.started = True
            if self.quiet:
                process.send_signal(signal.SIGTSTP)

    def _has_ended(self, child: Child, pid: int, code: int) -> None:
        child.process = None
        how = f"process {pid} " + (f"ended with exit code {code}" if code >= 0 else f"was killed by {_name(-code)}")
        if self.stopping:
            self.code |= code not in AS_TOLD
        elif not self.started:
            self.stopping = True
            self.code = 0 if code in AS_TOLD else code if code > 0 else 1
            if code != 1:  # otherwise it has said why
                logger.error("%s before it had started, so no other is started", how)
        elif self.quiet:
            logger.info("%s; it is not replaced, because no more jobs are fetched", how)
        else:
            self._replace_later(child, how)

    def _replace_later(self, child: Child, why: str) -> None:
        now = time.monotonic()
        child.restarts = 1 if now - child.since >= LONG_ENOUGH else child.restarts + 1
        child.due = now + pause(child.restarts)
        logger.warning("%s; another one starts in %.0f s", why, pause(child.restarts))

    def _pass_on(self, name: str) -> None:
        """Send this signal to all children. One that has not started handles none yet: it is only told to end, and once."""
        first = not self.stopping
        if name == "TSTP":
            self.quiet = True
        elif name in ("TERM", "INT"):
            self.stopping = True
            patience = self.timeout if first or name == "TERM" else 0  # a second INT does not wait for jobs
            self.deadline = min(self.deadline, time.monotonic() + patience + SLACK)
        for child in self.children:
            if child.process and child.ready:
                child.process.send_signal(getattr(signal, f"SIG{name}"))
            elif child.process and self.stopping and first:
                child.process.terminate()

    def _kill(self) -> None:
        """End what does not end by itself, such as a job in C code that never returns. Other processes rescue the jobs."""
        self.deadline = float("inf")
        for child in self.children:
            if child.process:
                logger.error("process %d does not end, so it is killed; another one will rescue its jobs", child.process.pid)
                child.process.kill()


def command(words: list[str]) -> list[str]:
    """The command line of this process, which has these words; or one that does the same, if a program called `main`.

    >>> command(["worker", "--processes", "2"])[1:]
    ['-m', 'minijobs', 'worker', '--processes', '2']
    """
    begin, end = sys.orig_argv[1 : -len(words)], sys.orig_argv[-len(words) :]
    return [sys.executable, *(begin if end == words else ["-m", "minijobs"]), *words]


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


class Parent:
    """What a child knows of its parent. When that is gone, `server` stops at once, and its jobs go back to their queues."""

    def __init__(self, descriptor: int) -> None:
        self.server: Server | None = None
        """The server of this process, once there is one."""
        self._link = socket.socket(fileno=descriptor)
        threading.Thread(target=self._watch, name="parent", daemon=True).start()

    def started(self) -> None:
        """Tell the parent that this process has started."""
        with suppress(OSError):
            self._link.send(b".")

    def _watch(self) -> None:
        with suppress(OSError):
            self._link.recv(1)  # returns when the other end is closed
        if self.server is not None:
            logger.error("the parent process is gone, so this one stops")
            self.server.asked_to_end = True
            self.server.stop(0)
            time.sleep(SLACK)
        os._exit(1)
