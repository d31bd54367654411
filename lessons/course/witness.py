"""The witness of a check: it writes down what an answer does while it does it. What to make of that is the judge's business.

An answer is loaded once for each process that takes part: as the web application that pushes, and as the worker process
that runs the jobs. Each of these has its own variables, Workers, middleware and hooks, as two real processes have; what they
share is Redis, the mail server and the users.
"""

from __future__ import annotations

import ast
import contextvars
import datetime
import inspect
import os
import re
import smtplib
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from email import policy
from email.parser import BytesHeaderParser
from functools import lru_cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any
from unittest.mock import patch

from lessons.kit import people
from minijobs import (
    Client,
    Fetcher,
    Processor,
    Queue,
    UnitOfWork,
    api,
    connection,
    lifecycle,
    middleware,
    poll,
    retry,
    testing,
    worker,
)

from .catalogue import load
from .seen import Call, Entry, Event, Run, Scope, minus

DAY = 24 * 60 * 60.0

# How often an answer may pause before the witness stops waiting for it to end by itself.
MOST_NAPS = 300

# How many jobs are run at a time: a job that pushes the next one would go on for ever.
MOST_RUNS = 60

# Seconds that an answer may wait for an event: time enough for a thread of its own to set it.
LONGEST_WAIT = 0.5

# Seconds that a thread which the answer has left running may still take; and that a push waits which is made in one.
THREADS_END_WITHIN = 1.0
HELD_UP = 0.3

HEADERS = BytesHeaderParser(policy=policy.default)

# What the library keeps about processes, and counts: no jobs of anybody's.
BOOKKEEPING = ("stat:", "processes", "inflight", "minijobs-lesson")
HEARTBEAT = re.compile(r".+:\d+:[0-9a-f]{12}(:work)?")


# What an answer calls of the library to look at jobs and to move them. That it does is no act by itself: see `Scope.acts`.
LOOKS = {
    api.SortedEntry: ("retry", "kill", "reschedule", "delete"),
    api.JobRecord: ("delete",),
    api.JobSet: ("page", "clear", "retry_all", "kill_all"),
    api.Queue: ("page", "clear"),
}


# What Worker has before any answer has set something on it.
WORKER = dict(vars(worker.Worker))


class NeverEnds(BaseException):
    """The answer pauses again and again. Not an Exception: nothing in the answer should catch it by chance."""


_scope: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("scope", default=None)


def current_scope() -> Scope | None:
    """The call or run that goes on, if one does."""
    return _scope.get()


