"""A job is JSON: build it, check its arguments, write it, read it.

There is no Job class. What goes through Redis is one JSON object, and Ruby's Sidekiq reads and writes the same one:

    {"class": "SendGifToUserWorker", "args": ["ada@example.com", "hello"], "retry": true, "queue": "default",
     "jid": "adfa15f29ed6c09cda7f6973", "created_at": 1532784329.095427, "enqueued_at": 1532784329.095466}

It holds the *name* of a class and its arguments: no code, no object. So whatever is not JSON is refused here, at the
push, where the mistake is made, and not hours later in another process.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeGuard

Job = dict[str, Any]
"""A job as it is in Redis, read: a plain dict."""

DEFAULTS: Job = {"retry": True, "queue": "default"}

# Ruby's JSON reader stops at 100 levels. A job is one level and its argument list a second.
DEEPEST_ARGUMENT = 98

# What to pass instead, by the name of the type or of one of its bases; the first that fits. An Enum may be a str as well.
INSTEAD = {
    "tuple": "Pass a list.",
    **dict.fromkeys(("set", "frozenset"), "Pass a sorted list."),
    "bytes": "Pass text: base64.b64encode(…).decode().",
    **dict.fromkeys(("datetime", "date"), "Pass its .isoformat() and read it back in perform."),
    "timedelta": "Pass its .total_seconds().",
    "Decimal": "Pass str(…), which keeps every digit.",
    "UUID": "Pass str(…).",
    "Enum": "Pass its .value.",
    "PurePath": "Pass str(…).",
    **{kind: f"Pass {kind}(…), a plain one." for kind in ("dict", "list", "str", "int", "float")},
    "object": "Pass an id, and look the thing up in perform: by then it may have changed.",
}


class BadArgument(TypeError):
    """An argument that JSON cannot hold. Nothing was pushed."""


class BadPayload(ValueError):
    """An entry of a queue that is no job: not JSON, or not of the shape a job has."""


def new_jid() -> str:
    """A fresh job id: 24 hex digits, as Sidekiq's.

    >>> len(new_jid())
    24
    """
    return os.urandom(12).hex()


def build(item: Mapping[str, Any], *, now: float | None = None) -> Job:
    """A complete job from `item`: "class" and "args", and any options of the job ("queue", "retry", "at", …).

    `now` is the time of creation, in epoch seconds. Raises ValueError or TypeError, in one sentence, for an option that
    no job can have. The arguments are not looked at yet: see `check_arguments`.
    Sidekiq: `Sidekiq::JobUtil#normalize_item`.

    >>> job = build({"class": "SendGif", "args": ["ada@example.com"]}, now=1532784329.5)
    >>> job["queue"], job["retry"], job["created_at"]
    ('default', True, 1532784329.5)
    """
    now = time.time() if now is None else now
    job = {"class": None, "args": None, **DEFAULTS, "jid": new_jid(), "created_at": now, **item}
    if isinstance(job["args"], tuple):
        job["args"] = list(job["args"])
    wrong = _wrong_shape(job)
    if wrong is None and "at" in job and not _is_moment(job["at"]):
        wrong = f'"at" is {job["at"]!r} and must be a moment in epoch seconds'
    if wrong:
        raise ValueError(f"Not a job: {wrong}.")
    return job


def check_arguments(job: Job, parameters: Sequence[str] = ()) -> None:
    """Refuse a job whose arguments would not come out of Redis exactly as they went in.

    `parameters` are the names that `perform` gives its arguments, for the message. Raises BadArgument with the position,
    the name and the type, and what to pass instead. Sidekiq: `Sidekiq.strict_args!`, the default since 7.0.

    >>> check_arguments({"class": "SendGif", "args": ["a", {"size": [1, 2]}]})
    >>> check_arguments({"class": "SendGif", "args": ["a", (1, 2)]}, ["email", "size"])
    Traceback (most recent call last):
    ...
    minijobs.job.BadArgument: Argument 2 (size) of SendGif is a tuple, and JSON has no such thing. Pass a list.
    """
    for position, argument in enumerate(job["args"], start=1):
        if problem := _not_json(argument, "", DEEPEST_ARGUMENT):
            name = f" ({parameters[position - 1]})" if position <= len(parameters) else ""
            raise BadArgument(f"Argument {position}{name} of {job['class']}{problem}")


def dump(job: Job) -> str:
    """The job as JSON text, as short as it gets. Raises ValueError for a number that is infinite or none, and for nesting
    that is too deep.

    >>> dump({"class": "SendGif", "args": ["é", 1]})
    '{"class":"SendGif","args":["é",1]}'
    """
    return _encode(job)


def load(raw: bytes | str) -> Job:
    """The job in an entry of a queue. Nothing that comes out of Redis is trusted: raises BadPayload, saying what is wrong.

    >>> load('{"class": "SendGif", "args": [], "jid": "593f66432baeb76a116b7cac"}')["class"]
    'SendGif'
    >>> load('{"class": "SendGif", "args": "ada@example.com"}')
    Traceback (most recent call last):
    ...
    minijobs.job.BadPayload: "args" is a str and must be a list
    """
    try:
        job = _decode(raw.decode() if isinstance(raw, bytes) else raw)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"it cannot be read as JSON ({error})") from None
    if wrong := _wrong_shape(job):
        raise BadPayload(wrong)
    return job  # type: ignore[no-any-return]


def seconds(timestamp: object) -> float | None:
    """A job's timestamp in epoch seconds; None if it is no time. Sidekiq 8 writes milliseconds, others float seconds.

    >>> seconds(1795450392.5), seconds(1795450392500), seconds("noon")
    (1795450392.5, 1795450392.5, None)
    """
    if not _is_moment(timestamp):
        return None
    return timestamp / 1000 if isinstance(timestamp, int) else timestamp


def moment(when: float | timedelta | datetime, *, now: float | None = None) -> float:
    """The moment `when`, in epoch seconds. A number below a thousand million is a stretch of seconds from `now`.

    Raises TypeError for anything else, and for a datetime without a time zone, which could mean any of them.
    Sidekiq: the same rule for numbers, in `perform_in`.

    >>> moment(60, now=1532784329.0), moment(1532784400.0), moment(timedelta(minutes=1), now=1532784329.0)
    (1532784389.0, 1532784400.0, 1532784389.0)
    """
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise TypeError(f"{when!r} has no time zone: pass one with tzinfo=, or epoch seconds.")
        return when.timestamp()
    now = time.time() if now is None else now
    if isinstance(when, timedelta):
        return now + when.total_seconds()
    if not _is_moment(when):
        raise TypeError(f"{when!r} is no time: pass seconds from now, epoch seconds, a timedelta or a datetime.")
    return now + when if when < 1e9 else float(when)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode


def _encode(job: Job) -> str:
    try:
        text = _compact(job)
        if not text.isascii():
            text.encode()
    except RecursionError:  # json reads about as deep as it writes, not exactly
        raise ValueError("it is nested too deep to be written") from None
    except UnicodeEncodeError:  # half a surrogate pair, from someone else's push: only an escape can write it again
        return _ascii(job)
    return text


def _wrong_shape(job: object) -> str | None:
    """What keeps `job` from being a job, in words, or None."""
    if not isinstance(job, dict):
        return f"it is a {type(job).__name__} and must be an object"
    for field, kind, name in (("class", str, "string"), ("args", list, "list"), ("jid", str, "string")):
        if not isinstance(job.get(field), kind):
            return f'"{field}" is a {type(job.get(field)).__name__} and must be a {name}'
    for field in ("queue", "retry_queue"):
        if field in job and not (isinstance(job[field], str) and job[field] and _is_text(job[field])):
            return f'"{field}" is {job[field]!r} and must be the name of a queue'
    for field, counts in (("retry", "retries"), ("backtrace", "lines")):
        if job.get(field) not in (True, False, None) and not _is_count(job[field]):
            return f'"{field}" is {job[field]!r} and must be true, false or a number of {counts}'
    stretch = job.get("retry_for")
    if stretch is not None and not (_is_moment(stretch) and 0 <= stretch < 1e9):
        return f'"retry_for" is {stretch!r} and must be a number of seconds'
    count = job.get("retry_count", 0)  # Sidekiq's API takes one off before a retry by hand, so it may be -1
    if type(count) is not int or abs(count) >= 2**31:
        return f'"retry_count" is {count!r} and must be a number of retries'
    return None


def _is_moment(value: object) -> TypeGuard[float]:
    return type(value) in (int, float) and abs(value) < 1e300  # type: ignore[arg-type]  # not infinite, no NaN, no huge int


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**31


def _not_json(value: Any, path: str, depth: int) -> str | None:
    """How `value` differs from what JSON can hold: the rest of a sentence that began with its position, or None."""
    where = f", at {path}," if path else ""
    kind = type(value)
    if value is None or kind is bool:
        return None
    if kind is int:
        return None if abs(value) < 10**1000 else f"{where} is a number of over 1,000 digits. Pass str(…)."
    if kind is float:
        return None if math.isfinite(value) else f"{where} is {value}, and JSON has no such number. Pass None."
    if kind is str:
        return None if _is_text(value) else f"{where} is a str with half a surrogate pair in it, which UTF-8 cannot write."
    if kind is not list and kind is not dict:
        names = {base.__name__ for base in kind.__mro__}
        advice = next(advice for name, advice in INSTEAD.items() if name in names)
        return f"{where} is a {kind.__qualname__}, and JSON has no such thing. {advice}"
    if depth == 0:
        return f"{where[:60]} is nested more than {DEEPEST_ARGUMENT} deep. Pass an id, or less."
    items = value.items() if kind is dict else enumerate(value)
    for key, inner in items:
        if kind is dict and (type(key) is not str or not _is_text(key)):
            return f"{where} has the key {key!r}, and JSON's keys are text. Pass str({key!r})."
        if problem := _not_json(inner, f"{path}[{key!r}]", depth - 1):
            return problem
    return None


def _is_text(value: str) -> bool:
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False
