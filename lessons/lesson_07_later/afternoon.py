"""An afternoon in which events are created, moved and cancelled: lived with an answer, by a clock of its own, and told.

A step is one of
    ("create" or "move", the event's name, n)   for the half hour before n hours from now
    ("change", the event's name, n)             create, or move if there is this event
    ("cancel", the event's name, 0)
    ("wait", "", n)     n hours pass, and a worker process runs what is due
    ("busy", "", n)     n hours pass. The poller moves what is due, but no worker process is free.
    ("fetch", "", n)    the same; then a worker process fetches it, and begins only after the next step
"""

from __future__ import annotations

import datetime
import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from lessons.course.rejection import is_slip
from lessons.course.seen import Call, Run, Scope
from lessons.course.witness import Witness
from lessons.kit import events
from minijobs import poll, retry

Step = tuple[str, str, int]

HOUR = 60 * 60.0
START = 1_795_010_400.0  # 14:00, of some day
PASSING = ("wait", "busy", "fetch")
NAMES = ("tea", "team", "walk")  # one begins with another
DECOY = {"class": "NewsletterWorker", "args": ["tea"], "queue": "default", "retry": True, "jid": "0" * 24}

# By so much may a mail be late when a worker process is free. Seconds.
LATE = 60.0

# As many runs are more than any answer needs.
MOST_RUNS = 300

# How many more afternoons are tried to find the shortest one that goes wrong.
MORE = 120

# So long may all that is made up take: so much of a processor, or so long on the clock, for an answer that waits. A check
# that takes longer is ended (see `telling`). Less time on the clock would mean another verdict on a busy machine. Seconds.
ENOUGH_CPU = 5.0
ENOUGH = 30.0


@dataclass(frozen=True)
class Mail:
    """A reminder that went out, and the call or run that sent it."""

    name: str
    at: float
    scope: Scope


@dataclass(frozen=True)
class Wrong:
    """The first thing that went wrong: what should have been, and what was, in words."""

    kind: str  # early, twice, cancelled, late, missing, raised, failed, unknown, endless, others
    expected: str
    instead: str
    scope: Scope | None = None