class Witness:
    """Watches the answer in one file. Use it as a context manager: what it has replaced is put back at the end."""

    def __init__(self, answer: Path, redis: Any = None) -> None:
        self.answer, self.redis = answer, redis
        self._file = str(answer)
        self._naps = 0
        self._threads: list[threading.Thread] = []
        self._stack = ExitStack()

    def __enter__(self) -> Witness:
        for owner, name, watched in (
            (smtplib.SMTP, "sendmail", self._sendmail),
            (Client, "push", self._push),
            (Client, "push_bulk", self._push),
            (Client, "_ready", self._ready),
            (threading.Thread, "start", self._start),
            (time, "sleep", self._sleep),
            (threading.Event, "wait", self._wait),
            (people, "row", self._row),
        ):
            self._stack.enter_context(patch.object(owner, name, watched(getattr(owner, name))))
        for owner, names in LOOKS.items():
            for name in names:
                self._stack.enter_context(patch.object(owner, name, self._called(name, getattr(owner, name))))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    # What the check asks for.

    def process(self, *, days: int = 0) -> Process:
        """A new process that has loaded the answer. Its calendar shows a day that is so many `days` away."""
        return Process(self, days)

    def never_gone_through(self) -> list[int]:
        """The lines where a map, a filter or a generator stands by itself: nobody goes through it, so it does nothing."""
        lazy = []
        for node in ast.walk(ast.parse(self.answer.read_bytes())):
            value = node.value if isinstance(node, ast.Expr) else None
            named = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("map", "filter")
            if named or isinstance(value, ast.GeneratorExp):
                lazy.append(node.lineno)
        return sorted(lazy)

    def call(self, process: Process, label: str, function: str, *args: Any, looking: bool = True) -> Call:
        """Call a function of the answer. What it raises is written down as well; and what Redis held before and after it,
        unless `looking` is false, which is faster."""
        call = Call(label)
        before = self.entries() if looking else []
        with process, self._during(call):
            try:
                call.result = getattr(process.module, function)(*args)
                if inspect.iscoroutine(call.result):
                    call.result.close()
            except BaseException as error:
                call.error = error
        after = self.entries() if looking else []  # before a thread that was left running goes on: it has come too late
        call.left, call.gone = minus(after, before), minus(before, after)
        call.ended.set()
        for thread in self._threads:
            thread.join(THREADS_END_WITHIN)
        self._threads.clear()
        return call

    def work(
        self,
        process: Process,
        *,
        later: bool = False,
        most: int = MOST_RUNS,
        first: int = 1,
        fetched: Iterable[tuple[Processor, UnitOfWork]] = (),
    ) -> list[Run]:
        """Run the jobs of all queues until none is left, or `most` were run. Returns the runs, in their order.

        With `later`, what waits for its moment is due first: more than a year passes. `first` is the first run's number.
        What `fetch` has fetched before comes first of all.
        """
        runs: list[Run] = []
        with process:
            if later:
                poll(now=time.time() + 400 * DAY)
            before = list(fetched)
            while len(runs) < most and (one := before.pop(0) if before else self._fetch()):
                processor, unit = one
                job = Entry("", unit.raw).job or {}
                run = Run(f"run {first + len(runs)}", job=job)
                with self._during(run):
                    run.outcome = processor.run(unit)
                for thread in self._threads:
                    thread.join(THREADS_END_WITHIN)
                self._threads.clear()
                processor.settle(unit, run.outcome)
                run.error = run.outcome.error
                runs.append(run)
        return runs

    def fetch(self, process: Process) -> list[tuple[Processor, UnitOfWork]]:
        """Fetch the jobs of all queues, as a worker process does that begins them a moment later: see `work`."""
        with process:
            return list(iter(self._fetch, None))

    def _fetch(self) -> tuple[Processor, UnitOfWork] | None:
        if not (names := [queue.name for queue in Queue.all()]):
            return None
        processor = Processor(Fetcher(*names))
        unit = processor.fetcher.fetch()
        return (processor, unit) if unit else None

    def entries(self) -> list[Entry]:
        """Everything that Redis holds, but for what the library keeps about processes."""
        found: list[Entry] = []
        for name in sorted(self.redis.keys()):
            key = name.decode(errors="replace")
            if not key.startswith(BOOKKEEPING) and not HEARTBEAT.fullmatch(key):
                found += [Entry(key, raw, score) for raw, score in _content(self.redis, name)]
        return found

    # What it watches.

    @contextmanager
    def _during(self, scope: Scope) -> Iterator[None]:
        token = _scope.set(scope)
        try:
            yield
        finally:
            _scope.reset(token)

    def note(self, kind: str, what: Any) -> None:
        """Write an event down, with the lines of the answer that led to it."""
        scope = _scope.get()
        if scope is not None:
            frames = [frame for frame in _stack(sys._getframe(1)) if frame.f_code.co_filename == self._file]
            places = [(frame.f_lineno, frame.f_code.co_name) for frame in frames]
            elsewhere = threading.get_ident() != scope.thread
            scope.events.append(Event(kind, what, places, elsewhere, any(map(_called_directly, frames))))

    def _sendmail(self, really: Any) -> Any:
        def sendmail(server: Any, sender: Any, to: Any, content: Any, *args: Any, **kwargs: Any) -> Any:
            told = _addressed(content if isinstance(content, bytes) else content.encode())
            try:
                answer = really(server, sender, to, content, *args, **kwargs)
            except smtplib.SMTPException:
                self.note("refused mail", told)
                raise
            self.note("mail", told)
            return answer

        return sendmail

    def _row(self, really: Any) -> Any:
        def row(number: Any) -> Any:
            try:
                found = really(number)
            except LookupError as error:
                self.note("refused lookup", error)
                raise
            self.note("lookup", number)
            return found

        return row

    def _called(self, name: str, really: Any) -> Any:
        def called(one: Any, *args: Any, **kwargs: Any) -> Any:
            if sys._getframe(1).f_code.co_filename == self._file:
                self.note("call", (name, *args))
            return really(one, *args, **kwargs)

        return called

    def _push(self, really: Any) -> Any:
        def push(client: Any, *args: Any, **kwargs: Any) -> Any:
            scope = _scope.get()
            if scope is not None and threading.get_ident() != scope.thread:
                scope.ended.wait(HELD_UP)  # a thread that is waited for is in time; one that is not is late, each time
            try:
                return really(client, *args, **kwargs)
            except (ValueError, TypeError) as error:
                self.note("refused push", error)
                raise

        return push

    def _ready(self, really: Any) -> Any:
        modes = {testing._keep: "fake", testing._run_all: "inline"}

        def ready(client: Any, job: Any, parameters: Any) -> Any:
            made = really(client, job, parameters)
            mode = "cancelled" if made is None else modes.get(Client._send, "redis")
            self.note("push", {**(job if made is None else made), "mode": mode})
            return made

        return ready

    def _start(self, really: Any) -> Any:
        def start(thread: threading.Thread) -> None:
            callers = (frame for frame in _stack(sys._getframe(1)) if not _of_threading(frame.f_code))
            if (caller := next(callers, None)) is not None and caller.f_code.co_filename == self._file:
                self.note("thread", thread.name)
                context, run = contextvars.copy_context(), thread.run
                thread.run = lambda: context.run(run)  # type: ignore[method-assign]
                self._threads.append(thread)
            really(thread)

        return start

    def _sleep(self, really: Any) -> Any:
        def sleep(seconds: float) -> None:
            if sys._getframe(1).f_code.co_filename != self._file:
                really(seconds)
                return
            self.note("nap", seconds)
            self._naps += 1
            if self._naps > MOST_NAPS:
                raise NeverEnds(f"it paused {MOST_NAPS} times, and did not end")

        return sleep

    def _wait(self, really: Any) -> Any:
        def wait(event: threading.Event, timeout: float | None = None) -> bool:
            if sys._getframe(1).f_code.co_filename != self._file:
                return bool(really(event, timeout))
            happened = bool(really(event, min(timeout or LONGEST_WAIT, LONGEST_WAIT)))
            if not happened:
                self.note("nap", timeout or float("inf"))
                if timeout is None:
                    raise NeverEnds("it waited for something that did not happen")
            return happened

        return wait

    def around(self, instance: Any, job: Any, run: Callable[[], None]) -> None:
        """Server middleware: a job that is run while no worker process runs it was run by the answer itself."""
        scope = _scope.get()
        if not isinstance(scope, Run) or scope.job.get("jid") != job["jid"] or scope.thread != threading.get_ident():
            self.note("run", {**job, "by": _who_runs(sys._getframe(1))})
        run()


