"""A job is JSON: build it, check its arguments, write it, read it.

There is no Job class. What goes through Redis is one JSON object, and Ruby's Sidekiq reads and writes the same one:

    {"class": "SendGifToUserWorker", "args": ["ada@example.com", "hello"], "retry": true, "queue": "default",
     "jid": "adfa15f29ed6c09cda7f6973", "created_at": 1532784329.095427, "enqueued_at": 1532784329.095466}

It holds the *name* of a class and its arguments: no code, no object. So whatever is not JSON is refused here, at the
push, where the mistake is made, and not hours later in another process.
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

from .fields import DEEPEST_ARGUMENT, FARTHEST, RULES, is_moment, no_call, not_json, plain, tolerate, wrong_field

Job = dict[str, Any]
"""A job as it is in Redis, read: a plain dict."""

DEFAULTS: Job = {"retry": True, "queue": "default"}


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

    `now` is the time of creation, in epoch seconds. Raises ValueError, in one sentence, for an option that no job can have.
    The arguments are not looked at yet: see `check_arguments`. Sidekiq: `Sidekiq::JobUtil#normalize_item`.

    >>> job = build({"class": "SendGif", "args": ["ada@example.com"]}, now=1532784329.5)
    >>> job["queue"], job["retry"], job["created_at"]
    ('default', True, 1532784329.5)
    """
    if type(item) is not dict and not isinstance(item, Mapping):
        raise ValueError(f"Not a job: it is a {type(item).__name__} and must be a dict with class and args.")
    now = time.time() if now is None else now
    job = {"class": None, "args": None, **DEFAULTS, "jid": new_jid(), "created_at": now, **item}
    return checked(job)


def checked(job: Job) -> Job:
    """`job` if each of its fields is what it should be, or a copy that is made plain (see `plain`) where that is enough.

    Raises ValueError for a field that no job can have.

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
        return job  # as nearly every push is: what comes now would take as long as the rest of it
    job = {plain(field): plain(value) for field, value in job.items()}
    if isinstance(job.get("args"), (list, tuple)):
        job["args"] = list(job["args"])
    if isinstance(job.get("tags"), (list, tuple)):
        job["tags"] = [plain(tag) for tag in job["tags"]]
    if wrong := no_call(job) or wrong_field(job):
        raise ValueError(f"Not a job: {wrong}.")
    return job


def separate(value: Any) -> Any:
    """A copy of `value` whose lists and dicts are its own, however deep, so that who changes it changes nothing of others.

    >>> mine = {"args": [[1]]}
    >>> separate(mine)["args"][0].append(2)
    >>> mine
    {'args': [[1]]}
    """
    with suppress(RecursionError):  # it is refused later, for what it is
        if type(value) is dict:
            return {key: separate(inner) for key, inner in value.items()}
        if type(value) is list:
            return [separate(inner) for inner in value]
    return value


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
        if problem := not_json(argument, "", DEEPEST_ARGUMENT):
            name = f" ({parameters[position - 1]})" if position <= len(parameters) else ""
            raise BadArgument(f"Argument {position}{name} of {job['class']}{problem}")


def dump(job: Job) -> str:
    """The job as JSON text, as short as it gets. Raises ValueError for a number that is infinite or none, and for nesting
    that is too deep.

    >>> dump({"class": "SendGif", "args": ["é", 1]})
    '{"class":"SendGif","args":["é",1]}'
    """
    try:
        text = _compact(job)
        if not text.isascii():
            text.encode()
    except RecursionError:  # json reads about as deep as it writes, not exactly
        raise ValueError("it is nested too deep to be written") from None
    except UnicodeEncodeError:  # half a surrogate pair, from someone else's push: only an escape can write it again
        text = _ascii(job)
    # Sidekiq finds an entry to reschedule by writing it anew, byte for byte. One sign is found much faster than two.
    if _LONG.search(text) or (("-" in text or "+" in text) and ("e-" in text or "e+" in text)):
        text = _FLOAT.sub(_as_ruby_writes_it, text)
    return text


def load(raw: bytes | str) -> Job:
    """The job in an entry of a queue. Nothing that comes out of Redis is trusted: raises BadPayload, saying what is wrong.

    What Sidekiq would run is accepted, though nobody could push it, and its options are made plain: "retry": "5" is 5.

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
    """As `load`, for callers that only look: a job that was pushed without a jid has none, where `load` makes one up."""
    try:
        job = _decode(raw.decode() if isinstance(raw, bytes) else raw)
    except (ValueError, RecursionError) as error:
        raise BadPayload(f"it cannot be read as JSON ({error})") from None
    if wrong := no_call(job):
        raise BadPayload(wrong)
    tolerate(job)
    return job  # type: ignore[no-any-return]


def seconds(timestamp: object) -> float | None:
    """A job's timestamp in epoch seconds; None if it is no time. Sidekiq 8 writes milliseconds, others float seconds.

    An integer below 1e11 can only be seconds: as milliseconds it would be a moment before 1974.

    >>> seconds(1795450392.5), seconds(1795450392500), seconds(1795450392), seconds("noon")
    (1795450392.5, 1795450392.5, 1795450392, None)
    """
    if not is_moment(timestamp):
        return None
    return timestamp / 1000 if isinstance(timestamp, int) and timestamp >= 1e11 else timestamp


def moment(when: float | timedelta | datetime, *, now: float | None = None) -> float:
    """The moment `when`, in epoch seconds. A number below a thousand million is a stretch of seconds from `now`.

    Raises TypeError for anything else, and for a datetime without a time zone, which could mean any of them; ValueError for
    milliseconds.
    Sidekiq: the same rule for numbers, in `perform_in`.

    >>> moment(60, now=1532784329.0), moment(1532784400.0), moment(timedelta(minutes=1), now=1532784329.0)
    (1532784389.0, 1532784400.0, 1532784389.0)
    """
    if isinstance(when, datetime):
        if when.tzinfo is None:
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
# What holds itself is nested without end, and refused as such.
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False, check_circular=False, separators=(",", ":")).encode
_ascii = json.JSONEncoder(ensure_ascii=True, allow_nan=False, check_circular=False, separators=(",", ":")).encode


# In text that json wrote: a float of 16 digits and no fraction; and a text, or such a float, or the beginning of 1e+16.
_LONG = re.compile(r"\.(?<=[0-9]{16}\.)0")
_FLOAT = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|(?<=[\[:,-])(?:[0-9]e(?=[+-])|[0-9]{16}\.0(?![0-9]))')


def _as_ruby_writes_it(found: re.Match[str]) -> str:
    """1e+16 is 1.0e+16 to Ruby, and 1000000000000000.0, which Python writes in full, is 1.0e+15."""
    text = found[0]
    if text[0] == '"':
        return text
    if text[1] == "e":
        return f"{text[0]}.0e"
    return f"{text[0]}.{text[1:].partition('.')[0].rstrip('0') or '0'}e+15"
