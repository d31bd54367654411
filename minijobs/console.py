"""The commands and the terminal: tables, times, progress, and nothing that would command it; how a process begins and ends.

An argument of a job may hold anything, also signs that clear a screen or write from right to left. They are shown, no more.
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

# Seconds for `atexit` handlers, and for the last output to be read, at the end of a worker process.
LAST_WORDS = 3.0


def table(headings: Sequence[str], rows: Iterable[Sequence[object]], width: int | None = None) -> list[str]:
    """Rows under headings, as lines of at most `width` columns, those of the terminal unless told; the last column is cut.

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
    """The beginning of a line, if it has more than `width` columns, those of the terminal unless told."""
    width = width or shutil.get_terminal_size((100, 25)).columns
    return line if len(line) <= width else line[: width - 1] + "…"


def plain(text: str) -> str:
    r"""The text in one line, with everything that is no visible sign written as an escape.

    >>> print(plain("\x1b[2Jhello\n\u202eworld é"))
    \x1b[2Jhello\n\u202eworld é
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def stretch(seconds: float) -> str:
    """A length of time in the largest unit of which there are at least two.

    >>> stretch(90), stretch(150), stretch(7200)
    ('90 s', '2 minutes', '2 hours')
    """
    for unit, length in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def away(seconds: float) -> str:
    """How far a moment is, from now.

    >>> away(150), away(-15), away(0.2)
    ('2 minutes from now', '15 s ago', 'now')
    """
    if abs(seconds) < 1:
        return "now"
    return f"{stretch(abs(seconds))} {'from now' if seconds > 0 else 'ago'}"


class Progress:
    """A line on standard error that says how far long work is; only where a person is watching."""

    def __init__(self, what: str, of: int) -> None:
        self.what = what
        self.of = of
        self.watched = sys.stderr.isatty()

    def __call__(self, done: int) -> None:
        if self.watched:
            end = "\n" if done >= self.of else ""
            print(f"\r{self.what} {done:,} of {self.of:,}", end=end, file=sys.stderr, flush=True)


class Refused(Exception):
    """What was asked for makes no sense as it was said. The message says why, in one sentence."""

    code = 2
    """The exit code of the command."""


class Failed(Refused):
    """What was asked for makes sense, but could not be done."""

    code = 1


def complain(error: object) -> None:
    """Say on standard error, if it can be written, why a command did not do what it should."""
    with suppress(OSError, ValueError):  # the disk is full, or somebody closed it
        print(f"minijobs: {plain(str(error))}", file=sys.stderr)


def flush(stream: Any) -> None:
    """Print what waits; what cannot be printed is dropped, or Python would complain at its end, and exit with 120."""
    try:
        stream.flush()
    except OSError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    except (AttributeError, ValueError):  # it is None, or closed
        pass


def prepare() -> None:
    """Make sure that this process can print any character and that TERM ends it, however it was started."""
    # A standard stream that is closed is None, and the next file or connection that is opened gets its number.
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - it stays open
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # a stream of somebody else's has no such method
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with suppress(ValueError):  # only the main thread may
        signal.signal(signal.SIGTERM, _terminated)  # by itself, TERM does nothing to the first process of a container
    if hasattr(signal, "pthread_sigmask"):  # the parent may have blocked it, and that is inherited
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGINT})


class Terminated(BaseException):
    """TERM came. No SystemExit: a web server takes that for an end that went well."""


def _terminated(*_: object) -> NoReturn:
    raise Terminated


def end(how: Callable[[], object]) -> NoReturn:
    """End this process, also if a job that would not stop is still running in its thread, or nobody reads what it printed.

    What does so, `how`, runs no `atexit` handlers and prints nothing that waits to be printed, so that is done first.
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
