"""What the commands need from the terminal: tables, times, progress, safe text; and how a process begins and ends.

A job's argument may hold anything, even characters that clear the screen or reverse the direction of writing. They are only
ever shown as escapes, so they have no effect.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NoReturn

# Seconds allowed at the end of a process for `atexit` handlers, and for its last output to be read.
LAST_WORDS = 3.0

AGES = 1e11  # seconds, over 3,000 years: no moment that anybody meant


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None) -> list[str]:
    """Rows under headings, as lines cut to `width` columns, by default the width of the terminal.

    >>> print(*table(["queue", "jobs", "next"], [["default", 12, "SendGif ada"], ["mail", 3, ""]], width=22), sep="\\n")
    queue    jobs  next
    default  12    SendGi…
    mail     3
    """
    cells = [list(headings), *([plain(str(value)) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(wide) for cell, wide in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [cut(line, width) for line in lines]


def cut(line: str, width: int | None = None) -> str:
    """A line, cut if it is longer than `width` columns, by default the width of the terminal."""
    width = width or shutil.get_terminal_size((100, 25)).columns
    return line if len(line) <= width else line[: width - 1] + "…"


def plain(text: str) -> str:
    r"""The text in one line, with every character that is not printable written as an escape.

    >>> print(plain("\x1b[2Jhello\n\u202eworld é"))
    \x1b[2Jhello\n\u202eworld é
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def stretch(seconds: float) -> str:
    """A duration in the largest unit of which there are at least two, or that it cannot be one.

    >>> stretch(90), stretch(150), stretch(7200), stretch(float("inf"))
    ('90 s', '2 minutes', '2 hours', 'ages')
    """
    if seconds >= AGES:
        return "ages"
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def away(seconds: float) -> str:
    """How far away a moment is, `seconds` from now.

    >>> away(150), away(-15), away(0.2), away(float("inf"))
    ('2 minutes from now', '15 s ago', 'now', 'never')
    """
    if seconds >= AGES:
        return "never"
    if abs(seconds) < 1:
        return "now"
    return f"{stretch(abs(seconds))} {'from now' if seconds > 0 else 'ago'}"


class Progress:
    """A progress line on standard error for long work, shown only on a terminal."""

    def __init__(self, what: str, of: int) -> None:
        self.what = what
        self.of = of
        self.watched = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        if self.watched:
            end = "\n" if done >= self.of else ""
            print(f"\r{self.what} {done:,} of {self.of:,}", end=end, file=sys.stderr, flush=True)


class Refused(Exception):
    """The request makes no sense as it was given. The message says why, in one sentence."""

    code = 2
    """The exit code of the command."""


class Failed(Refused):
    """The request makes sense, but could not be carried out."""

    code = 1


def complain(error: object) -> None:
    """Print on standard error, if possible, why a command did not do what it should."""
    with suppress(OSError, ValueError):  # the disk is full, or the stream is closed
        print(f"minijobs: {plain(str(error))}", file=sys.stderr)


def flush(stream: Any) -> None:
    """Flush a stream. Output that cannot be written is dropped, or Python would complain at exit, with code 120."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (AttributeError, ValueError):  # it is None, or closed
        pass


def prepare() -> None:
    """Make sure that this process can print any character and that TERM ends it, however it was started."""
    # A closed standard stream is None, and the next file or connection to be opened would get its file descriptor.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a replaced stream may lack this method
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with suppress(ValueError):  # only the main thread may do this
        signal.signal(signal.SIGTERM, _terminated)  # by default, TERM does nothing to the first process of a container
    if hasattr(signal, "pthread_sigmask"):  # the parent may have blocked them, and that is inherited
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


class Terminated(BaseException):
    """TERM was received. Not a SystemExit, which a web server would take for a successful end."""


def _terminated(*_: object) -> NoReturn:
    raise Terminated


def end(how: Callable[[], object]) -> NoReturn:
    """End this process by calling `how`, even if a job's thread does not stop, or nothing reads the process's output.

    `how` neither runs `atexit` handlers nor flushes output, so both are done first, for a limited time.
    """
    with suppress(RuntimeError):  # no more threads are allowed
        watchdog = threading.Timer(LAST_WORDS, how)
        watchdog.daemon = True
        watchdog.start()
    with suppress(BaseException):
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    how()
    raise AssertionError
