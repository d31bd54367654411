"""A job is JSON: build it, check its arguments, write it, read it.

There is no Job class. A job in Redis is one JSON object, in the format that Ruby's Sidekiq reads and writes:

    {"class": "SendGifToUserWorker", "args": ["ada@example.com", "hello"], "retry": true, "queue": "default",
     "jid": "adfa15f29ed6c09cda7f6973", "created_at": 1532784329.095, "enqueued_at": 1532784329.095}

It holds the *name* of a class and its arguments, but no code and no objects. So an argument that is not JSON is refused
here, at the push, where the mistake was made, and not hours later in another process.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from .fields import DEEPEST_ARGUMENT, FARTHEST, RULES, is_moment, not_json, plain, tolerate, wrong_field, wrong_shape

Job = dict[str, Any]
"""A job as parsed from the JSON in Redis: a plain dict."""

DEFAULTS: Job = {"retry": True, "queue": "default"}


class BadArgument(TypeError):
    """An argument that JSON cannot represent. Nothing was pushed."""


class BadPayload(ValueError):
    """A queue entry that is not a job: it is not JSON, or does not have the shape of a job."""


def new_jid() -> str:
    """Return a new job id: 24 hex digits, as in Sidekiq.

    >>> len(new_jid())
    24
    """
    return os.urandom(12).hex()


def build(item: Mapping[str, Any], *, now: float | None = None) -> Job:
    """Return a complete job made from `item`: "class", "args" and any job options ("queue", "retry", "at", …).

    `now` is the creation time in epoch seconds. Raises ValueError, with a one-sentence message, for an invalid option. The
    arguments are not checked yet: see `check_arguments`. Sidekiq: `Sidekiq::JobUtil#normalize_item`.

    >>> job = build({"class": "SendGif", "args": ["ada@example.com"]}, now=1532784329.5)
    >>> job["queue"], job["retry"], job["created_at"]
    ('default', True, 1532784329.5)
    """
    if type(item) is not dict and not isinstance(item, Mapping):
        raise ValueError(f"Not a job: it is a {type(item).__name__} and must be a dict with class and args.")
    now = time.time() if now is None else now
    job = {"class": None, "args": None, **DEFAULTS, "jid": new_jid(), "created_at": stamp(now), **item}
    return checked(job)


def stamp(now: float) -> float:
    """Return `now`, in epoch seconds, as it is stored in a job: cut to milliseconds, the precision of Sidekiq 8.

    To find an entry that it reschedules, Sidekiq serializes the job again and expects the same bytes. But Ruby's JSON, since
    version 2.11, does not always write a float in its shortest form, as Python does. It writes about one of 1,000 times in
    microseconds otherwise, and then the job would be there twice. Times in milliseconds are written alike.

    >>> stamp(1852960886.906443)
    1852960886.906
    """
    return int(now * 1000) / 1000


def checked(job: Job) -> Job:
    """Return `job`, or a copy with plain values (see `plain`) where that is needed to make its fields valid.

    Raises ValueError for a field that is still invalid.

    >>> checked({"class": "SendGif", "args": [], "jid": "593f66432baeb76a116b7cac", "queue": "a|b"})
    Traceback (most recent call last):
    ...
    ValueError: Not a job: "queue" is 'a|b' and must be the name of a queue, without a |.
    """
    for field, value in job.items():
        rule = RULES.get(field)
        if rule is None or type(field) is not str or not rule[0](value):
            break
    else:
        return job  # the usual case; the code below would double the time of a push
    job = {plain(field): plain(value) for field, value in job.items()}
    if isinstance(job.get("args"), (list, tuple)):
        job["args"] = list(job["args"])
    if isinstance(job.get("tags"), (list, tuple)):
        job["tags"] = [plain(tag) for tag in job["tags"]]
    if wrong := wrong_shape(job) or wrong_field(job):
        raise ValueError(f"Not a job: {wrong}.")
    return job


def deep_copy(value: Any) -> Any:
    """Return a deep copy of the lists and dicts in `value`, so that changing the copy does not change the original.

    >>> mine = {"args": [[1]]}
    >>> deep_copy(mine)["args"][0].append(2)
    >>> mine
    {'args': [[1]]}
    """
    with suppress(RecursionError):  # too deeply nested: it is refused later, with a message that says so
        if type(value) is dict:
            return {key: deep_copy(inner) for key, inner in value.items()}
        if type(value) is list:
            return [deep_copy(inner) for inner in value]
    return value


def check_arguments(job: Job, parameters: Sequence[str] = ()) -> None:
    """Refuse a job whose arguments would not come out of Redis exactly as they went in.

    `parameters` are the names of the parameters of `perform`, for the message. Raises BadArgument, which gives the position,
    name and type of the argument, and what to pass instead. Sidekiq: `Sidekiq.strict_args!`, the default since 7.0.

    >>> check_arguments({"class": "SendGif", "args": ["a", {"size": [1, 2]}]})
    >>> check_arguments({"class": "SendGif", "args": ["a", (1, 2)]}, ["email", "size"])
    Traceback (most recent call last):
    ...
    minijobs.job.BadArgument: Argument 2 (size) of SendGif is a tuple, and JSON has no such thing. Pass a list.
    """
    for position, argument in enumerate(job["args"], start=1):
        if problem := not_json(argument, "", DEEPEST_ARGUMENT):
            name = f" ({parameters[position - 1]})" if position <= len(parameters) else ""
            raise BadArgument(f"Argument {position}{name} of {job['class']}{problem}")


def dump(job: Job) -> str:
    """Return the job as compact JSON text. Raises ValueError for an infinite number or NaN, and for nesting that is too
    deep.

    >>> dump({"class": "SendGif", "args": ["é", 1]})
    '{"class":"SendGif","args":["é",1]}'
    """
    try:
        text = _compact(job)
        if not text.isascii():
            text.encode()
    except RecursionError:  # json's limits for reading and for writing are similar, but not the same
        raise ValueError("it is nested too deep to be written") from None
    except UnicodeEncodeError:  # half a surrogate pair, from another program's push: it can only be written as an escape
        text = _ascii(job)
    # To find an entry that it reschedules, Sidekiq serializes the job again and expects the same bytes, so floats must be
    # written as Ruby writes them: as its JSON did before 2.11. Later versions write very large, very small and very long
    # floats in other ways, and nothing suits both. Searching for one character is much faster than for two, so that comes
    # first.
    if _LONG.search(text) or (("-" in text or "+" in text) and ("e-" in text or "e+" in text)):
        text = _FLOAT.sub(_as_ruby_writes_it, text)
    return text


def load(raw: bytes | str) -> Job:
    """Parse a queue entry and return the job. Nothing that comes out of Redis is trusted: raises BadPayload, which says
    what is wrong.

    A job that Sidekiq would run is accepted, even if `build` would refuse it; its options are normalized: "jid": 5 is "5".

    >>> load('{"class": "SendGif", "args": [], "jid": "593f66432baeb76a116b7cac"}')["class"]
    'SendGif'
    >>> load('{"class": "SendGif", "args": "ada@example.com"}')
    Traceback (most recent call last):
    ...
    minijobs.job.BadPayload: "args" is a str and must be a list
    """
    job = peek(raw)
    if job.get("jid") is None:
        job["jid"] = new_jid()
    return job


def peek(raw: bytes | str) -> Job:
    """Like `load`, for callers that only inspect the job: if it has no jid, none is added, whereas `load` generates one."""
    try:
        job = _decode(raw.decode() if isinstance(raw, bytes) else raw)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"it cannot be read as JSON ({error})") from None
    if wrong := wrong_shape(job):
        raise BadPayload(wrong)
    tolerate(job)
    return job  # type: ignore[no-any-return]


def seconds(timestamp: object) -> float | None:
    """Convert a job's timestamp to epoch seconds; None if it is not a valid time. Sidekiq 8 writes integer milliseconds,
    others write float seconds.

    An integer below 1e11 must be seconds: as milliseconds it would be a date before 1974.

    >>> seconds(1795450392.5), seconds(1795450392500), seconds(1795450392), seconds("noon")
    (1795450392.5, 1795450392.5, 1795450392, None)
    """
    if not is_moment(timestamp):
        return None
    return timestamp / 1000 if isinstance(timestamp, int) and timestamp >= 1e11 else timestamp


def moment(when: float | timedelta | datetime, *, now: float | None = None) -> float:
    """Convert `when` to epoch seconds. A number below one billion, or a timedelta, is an interval that starts at `now`.

    `now` is in epoch seconds, and so is a number from one billion on. Raises TypeError for any other type, and for a
    datetime without a time zone, which would be ambiguous; ValueError for milliseconds. Sidekiq: the same rule for numbers,
    in `perform_in`.

    >>> moment(60, now=1532784329.0), moment(1532784400.0), moment(timedelta(minutes=1), now=1532784329.0)
    (1532784389.0, 1532784400.0, 1532784389.0)
    """
    if isinstance(when, datetime):
        if when.utcoffset() is None:
            raise TypeError(f"{when!r} has no time zone: pass one with tzinfo=, or epoch seconds.")
        return when.timestamp()
    now = time.time() if now is None else now
    stretch = isinstance(when, timedelta)
    when = when.total_seconds() if isinstance(when, timedelta) else plain(when)
    if not is_moment(when):
        raise TypeError(f"{when!r} is no time: pass seconds from now, epoch seconds, a timedelta or a datetime.")
    when = now + when if stretch or when < 1e9 else float(when)
    if when > FARTHEST:
        raise ValueError(f"{when!r} is no moment in epoch seconds: milliseconds, perhaps? Divide them by 1,000.")
    return when


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
# No check for circular references: a list that contains itself is nested too deep, and is refused for that.
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":")).encode


# Both search JSON text. _LONG matches a float with 16 digits before the point and no fraction. _FLOAT matches a string (to
# skip it), such a float, or the beginning of a float like 1e+16.
_LONG = re.compile(r"\.(?<=[0-9]{16}\.)0")
_FLOAT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|(?<=[\[:,-])(?:[0-9]e(?=[+-])|[0-9]{16}\.0(?![0-9]))')


def _as_ruby_writes_it(found: re.Match[str]) -> str:
    """Ruby writes 1e+16 as 1.0e+16, and 1000000000000000.0, which Python writes in full, as 1.0e+15."""
    text = found[0]
    if text[0] == '"':
        return text
    if text[1] == "e":
        return f"{text[0]}.0e"
    return f"{text[0]}.{text[1:].partition('.')[0].rstrip('0') or '0'}e+15"
