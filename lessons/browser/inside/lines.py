"""Says now and then which line is running, so that the page can say where it was, if it has to end this.

Python reports each line of the files that are watched. It reports a line of any other file once, and never again.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

EVERY = 0.25  # seconds
AT_ONCE = 20  # so many lines are told at once: a cell without a loop has no more, and each may be the one that waits

TOOL, EVENTS = sys.monitoring.DEBUGGER_ID, sys.monitoring.events

_tell: Callable[[int, float], None] | None = None
_file = ""
_begun = _told = 0.0
_line = _left = 0


@contextmanager
def told(file: str, tell: Callable[[int, float], None]) -> Iterator[None]:
    """Meanwhile, call `tell` with the line of this file that runs, and the seconds since the beginning."""
    global _tell, _file, _begun, _told, _line, _left
    _tell, _file, _begun, _told, _line, _left = tell, file, time.monotonic(), 0.0, 0, AT_ONCE
    if sys.monitoring.get_tool(TOOL) is None:
        sys.monitoring.use_tool_id(TOOL, "minijobs")
        sys.monitoring.register_callback(TOOL, EVENTS.LINE, _on_line)
    sys.monitoring.restart_events()
    sys.monitoring.set_events(TOOL, EVENTS.LINE)
    try:
        yield
    finally:
        sys.monitoring.set_events(TOOL, EVENTS.NO_EVENTS)
        _tell = None


def now() -> None:
    """Something waits: tell where, if it is time."""
    if _tell is not None and _line and time.monotonic() - _told >= EVERY:
        _now()


def _on_line(code: CodeType, line: int) -> Any:
    global _line, _left
    if code.co_filename != _file:
        return sys.monitoring.DISABLE
    _line = line
    if _left:
        _left -= 1
        _now()
    else:
        now()
    return None


def _now() -> None:
    global _told
    _told = time.monotonic()
    assert _tell is not None
    _tell(_line, _told - _begun)
