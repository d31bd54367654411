"""What a click led to: how long the visitor waited, and what each pane showed of it, and did not show."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass, field

from .live import Event, Live

WAYS = ("perform", "perform_async")
KEPT = 50

# What became of a job, by its last step. "failed" says nothing: what follows from it does.
STATES = ("pushed", "given back", "began", "retry", "dead", "done", "killed")


@dataclass
class Attempt:
    """One call of the Worker, one way or the other."""

    number: int
    way: str
    story: str
    """plain; refused, the mail server refuses this mail twice; killed, the worker process is killed in the middle."""
    email: str
    thought: str
    began: float = field(default_factory=time.time)
    ended: float | None = None
    status: int = 0
    answer: str = ""
    jid: str = ""

    @property
    def waited(self) -> float | None:
        """Seconds until the call was over; None if it is not."""
        return None if self.ended is None else self.ended - self.began

    @property
    def failed(self) -> bool:
        """Whether the visitor got an error page."""
        return self.status >= 400

    def end(self, status: int, answer: str, jid: str = "") -> None:
        """The visitor is answered."""
        self.status, self.answer, self.jid, self.ended = status, answer, jid, time.time()


class Seen:
    """What the panes showed of one attempt."""

    def __init__(self, attempt: Attempt, live: Live, jids: set[str]) -> None:
        self.attempt = attempt
        if attempt.way == "perform":
            during = live.between(attempt.began, attempt.ended or time.time())
            # Of a direct call nobody knows but the visitor. So whatever is about a job, and no other call's, counts as its.
            events = [event for event in during if event.jid and event.jid not in jids]
            events += [event for event in during if event.pane == "inbox" and not event.jid][-1:]
        else:
            events = live.about(attempt.jid) if attempt.jid else []
        # A script's name is a long number. What it does is told as well, command by command.
        self.redis = [event for event in events if event.pane == "redis" and not event.text.startswith("EVALSHA")]
        self.worker = [event for event in events if event.pane == "worker"]
        self.inbox = [event for event in events if event.pane == "inbox"]
        self.mail = next((event for event in self.inbox if event.step == "mail"), None)
        self.state = next((event for event in reversed(events) if event.step in STATES), None)

    def after(self, event: Event) -> float:
        """Seconds from the click to this."""
        return event.at - self.attempt.began


class Attempts:
    """The clicks so far."""

    def __init__(self, live: Live) -> None:
        self.live = live
        self._all: list[Attempt] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, way: str, story: str, email: str, thought: str) -> Attempt:
        """Somebody clicks now."""
        attempt = Attempt(next(self._numbers), way, story, email, thought)
        with self._lock:
            self._all = [*self._all, attempt][-KEPT:]
        return attempt

    def find(self, number: int | None) -> Attempt | None:
        """The one with this number, or None."""
        return next((attempt for attempt in self._all if attempt.number == number), None)

    def seen(self, attempt: Attempt) -> Seen:
        """What the panes showed of it."""
        return Seen(attempt, self.live, {one.jid for one in self._all if one.jid})

    def side_by_side(self) -> dict[str, Seen | None]:
        """The last click of each way."""
        last = {attempt.way: attempt for attempt in self._all}
        return {way: self.seen(last[way]) if way in last else None for way in WAYS}
