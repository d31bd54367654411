"""The shop as an answer has it, killed after each step in turn: real processes, forked, a real SIGKILL, a real Redis.

A *step* is whatever leaves the process: a payment, a commit, a push, a mail, a command to Redis. Between two of them, it
makes no difference to the rest of the world where the process is killed. If an answer writes files of its own, each line
that follows is a step as well.
"""

from __future__ import annotations

import builtins
import gc
import json
import os
import platform
import signal
import socket
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import redis as redis_py

import minijobs
from lessons import kit
from lessons.course.rejection import said
from lessons.course.seen import Call, Event, Run, Scope
from lessons.course.witness import DAY, Process, Witness, current_scope
from lessons.kit import session, shop
from minijobs import Client

from .watched_connection import WatchedConnection

# Seconds that a process may take, of a processor, and on a busy machine.
MOST_CPU = 1.0
LONGEST = 15.0

# Where a command to Redis, or a file, is not the answer's own.
OURS = tuple(f"{Path(package.__file__).parent}{os.sep}" for package in (minijobs, kit))

# What an answer may ask Redis without changing anything. In capital letters.
QUESTIONS = {
    *("GET", "MGET", "EXISTS", "TYPE", "TTL", "PTTL", "STRLEN", "GETRANGE", "KEYS", "SCAN", "SISMEMBER", "SMISMEMBER"),
    *("SMEMBERS", "SCARD", "HGET", "HMGET", "HGETALL", "HEXISTS", "HKEYS", "HLEN", "LLEN", "LRANGE", "LINDEX", "LPOS"),
    *("ZSCORE", "ZRANGE", "ZCARD", "TIME", "PING", "WATCH", "UNWATCH", "SCRIPT LOAD"),
}


def _hash_elsewhere(value: Any, days: int) -> int:
    """What `hash` says in another process: of a text, something else."""
    if isinstance(value, tuple):
        return hash(tuple(_hash_elsewhere(one, days) for one in value))
    return hash((value, days) if isinstance(value, (str, bytes)) and value else value)


# What an answer can ask about where and when it runs, and the replies that many days later, on another machine.
AWAY: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (time, "time", lambda days: time.time() + days * DAY),
    (time, "time_ns", lambda days: time.time_ns() + days * int(DAY) * 10**9),
    (socket, "gethostname", lambda days: f"{socket.gethostname()}-{days}"),
    (platform, "node", lambda days: f"{platform.node()}-{days}"),
    (builtins, "hash", lambda days, value: _hash_elsewhere(value, days)),
)


@dataclass
class Life:
    """What one process did, and how it ended."""

    label: str
    events: list[Event] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)  # of each event: the job that ran; empty if none did
    callers: list[str] = field(default_factory=list)  # of each event: "buy", "sweep" or which run
    raised: dict[str, str] = field(default_factory=dict)  # what a call of "buy" or "sweep" raised, the last time
    steps: list[int] = field(default_factory=list)  # the places, in `events`, of those that are steps
    killed: bool = False

    @property
    def scope(self) -> Scope:
        """The same for the judge."""
        return Scope(self.label, self.events)


STEPS: dict[str, Callable[[Any], str]] = {
    "payment": lambda what: "the payment was taken" if what["taken"] else "the payment was asked for",
    "commit": lambda what: "the commit at the end of the `with`" if what == "with" else "the commit",
    "push": lambda what: f"the push of a {what['class']}",
    "mail": lambda what: "the mail",
    "redis": lambda what: f"{what[0]} to Redis",
    "file": lambda what: "a file was opened",
    "line": lambda what: "",
}


def at(event: Event) -> str:
    """Where a step was, and what it was."""
    said = STEPS[event.kind](event.what)
    return f"line {event.places[0][0]}{f' ({said})' if said else ''}" if event.places else said or "the end"


