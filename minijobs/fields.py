"""What the fields of a job may hold: strict on the way out, lenient on the way in.

A push validates everything that Sidekiq's push validates, and a little more, so that every version of Sidekiq, and its web
page, read a pushed job in the same way. A job that another program pushed is run if Sidekiq would run it.
Sidekiq: `Sidekiq::JobUtil`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import NoneType
from typing import Any, TypeGuard

# Upper limit for a time in epoch seconds: the year 9999 is below it, and the current time in milliseconds is above it.
FARTHEST = 1e12

# How to get the plain value of an object whose type is a subclass of str, int or float.
PLAIN: dict[type, Callable[[Any], Any]] = {str: str.__str__, int: int.__index__, float: float.__float__}

# The types that JSON can represent, themselves and not their subclasses.
NATIVE: frozenset[type] = frozenset((str, int, float, bool, type(None), list, dict))

# Ruby's JSON parser allows 100 levels of nesting. The job is the first level and its argument list the second.
DEEPEST_ARGUMENT = 98

# Python does not parse integers of more than 4,300 digits; this limit is well below that.
LONGEST_NUMBER = 10**1000

# What to pass instead, by the name of the type or of one of its bases. The first match counts, so Enum comes before str: an
# Enum may be a str as well.
INSTEAD = {
    "tuple": "Pass a list.",
    **dict.fromkeys(("set", "frozenset"), "Pass a sorted list."),
    "bytes": "Pass text: base64.b64encode(…).decode().",
    **dict.fromkeys(("datetime", "date"), "Pass its .isoformat() and read it back in perform."),
    "timedelta": "Pass its .total_seconds().",
    "Decimal": "Pass str(…), which keeps every digit.",
    "UUID": "Pass str(…).",
    "Enum": "Pass its .value.",
    "generic": "Pass its .item().",  # numpy's numbers
    "ndarray": "Pass its .tolist().",
    "__proxy__": "Pass str(…).",  # Django's text that is translated when it is shown
    "SafeString": "Pass str.__str__(…), because str(…) of one is still one.",  # Django's
    "PurePath": "Pass str(…).",
    **{kind: f"Pass {kind}(…), a plain one." for kind in ("dict", "list", "str", "int", "float")},
    "object": "Pass an id, and look the thing up in perform: by then it may have changed.",
}


def plain(value: Any) -> Any:
    """Convert an instance of a subclass of str, int or float to the plain type; return any other value unchanged.

    Otherwise a member of `class Queue(str, Enum)` would name two queues: JSON writes "mail", an f-string "Queue.MAIL".
    """
    if type(value) in NATIVE:
        return value
    for kind, itself in PLAIN.items():
        if isinstance(value, kind):
            return itself(value)
    return value


def queue_name(value: Any) -> str:
    """Return the name of a queue as a plain str (see `plain`). Raises ValueError if no job could be pushed to that queue.

    >>> queue_name("a|b")
    Traceback (most recent call last):
    ...
    ValueError: "queue" is 'a|b' and must be the name of a queue, without a |.
    """
    name = plain(value)
    if not _is_queue(name):
        raise ValueError(f'"queue" is {name!r} and must be {QUEUE}.')
    return str(name)


def wrong_shape(job: object) -> str | None:
    """Describe why `job` is not a class name with a list of arguments; None if it is one."""
    if not isinstance(job, dict):
        return f"it is a {type(job).__name__} and must be an object"
    if not isinstance(job.get("class"), str):
        return f'"class" is a {type(job.get("class")).__name__} and must be a string'
    if not isinstance(job.get("args"), list):
        return f'"args" is a {type(job.get("args")).__name__} and must be a list'
    return None


def wrong_field(job: dict[str, Any]) -> str | None:
    """Describe the first field that may not be pushed, or return None. Many such jobs would nevertheless run."""
    for field, value in job.items():
        if field in RULES:
            holds, what = RULES[field]
            if not holds(value):
                return f'"{field}" is {value!r} and must be {what}'
        elif type(field) is not str or not _is_text(field):
            return f"{field!r} is a {type(field).__name__} and the name of a field must be text"
        elif type(value) is not float and (problem := not_json(value, "", DEEPEST_ARGUMENT)):  # `dump` refuses NaN
            return f'"{field}"{problem.removesuffix(".")}'
    return None


def tolerate(job: dict[str, Any]) -> None:
    """Normalize or remove invalid fields with which Sidekiq would still run the job. Changes `job` in place."""
    for field in ("jid", "queue", "retry_queue"):
        if job.get(field) is not None and not _is_name(job[field]):
            value = job.pop(field)
            if type(value) in (int, float):
                job[field] = str(value)
    if not isinstance(job.get("retry"), (int, NoneType)):
        job["retry"] = True  # as in Sidekiq: "5" and 5.0 are no numbers of retries
    if not isinstance(job.get("tags"), (list, NoneType)):
        job["tags"] = [job["tags"]]  # Sidekiq runs it, but when it has failed, Sidekiq's poller loses it
    if not isinstance(job.get("backtrace"), (bool, NoneType)):
        job["backtrace"] = _whole(job["backtrace"])
    if "retry_for" in job and not is_moment(job["retry_for"]):
        job["retry_for"] = _whole(job["retry_for"] or None)
    if "retry_count" in job and (count := _whole(job.pop("retry_count"))) is not None:
        job["retry_count"] = count


def _whole(value: Any) -> int | None:
    """Convert a value such as 5, 5.0 or "5" to an int, -1 if it is negative; None if it is not a number."""
    try:
        return max(-1, min(int(value), 2**31 - 1))
    except (TypeError, ValueError, OverflowError):
        return None


def is_moment(value: object) -> TypeGuard[float]:
    return (type(value) is float or type(value) is int) and -1e300 < value < 1e300  # excludes infinity, NaN and huge ints


def _is_flag(value: object) -> bool:
    return value is None or type(value) is bool


def _is_flag_or_count(value: object) -> bool:
    return value is None or type(value) is bool or (type(value) is int and 0 <= value < 2**31)


def _is_name(value: object) -> TypeGuard[str]:
    return type(value) is str and value != "" and (value.isascii() or _is_text(value))


def _is_queue(value: object) -> bool:  # no "|", because the in-flight lists are called inflight:ID|QUEUE
    return type(value) is str and value != "" and "|" not in value and (value.isascii() or _is_text(value))


QUEUE = "the name of a queue, without a |"

# What each field of a pushed job must be, as a check and in words. Sidekiq: `Sidekiq::JobUtil#validate`.
RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "class": (_is_name, "the name of a class"),
    "args": (lambda value: type(value) is list, "a list"),  # see check_arguments
    "jid": (_is_name, "text"),
    "queue": (_is_queue, QUEUE),
    "retry_queue": (lambda value: value is None or _is_queue(value), QUEUE),
    "retry": (_is_flag_or_count, "true, false or a number of retries"),
    "backtrace": (_is_flag_or_count, "true, false or a number of lines"),
    "dead": (_is_flag, "true or false"),
    "retry_for": (lambda value: value is None or (is_moment(value) and 0 <= value < 1e9), "a number of seconds"),
    # May be -1: Sidekiq's API subtracts one before a manual retry.
    "retry_count": (lambda value: type(value) is int and abs(value) < 2**31, "a number of retries"),
    "at": (lambda value: is_moment(value) and value < FARTHEST, "a moment in epoch seconds"),
    "created_at": (is_moment, "a moment in epoch seconds"),
    "tags": (lambda value: value is None or (type(value) is list and all(map(_is_word, value))), "a list of words"),
}


def _is_word(value: object) -> bool:
    return type(value) is str and _is_text(value)


def not_json(value: Any, path: str, depth: int) -> str | None:
    """Describe why JSON cannot represent `value`, as the end of a sentence that begins with its position; None if it can."""
    kind = type(value)
    if (kind is str and _is_text(value)) or value is None or kind is bool:
        return None
    if (kind is int and -LONGEST_NUMBER < value < LONGEST_NUMBER) or (kind is float and math.isfinite(value)):
        return None
    where = f", at {path}," if path else ""
    if kind is int:
        return f"{where} is a number of over 1,000 digits. Pass str(…)."
    if kind is float:
        return f"{where} is {value}, and JSON has no such number. Pass None."
    if kind is str:
        return f"{where} is a str with half a surrogate pair in it, which UTF-8 cannot write."
    if kind is not list and kind is not dict:
        names = {base.__name__ for base in kind.__mro__}
        advice = next(advice for name, advice in INSTEAD.items() if name in names)
        alike = kind.__qualname__ in {native.__name__ for native in NATIVE}  # as numpy.bool is
        name = f"{kind.__module__}.{kind.__qualname__}" if alike else kind.__qualname__
        return f"{where} is a {name}, and JSON has no such thing. {advice}"
    if depth == 0:
        return f"{where[:60]} is nested more than {DEEPEST_ARGUMENT} deep. Pass an id, or less."
    items = value.items() if kind is dict else enumerate(value)
    for key, inner in items:
        if kind is dict and (type(key) is not str or not _is_text(key)):
            return f"{where} has the key {key!r}, and JSON's keys are text. Pass str({key!r})."
        if problem := not_json(inner, f"{path}[{key!r}]", depth - 1):
            return problem
    return None


def _is_text(value: str) -> bool:
    try:
        return value.isascii() or bool(value.encode())
    except UnicodeEncodeError:
        return False
