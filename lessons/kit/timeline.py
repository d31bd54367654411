"""Who did what when: a lane for each party, a bar for what takes time, a dot for what happens at once.

The worker's lane and the inbox's fill themselves; what your own code does is put there by `with clock("create"):`. While
somebody reads, the clock of the picture stands still: at a prompt, and in a notebook between two cells that run.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .drawing import BELOW, RED, Drawing, image
from .show import Shown

LANES = ("your code", "worker process", "inbox")
WIDTH = 78


@dataclass
class Event:
    """Something that happened in a lane, from one moment to another, in seconds of a clock that only goes forward."""

    lane: str
    what: str
    begin: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.end - self.begin

    @property
    def label(self) -> str:
        """What it was, and how long it took, unless it happened at once."""
        return f"{self.what}, {self.seconds:.1f} s" if self.seconds else self.what


_events: list[Event] = []
_read_for = 0.0  # seconds that a person spent reading
_reading_since: float | None = None
_cells_are_heard = False

_page: Any = None  # what runs cells in this process where IPython does not


def now() -> float:
    """Seconds of a clock that goes forward only, and stands still while somebody reads."""
    return (time.monotonic() if _reading_since is None else _reading_since) - _read_for


@contextmanager
def reading() -> Iterator[None]:
    """Somebody sits at a prompt meanwhile; or at a prompt within one, which is not counted twice."""
    if _reading_since is not None:
        yield
        return
    _begin_reading()
    try:
        yield
    finally:
        _end_reading()


def listen_to_cells() -> None:
    """In a notebook, only the time in which cells run counts. Elsewhere this does nothing."""
    global _cells_are_heard
    running = notebook_shell()
    if running is not None and not _cells_are_heard:
        _cells_are_heard = True
        running.events.register("post_run_cell", lambda *_: _begin_reading())
        running.events.register("pre_run_cell", lambda *_: _end_reading())


def notebook_shell() -> Any:
    """What runs a notebook's cells in this process; None where none is run."""
    if _page is not None:
        return _page
    ours = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return ours if hasattr(ours, "kernel") else None


def page() -> Any:
    """The page of a browser, if this is one."""
    return _page


def cells_run_on(page: Any) -> None:
    """This is a page of a browser. It has what a notebook's shell has of what is used here: `events.register`."""
    global _page
    _page = page


def _begin_reading() -> None:
    global _reading_since
    if _reading_since is None:
        _reading_since = time.monotonic()


def _end_reading() -> None:
    global _read_for, _reading_since
    if _reading_since is not None:
        _read_for += time.monotonic() - _reading_since
        _reading_since = None


def clear() -> None:
    """Forget what happened so far: the next picture starts here."""
    _events.clear()


@contextmanager
def clock(what: str, lane: str = LANES[0]) -> Iterator[Event]:
    """Time what happens inside, and put it into the lane.

    >>> with clock("think") as event:
    ...     pass
    >>> event.seconds < 1
    True
    """
    event = Event(lane, what, now(), now())
    _events.append(event)
    try:
        yield event
    finally:
        event.end = now()


def mark(lane: str, what: str) -> None:
    """Something that happens at once."""
    at = now()
    _events.append(Event(lane, what, at, at))


def worker_lane(worker: Any, job: dict[str, Any], run: Callable[[], None]) -> None:
    """A server middleware: each run of a job is a bar in the lane of the worker process."""
    with clock(job["class"], LANES[1]):
        run()


def timeline() -> Timeline:
    """A picture of everything since the last `timeline()`, or since the lesson's start."""
    events = list(_events)
    clear()
    return Timeline(events)


class Timeline(Shown):
    """The picture: in a notebook drawn, elsewhere in letters."""

    def __init__(self, events: list[Event]) -> None:
        self.events = sorted(events, key=lambda event: event.begin)
        self.begin = min((event.begin for event in events), default=0.0)
        self.length = max((event.end for event in events), default=0.0) - self.begin

    def lines(self) -> list[str]:
        if not self.events:
            return ["(nothing happened)"]
        left = max(len(lane) for lane in self._lanes())
        wide = max(len(event.label) for event in self.events)
        columns = WIDTH - left - wide - 4
        lines = [f"{'':{left + wide + 4}}0 s{self.length:{columns - 5}.1f} s"]
        for lane in self._lanes():
            name = lane
            for event in (event for event in self.events if event.lane == lane):
                lines.append(f"{name:{left}}  {event.label:{wide}}  {self._bar(event, columns)}")
                name = ""
            if name:
                lines.append(name)
        return lines

    def sentences(self) -> str:
        """The same in words, for who cannot see the picture."""
        return "; ".join(f"{event.lane}: {event.label}, at {event.begin - self.begin:.1f} s" for event in self.events)

    def html(self) -> str:
        """The drawing."""
        return image(self._drawn(), self.sentences())

    def _lanes(self) -> list[str]:
        return [*LANES, *sorted({event.lane for event in self.events} - set(LANES))]

    def _bar(self, event: Event, columns: int) -> str:
        scale = columns / (self.length or 1)
        start = min(round((event.begin - self.begin) * scale), columns - 1)
        return " " * start + ("█" * round(event.seconds * scale) or "●")

    def _drawn(self) -> bytes:
        lanes, length = self._lanes(), self.length
        picture = Drawing(
            BELOW + 56 * len(lanes),
            x=(-length * 0.02 - 0.001, length * 1.05 + 0.001),
            y=(-len(lanes) + 0.4, 0.6),
            across="seconds",
            rows={-row: lane for row, lane in enumerate(lanes)},
        )
        in_lane: Counter[str] = Counter()
        for event in self.events:
            begin, row = event.begin - self.begin, -lanes.index(event.lane)
            # Labels stand above and below in turn, so that neighbours do not write over each other.
            shift = 17 if in_lane[event.lane] % 2 else -17
            in_lane[event.lane] += 1
            if event.seconds > length / 100:
                picture.bar(begin, begin + event.seconds, row, 0.3)
            else:
                picture.mark(begin, row, "o", RED)
            # What begins late has its label to the left of its end, or it would leave the picture.
            late = begin > length * 0.6
            picture.words(begin + event.seconds if late else begin, row, event.label, end=late, shift=shift)
        return picture.svg()