class Afternoon:
    """One afternoon. `webs` web processes take turns, and one worker process runs the jobs. It takes the calls if there are
    none.
    """

    def __init__(self, witness: Witness, steps: Iterable[Step], *, webs: int = 2) -> None:
        self._witness = witness
        self._steps = sensible(steps)
        self.now = START
        self._free_since = START
        self._pending: dict[str, float] = {}  # the events that are still to be reminded of
        self._moments: dict[str, float] = {}  # of all events that there are
        self._told: list[tuple[float, str]] = []
        self._fetched: list[Any] = []  # and not begun
        self.calls: list[Call] = []
        self.runs: list[Run] = []
        self.mails: list[Mail] = []
        self.wrong: Wrong | None = None
        self._live(webs)

    # What can be asked afterwards.

    def mailed(self, name: str = NAMES[0]) -> list[str]:
        """When a reminder of this event went out: "14:30"."""
        return [clock(mail.at) for mail in self.mails if mail.name == name]

    def jobs_of(self, step: int) -> set[str]:
        """The ids of the jobs that were pushed in the call with this number."""
        return {event.what.get("jid") for event in self.calls[step].of("push")}

    def sent_by(self, mail: Mail) -> int | None:
        """The number of the call that pushed the job that sent this mail; None if no call did."""
        jid = mail.scope.job.get("jid") if isinstance(mail.scope, Run) else None
        return next((step for step in range(len(self.calls)) if jid in self.jobs_of(step)), None)

    def story(self) -> str:
        """What happened, up to the first thing that went wrong."""
        told, last = [], 0.0
        for at, text in self._told:
            told.append(text[0].upper() + text[1:] if at == last else f"At {clock(at)}, {text}")
            last = at
        return " ".join(told)

    # How it is lived.

    def _live(self, webs: int) -> None:
        witness = self._witness
        witness.redis.flushall()
        events.forget_events()
        witness.redis.zadd("schedule", {json.dumps(DECOY): START + 100 * 24 * HOUR})
        with self._by_our_clock():
            self._worker = witness.process()
            processes = {} if webs else {0: self._worker}
            for step in self._steps:
                if step[0] in PASSING:
                    self._pass(*step)
                else:
                    number = len(self.calls) % max(webs, 1)
                    if number not in processes:
                        processes[number] = witness.process()
                    self._call(processes[number], *step)
            self._pass("wait", "", 12)
        self.decoy_is_gone = witness.redis.zscore("schedule", json.dumps(DECOY)) is None
        if self.decoy_is_gone:
            self._went_wrong(
                "others",
                "jobs of other Workers stay where they are.",
                "a job of NewsletterWorker that lay in schedule is gone.",
            )

    def _call(self, process: Any, kind: str, name: str, hours: int) -> None:
        at = self.now + (hours - 0.5) * HOUR
        self._tell(f"you cancelled '{name}'." if kind == "cancel" else f"you {kind}d '{name}' {TO[kind]} {clock(at)}.")
        if kind == "cancel":
            self._moments.pop(name, None)
            self._pending.pop(name, None)
        else:
            self._moments[name] = self._pending[name] = at
        call = self._witness.call(
            process, f"{kind}('{name}')", kind, *([name] if kind == "cancel" else [name, at]), looking=False
        )
        self.calls.append(call)
        self._look_at(call)
        if call.error is not None:
            said = f"{type(call.error).__name__}: {call.error}".rstrip(": ")
            self._went_wrong("raised", f"{kind} returns.", f"it raised {said}", call)

    def _pass(self, kind: str, name: str, hours: int) -> None:
        until = self.now + hours * HOUR
        if kind == "wait":
            self._work()
        else:
            self._tell(f"until {clock(until)}, no worker process was free.")
        while (due := self._next()) is not None and due + 1 <= until:
            self.now = max(self.now, due + 1)  # the poller looks a second later
            with self._worker:
                poll(now=self.now)
            if kind == "wait":
                self._work()
        self.now = until
        if kind == "fetch":
            self._fetched = self._witness.fetch(self._worker)
            self._tell("one fetched what was due, and had not begun it yet.")
        if kind == "wait":
            for at, late in sorted((at, late) for late, at in self._pending.items() if at <= self.now):
                del self._pending[late]
                if self.wrong is None:
                    self._told = [(moment, text) for moment, text in self._told if moment <= at]
                expected, instead = f"a mail about '{late}', at {clock(at)}.", f"no mail about '{late}' went out."
                self._went_wrong("missing", expected, instead, at=at)
        self._free_since = self.now

    def _work(self) -> None:
        """Run what is in the queues."""
        fetched, self._fetched = self._fetched, []
        runs = self._witness.work(self._worker, most=MOST_RUNS - len(self.runs), first=len(self.runs) + 1, fetched=fetched)
        self.runs += runs
        for run in runs:
            self._look_at(run)
        if len(self.runs) >= MOST_RUNS:
            self._went_wrong("endless", f"fewer than {MOST_RUNS} runs.", f"there were {MOST_RUNS} runs, and no end of them.")

    def _next(self) -> float | None:
        """When the next job is due that a poller would move."""
        keys = ("schedule", "retry") if any(run.error for run in self.runs) else ("schedule",)
        first = [self._witness.redis.zrange(key, 0, 0, withscores=True) for key in keys]
        return min((found[0][1] for found in first if found), default=None)

    def _look_at(self, scope: Scope) -> None:
        if isinstance(scope, Run) and is_slip(scope.error, self._witness.answer):
            self._went_wrong("failed", "no job fails.", "a job failed.", scope)
        for _, name in scope.mails:
            self.mails.append(Mail(name, self.now, scope))
            at = self._pending.get(name)
            instead = f"a mail about '{name}' went out"
            if at is None and name in self._moments:
                self._went_wrong("twice", f"no more mails about '{name}'.", f"{instead}, again.", scope)
            elif at is None and name in NAMES:
                self._went_wrong("cancelled", f"no mail about '{name}'.", f"{instead}.", scope)
            elif at is None:
                self._went_wrong("unknown", "the subject of a mail is the name of an event.", f"{instead}.", scope)
            elif at > self.now + 1:
                self._went_wrong("early", f"a mail about '{name}' at {clock(at)}, and none before.", f"{instead}.", scope)
            elif self.now > max(at, self._free_since) + LATE:
                self._went_wrong("late", f"a mail about '{name}' at {clock(at)}.", f"{instead}, too late.", scope)
                del self._pending[name]
            else:
                self._tell(f"a mail about '{name}' went out.")
                del self._pending[name]

    def _tell(self, text: str, at: float | None = None) -> None:
        if self.wrong is None:
            self._told.append((self.now if at is None else at, text))

    def _went_wrong(
        self, kind: str, expected: str, instead: str, scope: Scope | None = None, at: float | None = None
    ) -> None:
        self._tell(instead, at)
        self.wrong = self.wrong or Wrong(kind, expected, instead, scope)

    def _by_our_clock(self) -> ExitStack:
        """Meanwhile, it is as late as this afternoon says, and a mail costs no time."""
        stack, afternoon = ExitStack(), self

        class Datetime(datetime.datetime):
            @classmethod
            def now(cls, tz: Any = None) -> Datetime:
                return cls.fromtimestamp(afternoon.now, tz)

        Datetime.__name__ = "datetime"  # as a message may say
        stack.enter_context(patch.object(time, "time", lambda: afternoon.now))
        stack.enter_context(patch.object(datetime, "datetime", Datetime))
        stack.enter_context(patch.object(events, "send_gif", self._send))
        stack.enter_context(patch.object(retry, "_jitter", lambda count: 0))
        stack.enter_context(patch.object(threading.Timer, "run", lambda timer: None))  # nobody waits for its end
        return stack

    def _send(self, email: str, name: str, *, seconds: float = 0) -> None:
        self._witness.note("mail", (email, name))