class Process:
    """A process of its own, as far as an answer can tell: its code loaded afresh, its own Workers, middleware and hooks.

    Entered, it is the process that everything happens in.
    """

    def __init__(self, witness: Witness, days: int = 0) -> None:
        self._calendar = _calendar(days)
        hooks: dict[str, list[Any]] = {event: [] for event in lifecycle.EVENTS}
        self._own: list[Any] = [{}, [], [witness.around], [], hooks, []]  # see _swap
        self._environment = _environment()
        self._on_worker: dict[str, Any] = {}  # what the answer has set on Worker itself
        self._module: Any = None
        self._client = Client._send, Client._now, connection.current()
        with self:
            self.module = self.load(witness.answer)

    def load(self, answer: Path) -> Any:
        """Load the answer, in this process."""
        return load(answer)

    def __enter__(self) -> Process:
        self._swap()
        return self

    def __exit__(self, *error: object) -> None:
        self._swap()

    @property
    def workers(self) -> list[type[worker.Worker]]:
        """The Workers that the answer defines."""
        return list(self._own[0].values())

    def _swap(self) -> None:
        """Exchange what this process has for what another one had, in place: others refer to these objects, too."""
        places: list[Any] = [
            worker.registry,
            middleware.client._links,
            middleware.server._links,
            retry.death_handlers,
            lifecycle.handlers,
            testing._modes,
        ]
        for number, place in enumerate(places):
            add: Any = place.update if hasattr(place, "keys") else place.extend
            theirs = dict(place) if hasattr(place, "keys") else list(place)
            if theirs != self._own[number]:
                place.clear()
                add(self._own[number])
            self._own[number] = theirs
        theirs = _environment()
        if theirs != self._environment:
            os.environ.clear()
            os.environ.update({os.fsdecode(name): os.fsdecode(value) for name, value in self._environment.items()})
        self._environment = theirs
        theirs = {name: value for name, value in vars(worker.Worker).items() if value is not WORKER.get(name)}
        for name in theirs:
            setattr(worker.Worker, name, WORKER[name]) if name in WORKER else delattr(worker.Worker, name)
        for name, value in self._on_worker.items():
            setattr(worker.Worker, name, value)
        self._on_worker = theirs
        theirs, self._module = sys.modules.get("exercise"), self._module
        sys.modules.pop("exercise", None)
        if self._module is not None:
            sys.modules["exercise"] = self._module
        self._module = theirs
        theirs = datetime.date, datetime.datetime
        datetime.date, datetime.datetime = self._calendar  # type: ignore[misc]
        self._calendar = theirs
        theirs = Client._send, Client._now, connection._current
        Client._send, Client._now, connection._current = self._client  # type: ignore[method-assign]
        self._client = theirs


