"""What the commands print: tables, times, progress; and nothing that would command the terminal.

An argument of a job may hold anything, also signs that clear a screen or write from right to left. They are shown, no more.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Sequence


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
    """What was asked for cannot be done. The message says why, in one sentence."""
