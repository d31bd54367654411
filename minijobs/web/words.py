"""A job's values as text that cannot do harm. Whoever may push a job decides what it holds: any sign, in any number.

Markup is escaped by the templates, and `<bdi>` there keeps text that is written from right to left from turning its
neighbours around. Here it is cut to a length, and what is no visible sign becomes an escape, such as \\u202e.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ..console import away, plain, stretch

SHORT = 120  # signs of a value in a table
LONG = 50_000  # signs of a value on its job's own page


class Text(NamedTuple):
    """The beginning of a value, and whether that is not all of it."""

    shown: str
    cut: bool


def line(value: object, most: int = SHORT) -> str:
    """A value of JSON in one line, at most so many signs of it.

    >>> line({"to": "ada"}), line("a\\nb"), line("x" * 99, most=5), line(None)
    ('{"to": "ada"}', 'a\\\\nb', 'xxxxx…', '')
    """
    if value is None:
        return ""
    text = value[: most + 1] if isinstance(value, str) else _start(_pieces(value), most + 1)
    return plain(text[:most]) + ("…" if len(text) > most else "")


def arguments(args: list[Any], most: int = SHORT) -> str:
    """A job's arguments in one line, as they would stand between the brackets of a call.

    >>> arguments(["ada", 1, None])
    '"ada", 1, null'
    """
    text = _start(_pieces(args), most + 2)
    return plain(text[1:-1]) if len(text) < most + 2 else plain(text[1 : most + 1]) + "…"


def block(value: object, most: int = LONG) -> Text:
    """A value of JSON as lines, text as it is, at most so many signs of it.

    >>> print(block(["ada", {"a": 1}]).shown)
    [
      "ada",
      {
        "a": 1
      }
    ]
    """
    text = value[: most + 1] if isinstance(value, str) else _start(_pieces(value, indent=2), most + 1)
    return Text("\n".join(map(plain, text[:most].split("\n"))), len(text) > most)


def raw_block(raw: bytes, most: int = LONG) -> Text:
    """What Redis holds, as it is."""
    return block(raw[: 4 * most].decode(errors="backslashreplace"), most)


def clock(moment: float) -> str:
    """A moment in epoch seconds, as date and time in Greenwich; one that no calendar has, as the number.

    >>> clock(1795450392.5), clock(1e300)
    ('2026-11-23 16:13:12 UTC', '1e+300')
    """
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return repr(moment)


def from_now(moment: float, now: float | None = None) -> str:
    """How far a moment in epoch seconds is.

    >>> from_now(1_030, now=1_000), from_now(10**400)
    ('30 s from now', 'never')
    """
    try:
        return away(moment - (time.time() if now is None else now))
    except OverflowError:
        return "never"


def since(moment: float) -> str:
    """How long ago a moment in epoch seconds was."""
    return stretch(max(0.0, time.time() - moment))


def megabytes(kilobytes: int) -> str:
    """A size in memory."""
    return f"{kilobytes / 1024:,.0f} MB"


def jobs(count: int) -> str:
    """So many jobs.

    >>> jobs(1), jobs(1200)
    ('1 job', '1,200 jobs')
    """
    return f"{count:,} {'job' if count == 1 else 'jobs'}"


def web_name(name: object) -> bytes:
    """A name as an address can hold it: its bytes, which need not be UTF-8. Another half of a surrogate pair is escaped.

    >>> web_name("é"), web_name("\\udcff"), web_name("\\ud800")
    (b'\\xc3\\xa9', b'\\xff', b'\\\\ud800')
    """
    try:
        return str(name).encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return str(name).encode(errors="backslashreplace")


def some(value: object) -> list[object]:
    """The values of a list, if it is one: what a process tells is as little to be trusted as a job."""
    return value if isinstance(value, list) else []


def as_bytes(page: str) -> bytes:
    """A page as it is sent. Half a surrogate pair, which no encoding has, must not cost the page.

    >>> as_bytes("a\\ud800")
    b'a\\\\ud800'
    """
    return page.encode(errors="backslashreplace")


def _pieces(value: object, indent: int | None = None) -> Iterable[str]:
    # Without the C encoder, which would write all of it at once: most of it may never be shown.
    return json.JSONEncoder(ensure_ascii=False, indent=indent).iterencode(value)


def _start(pieces: Iterable[str], most: int) -> str:
    text = ""
    try:
        for piece in pieces:
            text += piece[:most]
            if len(text) >= most:
                break
    except RecursionError:
        text += "… (nested too deep)"
    return text[:most]


FILTERS: dict[str, Callable[..., object]] = {
    "line": line,
    "arguments": arguments,
    "block": block,
    "raw_block": raw_block,
    "clock": clock,
    "megabytes": megabytes,
    "jobs": jobs,
    "stretch": stretch,
    "from_now": from_now,
    "since": since,
    "web_name": web_name,
    "some": some,
    "of_process": lambda work, identity: [one for one in work if one.process == identity],
    "plain": lambda value: plain(str(value)),
    "number": lambda value: f"{value:,}",
}