TO = {"create": "for", "move": "to"}


def clock(moment: float) -> str:
    """The time of day.

    >>> clock(START + 30 * 60)
    '14:30'
    """
    hours, seconds = divmod(moment - START, HOUR)
    return f"{int(14 + hours) % 24}:{int(seconds // 60):02}"


def sensible(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Those of these steps that can be gone, one after the other, as a story has them. Time passes at the end by itself.

    >>> sensible([("cancel", "tea", 0), ("change", "tea", 1), ("change", "tea", 1), ("change", "tea", 2), ("wait", "", 1)])
    (('create', 'tea', 1), ('move', 'tea', 2))
    """
    those: list[Step] = []
    passed, moments = 0, dict[str, int]()  # in hours
    for kind, name, hours in steps:
        if kind == "change":
            kind = "move" if name in moments else "create"
        if kind in PASSING:
            passed += hours
        elif (kind == "create") == (name in moments) or (kind == "move" and moments[name] == passed + hours):
            continue
        elif kind == "cancel":
            del moments[name]
        else:
            moments[name] = passed + hours
        those.append((kind, name, hours))
    while those and those[-1][0] == "wait":
        those.pop()
    return tuple(those)


def sequences(kinds: Iterable[str]) -> st.SearchStrategy[list[Step]]:
    """Any sequence of steps of these kinds. The simplest has the fewest steps, the first name, the shortest times."""
    often = [kind for kind in kinds for _ in range(3 if kind == "change" else 1)]
    step = st.tuples(st.sampled_from(often), st.sampled_from([NAMES[0], NAMES[0], NAMES[1]]), st.integers(1, 3))
    return st.lists(step.map(_as_it_is_told), min_size=1, max_size=7)


def _as_it_is_told(step: Step) -> Step:
    kind, name, hours = step
    return (kind, "" if kind in PASSING else name, 0 if kind == "cancel" else hours)


def patience() -> Callable[[], bool]:
    """What says, from now on, whether enough time has been taken."""
    cpu, clock = time.process_time() + ENOUGH_CPU, time.monotonic() + ENOUGH
    return lambda: time.process_time() > cpu or time.monotonic() > clock


class Afternoons(dict[tuple[Step, ...], Afternoon]):
    """The afternoons that were lived with an answer, by their sensible steps: each is lived once, when it is asked for."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    def __missing__(self, steps: tuple[Step, ...]) -> Afternoon:
        self[steps] = Afternoon(self._witness, steps)
        return self[steps]

    def of(self, steps: Iterable[Step]) -> Afternoon:
        """The afternoon of these steps, of which perhaps some make no sense."""
        return self[sensible(steps)]

    def shortest(self, tries: int, kinds: list[str], *, enough: Callable[[], bool]) -> Afternoon | None:
        """The shortest afternoon of such steps that goes wrong, of `tries` that are made up; None if none does.

        How many are tried is fixed, and so is which: the same answer gets the same verdict each time. Only when it is
        `enough`, no more are tried.
        """
        more, failed = MORE, False

        def goes_wrong(steps: list[Step]) -> bool:
            nonlocal more, failed
            key = sensible(steps)
            if key not in self:
                if (failed and more <= 0) or enough():
                    return False
                more -= failed
            failed = failed or self[key].wrong is not None
            return self[key].wrong is not None

        plan = settings(
            max_examples=tries,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )
        try:
            found = find(sequences(kinds), goes_wrong, settings=plan)
        except NoSuchExample:
            return None
        names = list(dict.fromkeys(name for _, name, _ in found if name))
        renamed = [(kind, dict(zip(names, NAMES, strict=False)).get(name, ""), hours) for kind, name, hours in found]
        again = self.of(renamed)  # whichever names were found by chance, the first one comes first in a story
        return again if again.wrong else self.of(found)