def _environment() -> dict[Any, Any]:
    """What is in the environment now, as `os.environ` itself keeps it: to decode all of it takes a hundred times as long."""
    return dict(getattr(os.environ, "_data", os.environ))


class _Alike(type):
    """The type of a date that is like any other date."""

    def __instancecheck__(cls, one: Any) -> bool:
        return isinstance(one, cls.__mro__[1])


def _calendar(days: int) -> tuple[Any, Any]:
    """What `datetime.date` and `datetime.datetime` are in a process that is so many days away from this one."""
    if not days:
        return datetime.date, datetime.datetime
    real, later = datetime.datetime, datetime.timedelta(days=days)

    def today(cls: Any) -> Any:
        day = real.now() + later
        return cls(day.year, day.month, day.day)

    def now(cls: Any, tz: Any = None) -> Any:
        return cls.fromtimestamp((real.now(datetime.UTC) + later).timestamp(), tz)

    def utcnow(cls: Any) -> Any:
        return now(cls, datetime.UTC).replace(tzinfo=None)

    moments = {"now": now, "today": now, "utcnow": utcnow}
    return (
        _Alike("date", (datetime.date,), {"today": classmethod(today)}),
        _Alike("datetime", (real,), {name: classmethod(function) for name, function in moments.items()}),
    )


@lru_cache
def _addressed(mail: bytes) -> tuple[str, str]:
    """To whom a mail is, and its subject. Tests send the same one again and again."""
    headers = HEADERS.parsebytes(mail)
    return str(headers["To"]), str(headers["Subject"])


def _content(redis: Any, name: bytes) -> list[tuple[bytes, float | None]]:
    """What a key holds, of whatever type it is; with the scores, if it has any."""
    kind = redis.type(name)
    if kind == b"zset":
        return list(redis.zrange(name, 0, -1, withscores=True))
    if kind == b"list":
        held = redis.lrange(name, 0, -1)
    elif kind == b"set":
        held = sorted(redis.smembers(name))
    elif kind == b"hash":
        held = [b"=".join(pair) for pair in redis.hgetall(name).items()]
    else:
        held = [redis.get(name)]
    return [(raw, None) for raw in held]


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _called_directly(frame: FrameType) -> bool:
    """Whether this is a `perform` that no job started: the object then has no jid."""
    code = frame.f_code
    if code.co_name != "perform" or not code.co_argcount:
        return False
    one = frame.f_locals.get(code.co_varnames[0])
    return isinstance(one, worker.Worker) and one.jid is None


def _of_threading(code: CodeType) -> bool:
    return "threading" in code.co_filename or "concurrent" in code.co_filename or code.co_filename == __file__


def _who_runs(frame: FrameType) -> str:
    for one in _stack(frame):
        name = Path(one.f_code.co_filename).name
        if one.f_code.co_name == "perform_inline":
            return "perform_inline"
        if name in ("testing.py", "processor.py"):
            return name.removesuffix(".py")
    return "the answer"
