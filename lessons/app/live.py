"""Everything that happened, in the order in which it did, for whoever looks at the page, now or as it happens.

web       requests, and what they were answered
redis     commands that were sent to Redis
worker    what the worker process says
inbox     mails, and mails that were refused
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from typing import Any

PANES = ("web", "redis", "worker", "inbox")
KEPT = 150  # events of each pane
KEPT_JOBS = 500  # of which it is known what happened to them
KEPT_OF_A_JOB = 200  # events
MOST_CHATTER = 30  # events in a second of what is hidden by the filter, so that a busy Redis does not drown the page


@dataclass(frozen=True)
class Event:
    """Something that happened in a pane at a moment, in epoch seconds."""

    number: int
    at: float
    pane: str
    text: str
    kind: str = "line"
    """line; chatter, which the filter hides; request, which runs; still, nothing happened here meanwhile."""
    jid: str = ""
    """The job that it is about."""
    step: str = ""
    """What it means for that job: pushed, given back, began, failed, retry, done, killed, restarted, mail, refused."""
    until: float | None = None
    """The moment, in epoch seconds, that is waited for now."""
    detail: tuple[str, ...] = ()
    """The same, formatted for easier reading."""
    link: str = ""
    request: int = 0
    """The number of the request that ends with it."""
    count: int = 1
    """How often the same was sent to Redis in a row, since then."""
    replaces: int = 0
    """The number of the event that said it first: a page may have missed those between."""
    more: dict[str, Any] = field(default_factory=dict)
    """`short`, the same in a few words; `number`, the mail's."""

    @property
    def clock(self) -> str:
        """When it was, in this machine's own time."""
        return time.strftime("%H:%M:%S", time.localtime(self.at)) + f".{int(self.at * 1000) % 1000:03d}"

    @property
    def utc(self) -> str:
        """The same in UTC, with its date."""
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self.at))


class Live:
    """Keeps what happened, and wakes whoever waits for more."""

    def __init__(self) -> None:
        self.run = f"{time.time_ns():x}"
        """Which start of the program this is: numbers of another one mean nothing here."""
        self.last = 0
        self.closed = False
        self._kept: dict[tuple[str, bool], deque[Event]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._about: dict[str, list[Event]] = defaultdict(list)
        self._changed = threading.Condition()
        self._chatter: deque[float] = deque(maxlen=MOST_CHATTER)

    def publish(self, pane: str, text: str, **about: Any) -> Event | None:
        """Something happened, now. Gives it back; None if there is too much of its kind."""
        now = time.time()
        with self._changed:
            if about.get("kind") == "chatter" and not about.get("jid"):
                if len(self._chatter) == MOST_CHATTER and now - self._chatter[0] < 1:
                    return None
                self._chatter.append(now)
            event = Event(self.last + 1, now, pane, text, **about)
            kept = self._kept[(pane, event.kind == "chatter")]
            if kept and pane == "redis" and event.kind == "line" and _same(kept[-1], event):
                again = kept.pop()
                event = replace(event, at=again.at, count=again.count + 1, replaces=again.replaces or again.number)
                _drop(self._about[event.jid], again)
            kept.append(event)
            if event.jid:
                about = self._about[event.jid]
                about.append(event)
                del about[:-KEPT_OF_A_JOB]
                while len(self._about) > KEPT_JOBS:  # the page may be open for days
                    del self._about[next(iter(self._about))]
            self.last = event.number
            self._changed.notify_all()
            return event

    def since(self, number: int, patience: float) -> list[Event]:
        """What happened after event `number`, as soon as there is something; nothing after `patience` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.last > number or self.closed, patience)
            return sorted(
                (event for kept in self._kept.values() for event in kept if event.number > number),
                key=lambda event: event.number,
            )

    def pane(self, name: str) -> list[Event]:
        """What is still known of a pane."""
        return [event for event in self.since(0, 0) if event.pane == name]

    def about(self, jid: str) -> list[Event]:
        """What is known of a job."""
        with self._changed:
            return list(self._about.get(jid, ()))

    def between(self, begin: float, end: float) -> list[Event]:
        """What happened in this time, in epoch seconds, but for the chatter."""
        return [event for event in self.since(0, 0) if event.kind == "line" and begin <= event.at <= end]

    def wait_for(self, jid: str, step: str, patience: float) -> bool:
        """Whether this becomes true of a job within so many seconds."""

        def true() -> bool:
            return any(event.step == step for event in self._about.get(jid, ()))

        with self._changed:
            return self._changed.wait_for(lambda: self.closed or true(), patience) and true()

    def close(self) -> None:
        """Nothing more will happen: nobody needs to wait."""
        with self._changed:
            self.closed = True
            self._changed.notify_all()


def _same(one: Event, other: Event) -> bool:
    return bool(one.jid) and (one.pane, one.text, one.jid, one.detail) == (other.pane, other.text, other.jid, other.detail)


def _drop(events: list[Event], event: Event) -> None:
    if event in events:
        events.remove(event)
