"""Where a job failed: the backtrace that is stored with it, and what its traceback keeps in memory.

Sidekiq: the field "error_backtrace", which only Workers with the option `backtrace` store.
"""

from __future__ import annotations

import base64
import json
import traceback
import zlib
from contextlib import suppress
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import FrameType

LONGEST = 1_000_000  # bytes, unpacked: a malicious one could expand without limit


def lines(error: BaseException) -> list[str]:
    """Return one line for each call in the traceback of `error`, innermost first."""
    calls = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return [f"{code.co_filename}:{line}:in {code.co_name}" for code, line in reversed(calls)]


def pack(lines: list[str]) -> str:
    """Return a backtrace as it is stored in a job: JSON, compressed with zlib, in base64."""
    return base64.b64encode(zlib.compress(json.dumps(lines).encode())).decode()


def unpack(packed: object) -> list[str]:
    """Return the lines of a packed backtrace; none if it cannot be unpacked.

    >>> unpack(pack(["app.py:1:in perform"])), unpack("no backtrace")
    (['app.py:1:in perform'], [])
    """
    try:
        lines = json.loads(zlib.decompressobj().decompress(base64.b64decode(str(packed)), LONGEST))
    except (ValueError, zlib.error, RecursionError):
        return []
    return [str(line) for line in lines] if isinstance(lines, list) else []


def free_locals(error: BaseException | None) -> None:
    """Free what a failed job held: an error refers to its traceback, that to the frames, those to all local variables.

    Otherwise its locks, files and memory would live on as long as anything refers to the error. The traceback itself stays,
    for code that reports the error later, perhaps in another thread, if all its calls have ended.
    """
    seen: set[int] = set()
    errors = [error]
    while errors:
        one = errors.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            errors += [one.__cause__, one.__context__]
            errors += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
            cleared = [_clear(frame) for frame, _ in traceback.walk_tb(one.__traceback__)]
            if not all(cleared):
                with suppress(Exception):
                    one.with_traceback(None)  # a frozen dataclass has no attributes that can be set


def _clear(frame: FrameType) -> bool:
    """Clear the local variables of a call that has ended. Returns False if it has not ended, or may not have.

    A coroutine that caught the error may still be suspended in one of the user's threads, and before Python 3.13, clearing
    its frame would end it.
    """
    if frame.f_code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR):
        return False
    try:
        frame.clear()
    except RuntimeError:  # it is running
        return False
    return True
