"""A job's values as text that can do no harm. Anyone who can push a job decides what it holds: any text, of any length.

The templates escape markup, and their `<bdi>` keeps text written from right to left from reordering the text around it. The
functions here limit the length, and turn characters that are not printable into escapes, such as \\u202e.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from ..console import AGES, away, plain, stretch

SHORT = 120  # characters of a value in a table
LONG = 50_000  # characters of a value on its job's own page
LATE = 60  # seconds; worker processes look for what is due every few seconds

DO = {"retry": "Put back", "kill": "Kill", "delete": "Delete", "quiet": "Make quiet", "stop": "Stop"}


class Text(NamedTuple):
    """The beginning of a value, and whether the rest was cut off."""

    shown: str
    cut: bool


def line(value: object, most: int = SHORT) -> str:
    """A JSON value in one line, cut to `most` characters.

    >>> line({"to": "ada"}), line("a\\nb"), line("x" * 99, most=5), line(None)
    ('{"to": "ada"}', 'a\\\\nb', 'xxxxx…', '')
    """
    if value is None:
        return ""
    text = value[: most + 1] if isinstance(value, str) else _start(_pieces(value), most + 1)
    return plain(text[:most]) + ("…" if len(text) > most else "")


def arguments(args: list[Any], most: int = SHORT) -> str:
    """A job's arguments in one line, as they would be written between the parentheses of a call.

    >>> arguments(["ada", 1, None])
    '"ada", 1, null'
    """
    text = _start(_pieces(args), most + 2)
    return plain(text[1:-1]) if len(text) < most + 2 else plain(text[1 : most + 1]) + "…"


def block(value: object, most: int = LONG) -> Text:
    """A JSON value as indented lines, a string as it is; cut to `most` characters.

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
    """The bytes that Redis holds, as text that is not reformatted."""
    return block(raw[: 4 * most].decode(errors="backslashreplace"), most)


def clock(moment: float) -> str:
    """A time in epoch seconds as date and time in UTC, or as a number if it is out of range.

    >>> clock(1795450392.5), clock(1e300)
    ('2026-11-23 16:13:12 UTC', '1e+300')
    """
    utc = _utc(moment)
    return repr(moment) if utc is None else utc.strftime("%Y-%m-%d %H:%M:%S UTC")


def machine_clock(moment: float) -> str:
    """The same for the attribute `datetime`; nothing if it is out of range.

    >>> machine_clock(1795450392.5), machine_clock(1e300)
    ('2026-11-23T16:13:12Z', '')
    """
    utc = _utc(moment)
    return "" if utc is None else utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def from_now(moment: float, now: float) -> str:
    """How far away a time is. Both are in epoch seconds.

    >>> from_now(1_030, now=1_000), from_now(10**400, now=0), from_now(-1e308, now=0)
    ('30 s from now', 'never', 'ages ago')
    """
    try:
        return away(moment - now)
    except OverflowError:
        return away(AGES)


def due(moment: float, now: float) -> str:
    """When something is to happen, and that it should have happened if that is so. Both are in epoch seconds.

    >>> due(1_030, now=1_000), due(995, now=1_000), due(700, now=1_000)
    ('30 s from now', 'due now', 'due 5 minutes ago')
    """
    if moment > now:
        return from_now(moment, now)
    return "due now" if now - moment < LATE else f"due {from_now(moment, now)}"


def duration(seconds: float) -> str:
    """A duration, or that it cannot be one.

    >>> duration(150), duration(-3), duration(1e300)
    ('2 minutes', '0 s', 'ages')
    """
    return stretch(max(0.0, seconds))


def memory(kilobytes: float) -> str:
    """An amount of memory, given in KB, as text.

    >>> memory(51_200), memory(3_145_728)
    ('50 MB', '3.0 GB')
    """
    return f"{kilobytes / 2**10:,.0f} MB" if kilobytes < 2**20 else f"{kilobytes / 2**20:,.1f} GB"


def size(count: int) -> str:
    """A number of bytes in words.

    >>> size(812), size(83_400), size(20_971_520)
    ('812 bytes', '83 KB', '21.0 MB')
    """
    if count < 10_000:
        return f"{count:,} bytes"
    return f"{count / 1e3:,.0f} KB" if count < 1_000_000 else f"{count / 1e6:,.1f} MB"


def answer_time(microseconds: float) -> str:
    """How long an answer takes, in words.

    >>> answer_time(430), answer_time(1_500_000)
    ('0.4 ms', '1.5 s')
    """
    return f"{microseconds / 1e3:.1f} ms" if microseconds < 1e6 else f"{min(microseconds / 1e6, AGES):,.1f} s"


def jobs(count: int) -> str:
    """A number of jobs in words.

    >>> jobs(1), jobs(1200)
    ('1 job', '1,200 jobs')
    """
    return f"{count:,} {'job' if count == 1 else 'jobs'}"


def processes(count: int) -> str:
    """A number of processes in words.

    >>> processes(1), processes(1200)
    ('1 process', '1,200 processes')
    """
    return f"{count:,} {'process' if count == 1 else 'processes'}"


def web_name(name: object) -> bytes:
    """A name as bytes for a URL; they need not be UTF-8. Surrogates that do not stand for a byte are escaped.

    >>> web_name("é"), web_name("\\udcff"), web_name("\\ud800")
    (b'\\xc3\\xa9', b'\\xff', b'\\\\ud800')
    """
    try:
        return str(name).encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return str(name).encode(errors="backslashreplace")


def some(value: object) -> list[object]:
    """The value if it is a list, or an empty list: data from a process is trusted no more than a job."""
    return value if isinstance(value, list) else []


def as_bytes(page: str) -> bytes:
    """A page encoded in UTF-8. Lone surrogates, which cannot be encoded, are escaped, so that the page can still be sent.

    >>> as_bytes("a\\ud800")
    b'a\\\\ud800'
    """
    return page.encode(errors="backslashreplace")


def _utc(moment: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(moment, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _pieces(value: object, indent: int | None = None) -> Iterable[str]:
    # iterencode avoids the C encoder, which would encode everything at once, though most of it may never be shown.
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
    "memory": memory,
    "answer_time": answer_time,
    "jobs": jobs,
    "size": size,
    "machine_clock": machine_clock,
    "duration": duration,
    "web_name": web_name,
    "fragment": lambda name: quote(web_name(name)),
    "some": some,
    "plain": lambda value: plain(str(value)),
    "number": lambda value: f"{value:,}",
}
