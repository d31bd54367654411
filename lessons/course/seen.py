"""What a witness writes down of an answer: its calls and runs, what happened in each, and what Redis held."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from typing import Any

from minijobs import Outcome


@dataclass(frozen=True)
class Entry:
    """An entry of a key in Redis: an item of a list, a member of a set with its score, a field of a hash."""

    key: str
    raw: bytes
    score: float | None = None

    @cached_property
    def job(self) -> dict[str, Any] | None:
        """The job that it holds; None if it is no job."""
        try:
            job = json.loads(self.raw)
        except ValueError:
            return None
        return job if isinstance(job, dict) and isinstance(job.get("class"), str) and "args" in job else None


@dataclass
class Event:
    """Something that happened while the answer ran."""

    kind: str  # a key of SAYS
    what: Any
    places: list[tuple[int, str]]  # lines of the answer that led here, with their functions, the innermost first
    elsewhere: bool = False  # on another thread than the one that made the call, or runs the job
    direct: bool = False  # inside a `perform` that no job started

    @property
    def line(self) -> str:
        """Where in the answer, in words; empty if it is not known."""
        return _line(self.places)

    @property
    def line_of_the_call(self) -> str:
        """Where in the answer `perform` was called, in words, if this happened inside it; else as `line`."""
        inside = [number for number, (_, function) in enumerate(self.places, start=1) if function == "perform"]
        return _line(self.places[max(inside, default=0) :]) or self.line

    def line_in(self, function: str) -> str:
        """Where in this function of the answer, in words, if it happened inside it; else as `line`."""
        return _line([place for place in self.places if place[1] == function]) or self.line

    def __str__(self) -> str:
        return f"{SAYS[self.kind](self.what)}{', in a thread' if self.elsewhere else ''}{self.line}"


def _line(places: list[tuple[int, str]]) -> str:
    return f" (line {places[0][0]})" if places else ""


SAYS: dict[str, Callable[[Any], str]] = {
    "push": lambda job: f"a job was pushed{MODES[job['mode']]}: {job['class']}, args {brief(job['args'])}",
    "refused push": lambda error: f"a push was refused: {error}",
    "run": lambda job: f"a job was run here and now: {job['class']}",
    "mail": lambda mail: f"a mail went out to {brief(mail[0])}: {brief(mail[1])}",
    "refused mail": lambda mail: f"the mail server refused the mail to {brief(mail[0])}",
    "nap": lambda seconds: f"a pause of {seconds:g} seconds",
    "thread": lambda name: "a thread was started",
    "lookup": lambda number: f"user {number} was looked up",
    "refused lookup": lambda error: f"a lookup failed: {error}",
    "call": lambda call: f"{call[0]}({', '.join(brief(one, 20) for one in call[1:])}) was called",
    "payment": lambda asked: (
        f"a payment from {asked['email']} was {'taken' if asked['taken'] else 'asked for once more'}, key {asked['key']!r}"
    ),
    "change": lambda _: "the database was changed",
    "commit": lambda _: "a commit",
    "redis": lambda words: f"Redis received {' '.join(words)}",
    "file": lambda name: f"a file was opened: {name}",
    "line": lambda _: "a line was run",
    "process": lambda told: f"the {told[0]} process {TOLD[told[1]]}",
}
TOLD = {"start": "was started", "quiet": "was made quiet", "stop": "was stopped", "kill": "was killed"}
# What changes nothing by itself.
LOOKS = ("lookup", "refused lookup", "call")
MODES = {"redis": "", "fake": " in fake mode", "inline": " in inline mode", "cancelled": ", and a middleware cancelled it"}


@dataclass
class Scope:
    """What belongs together: a call of the answer's function, or a run of a job. Its events, in their order."""

    label: str
    events: list[Event] = field(default_factory=list)
    error: BaseException | None = None
    thread: int = field(default_factory=threading.get_ident)
    ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def of(self, *kinds: str) -> list[Event]:
        """The events of these kinds."""
        return [event for event in self.events if event.kind in kinds]

    @property
    def acts(self) -> list[Event]:
        """The events that did something: all but lookups, and calls of the library, whose effect is in Redis."""
        return [event for event in self.events if event.kind not in LOOKS]

    @property
    def mails(self) -> list[tuple[str, str]]:
        """The mails that went out: to whom, and with which subject."""
        return [event.what for event in self.of("mail")]

    @property
    def happened(self) -> str:
        """What happened in it, in words."""
        alike = [(said, len(list(those))) for said, those in groupby(map(str, self.events))]
        events = "; ".join(said if count == 1 else f"{said}, {count} times" for said, count in alike) or "nothing was seen"
        ended = f"; it ended with {type(self.error).__name__}: {self.error}".rstrip(": ")
        return events + (ended if self.error is not None else "")


@dataclass
class Call(Scope):
    """A call of the answer's function."""

    result: Any = None
    left: list[Entry] = field(default_factory=list)  # what Redis holds since then
    gone: list[Entry] = field(default_factory=list)  # and what it holds no more

    @property
    def jobs(self) -> list[dict[str, Any]]:
        """The jobs that Redis holds since then, wherever they are."""
        return [entry.job for entry in self.left if entry.job is not None]


@dataclass
class Run(Scope):
    """A run of a job by the worker process."""

    job: dict[str, Any] = field(default_factory=dict)
    outcome: Outcome | None = None


def minus(some: list[Entry], others: list[Entry]) -> list[Entry]:
    """Those entries that are not among the others. What is there twice counts twice."""
    return list((Counter(some) - Counter(others)).elements())


def brief(value: Any, most: int = 60) -> str:
    """A value as it is written in Python, shortened."""
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def held(entries: list[Entry], kind: str = "") -> str:
    """How many jobs are where, in words; `kind` is a word for them.

    >>> job = b'{"class":"Greet","args":[]}'
    >>> held([Entry("queue:default", job), Entry("dead", job, 1.0), Entry("dead", job, 2.0), Entry("visitors", b"7")])
    'Redis holds jobs: 1 in queue:default, 2 in dead'
    """
    counts = Counter(entry.key for entry in entries if entry.job)
    return (
        f"Redis holds {kind}jobs: {', '.join(f'{count} in {key}' for key, count in counts.items())}"
        if counts
        else f"Redis holds no {kind}job"
    )
