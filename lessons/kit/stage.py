"""Who is watching, and so how long a pause lasts and whether to ask.

A lesson runs in three places: in a terminal with somebody in front of it, in a notebook, and where nobody is watching (a
pipe, CI). The player says which by `watched`; a notebook is always taken seriously.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from . import timeline

try:
    import termios
except ImportError:  # Windows
    termios = None  # type: ignore[assignment]

# Somebody sits at a terminal and can be asked. The player sets it.
watched = False

# Whether somebody is being asked right now.
asking = False

# How many questions have been asked. A reader who answers one has read what stood above it.
questions = 0

# Where somebody sits, the player gives a Python prompt in which the lesson's names are known.
look: Callable[[], None] | None = None


class Stop(BaseException):
    """Somebody who was asked wants to end the lesson here. Not an Exception: no cell of a lesson should catch it."""


# The five-second mail takes five seconds, unless the player or CI asks for a fraction of every pause.
PACE = "MINIJOBS_LESSON_PACE"
HURRIED = 0.02

# For so many seconds something is waited for, even on a busy machine.
LONGEST_WAIT = 60.0


# Set while a notebook is run to be stored: it is for reading, and buttons would be dead in it.
STORED = "MINIJOBS_LESSON_STORED"


def on_page() -> bool:
    """Whether this is a page of a browser, which makes its buttons by itself."""
    return timeline.page() is not None


def with_buttons() -> bool:
    """Whether this is a notebook with somebody in front of it, or a page."""
    return timeline.notebook_shell() is not None and not stored()


def stored() -> bool:
    """Whether what is shown is kept, for people who only read it."""
    return bool(os.environ.get(STORED))


def pause(seconds: float) -> float:
    """How many seconds a pause of `seconds` takes here.

    >>> pause(0)
    0.0
    """
    return seconds * pace()


def pace() -> float:
    """The fraction of every pause that is really waited: 1, or less where nobody is watching."""
    return float(os.environ.get(PACE) or (HURRIED if os.environ.get("CI") == "true" else 1))


def let_time_pass(seconds: float) -> None:
    """Do nothing for that many seconds."""
    time.sleep(pause(seconds))


def wait_until(condition: Callable[[], object], seconds: float | None = None) -> None:
    """Wait until `condition()` is true. Raises TimeoutError if that takes more than `seconds`; by default, a minute.

    >>> wait_until(lambda: True)
    """
    seconds = LONGEST_WAIT if seconds is None else seconds
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"What this waits for did not happen within {seconds:.0f} seconds.")
        time.sleep(0.01)


def ask(question: str) -> str:
    """What somebody types at a prompt. What they typed before it was there is thrown away. Raises EOFError at the end."""
    global asking, questions
    if termios is not None and sys.stdin.isatty():
        termios.tcflush(sys.stdin, termios.TCIFLUSH)
    asking = True
    try:
        with timeline.reading():
            return input(question).strip()
    finally:
        asking = False
        questions += 1