class Dying(Witness):
    """Watches an answer, also in a forked process, which it kills after a given step."""

    # A check says here that it goes on, and which line of the answer comes to no end.
    goes_on: Callable[[], object] = staticmethod(bool)
    never_ends: Callable[[int | None], object] = staticmethod(bool)
    # To whom a mail goes; in a check, to nobody.
    deliver: Callable[..., object] = staticmethod(lambda *_, **__: None)

    kill_after = 0  # the number of the step; 0 for never
    _pipe: Any = None
    _armed = False
    _count = 0
    _line_by_line = False
    _lives = 0
    _here: Process | None = None

    def __enter__(self) -> Dying:
        super().__enter__()
        connect, take = sqlite3.connect, shop.take_payment

        def connected(path: Any, *args: Any, **options: Any) -> Any:
            opened = connect(path, *args, **{"timeout": 0.2, "factory": WatchedConnection, **options})
            if isinstance(opened, WatchedConnection) and not str(path).endswith("provider.db"):
                opened.changed, opened.committed = partial(self.note, "change", None), partial(self.step, "commit")
            return opened

        def take_payment(email: str, cents: int, key: str | None = None) -> int:
            before = len(shop.payments())
            number = take(email, cents, key)
            taken = len(shop.payments()) > before
            self.step("payment", {"email": email, "cents": cents, "key": key, "taken": taken})
            return number

        self._stack.enter_context(patch.object(sqlite3, "connect", connected))
        for place in (shop, kit):
            self._stack.enter_context(patch.object(place, "take_payment", take_payment))
            self._stack.enter_context(patch.object(place, "send_gif", self._mail))
        self._stack.enter_context(patch.object(Client, "_execute", self._told(Client._execute)))
        for owner, name in ((redis_py.Redis, "execute_command"), (redis_py.client.Pipeline, "execute")):
            self._stack.enter_context(patch.object(owner, name, self._commanded(getattr(owner, name))))
        return self

    def step(self, kind: str, what: Any) -> None:
        """Something has left the process."""
        self.note(kind, what)
        self._step_is_over()

    def note(self, kind: str, what: Any) -> None:
        super().note(kind, what)
        scope = current_scope()
        if self._pipe is not None and scope is not None:
            event, job = scope.events[-1], scope.job if isinstance(scope, Run) else {}
            told = [event.kind, event.what, event.places, event.elsewhere, event.direct]
            self._pipe.write(json.dumps({"event": told, "job": job, "caller": scope.label}, default=str) + "\n")
            self._pipe.flush()

    def call(self, process: Process, label: str, function: str, *args: Any, looking: bool = True) -> Call:
        call = super().call(process, label, function, *args, looking=looking)
        if self._pipe is not None and call.error is not None:
            print(json.dumps({"raised": label, "error": said(call.error, self.answer)}), file=self._pipe, flush=True)
        return call

    def _mail(self, email: str, thought: str, *, seconds: float = 0) -> None:
        self.deliver(email, thought, seconds=0)
        self.step("mail", (email, thought))

    def _step_is_over(self) -> None:
        if self._pipe is None or not self._armed or current_scope() is None:
            return
        self._count += 1
        print(json.dumps({"step": True}), file=self._pipe, flush=True)
        if self._count == self.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    def _told(self, really: Any) -> Any:
        def told(client: Any, *args: Any) -> None:
            really(client, *args)
            self._step_is_over()

        return told

    def _commanded(self, really: Any) -> Any:
        def commanded(client: Any, *words: Any, **options: Any) -> Any:
            answer = really(client, *words, **options)
            said = [str(word) for word in words[:3]] or ["a pipeline"]
            if said[0].upper() not in QUESTIONS and _called_by(self._file):
                self.step("redis", said)
            return answer

        return commanded

    # In a process of its own.

    def here(self) -> Process:
        """The process that everything happens in: in a fork, that one; in the check's own, another one each time."""
        if self._pipe is None:
            return self.process()
        self._here = self._here or self.process(days=self._lives)
        return self._here

    def live(self, label: str, *parts: Callable[[Dying], object], kill_after: int = 0) -> Life:
        """Do these parts, one after the other, in a forked process; in the last of them, it is killed after that step.

        Each process lives a day after the one before, and on another machine, as far as the answer can tell.
        """
        self._lives += 1
        told, tells = os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are other threads: the child needs none of them
            child = os.fork()
        if child == 0:
            gc.disable()  # it would touch, and so copy, all the memory that this process shares with the other one
            os.close(told)
            self._be_a_process(tells, parts, kill_after)
        os.close(tells)
        life = Life(label)
        with open(told, encoding="utf-8") as lines:
            for line in lines:
                self._hear(life, json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        life.killed = code == -signal.SIGKILL
        self.goes_on()
        return life

    def _hear(self, life: Life, told: dict[str, Any]) -> None:
        if "event" in told:
            kind, what, places, elsewhere, direct = told["event"]
            life.events.append(Event(kind, what, [(line, name) for line, name in places], elsewhere, direct))
            life.jobs.append(told["job"])
            life.callers.append(told["caller"])
        elif "step" in told:
            life.steps.append(len(life.events) - 1)
        elif "raised" in told:
            life.raised[told["raised"]] = told["error"].rstrip(".")
        elif "never ends" in told:
            self.never_ends(told["never ends"])

    def _be_a_process(self, tells: int, parts: Any, kill_after: int) -> None:
        try:
            self._pipe = os.fdopen(tells, "w", encoding="utf-8")
            for number, timer, seconds in (
                (signal.SIGALRM, signal.ITIMER_REAL, LONGEST),
                (signal.SIGVTALRM, signal.ITIMER_VIRTUAL, MOST_CPU),
            ):
                signal.signal(number, self._say_where)
                signal.setitimer(timer, seconds)
            sys.addaudithook(self._files)
            for owner, name, away in AWAY:
                setattr(owner, name, self._away(getattr(owner, name), away))
            minijobs.connect(session.database()[0])
            for part in parts:
                self._armed = part is parts[-1]
                self.kill_after = kill_after
                part(self)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
        finally:
            os._exit(0)

    def _away(self, really: Any, away: Callable[..., Any]) -> Any:
        """What a function of the system says, and to the answer, what it says elsewhere."""

        def says(*args: Any) -> Any:
            return away(self._lives, *args) if sys._getframe(1).f_code.co_filename == self._file else really(*args)

        return says

    def _say_where(self, number: int, frame: Any) -> None:
        while frame is not None and frame.f_code.co_filename != self._file:
            frame = frame.f_back
        print(json.dumps({"never ends": frame and frame.f_lineno}), file=self._pipe, flush=True)
        os._exit(3)

    def _files(self, event: str, args: Any) -> None:
        """A file of the answer's own is written: from now on each line is a step."""
        if self._line_by_line or event != "open" or not isinstance(args[2], int):
            return
        if args[2] & (os.O_WRONLY | os.O_RDWR) and _called_by(self._file):
            self._line_by_line = True
            self.note("file", str(args[0]))
            frame: Any = sys._getframe(1)
            sys.settrace(self._traced)
            while frame is not None:
                if frame.f_code.co_filename == self._file:
                    frame.f_trace = self._traced
                frame = frame.f_back

    def _traced(self, frame: Any, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename != self._file:
            return None
        if event in ("line", "return"):
            self.step("line", None)
        return self._traced


def _called_by(file: str) -> bool:
    """Whether a line of this file called what runs now, and not the library for it."""
    frame: Any = sys._getframe(2)
    while frame is not None:
        name = frame.f_code.co_filename
        if name == file:
            return True
        if name.startswith(OURS):
            return False
        frame = frame.f_back
    return False
