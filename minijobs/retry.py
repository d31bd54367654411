"""When to try again, when to stop: `after_failure` decides.

A job that failed is not run again on the spot. It goes back to Redis, into the sorted set `retry`, with the moment of its
next try as its score; the poller (see `scheduled`) puts it back into its queue when that moment has passed. When its tries
are used up it goes to the sorted set `dead`, where a person may look at it. Sidekiq: `Sidekiq::JobRetry`.
"""

from __future__ import annotations

import base64
import json
import random
import threading
import time
import traceback
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import FrameType
from typing import TYPE_CHECKING

from .fetch import Destination, UnitOfWork
from .job import BadPayload, Job, dump, new_jid, peek, seconds
from .log import logger
from .middleware import has_run

if TYPE_CHECKING:
    from .connection import Redis
    from .worker import Worker

MOST_RETRIES = 25
LONGEST_MESSAGE = 10_000
LONGEST_BACKTRACE = 1_000_000  # bytes, unpacked: a stranger's may grow without end
DEAD_FOR = 180 * 24 * 60 * 60  # seconds that `dead` keeps a job
DEAD_SIZE = 10_000

_dice = random.Random()  # its own: a job may seed the one that all share, and then all would wait alike

death_handlers: list[Callable[[Job, BaseException], object]] = []
"""Functions to be called with each job that will not be tried again, and with its last error; append yours.

They run where the job ran, before Redis is told; after a crash in between they are called once more. An exception in one is
logged, no more. Sidekiq: `config.death_handlers`.
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one run, and where the job goes next, if anywhere."""

    name: str  # done, retry, dead or dropped
    error: BaseException | None = None
    at: float | None = None  # of a retry: the moment of the next try, in epoch seconds
    to: Destination | None = field(default=None, repr=False)

    def describe(self, *, now: float | None = None) -> str:
        """In words, for the log.

        >>> Outcome("retry", at=1015.0).describe(now=1000.0)
        'next try in 15 sec'
        """
        if self.at is None:
            return {"dead": "no more tries: to dead", "dropped": "not tried again, not kept"}.get(self.name, self.name)
        return f"next try in {self.at - (time.time() if now is None else now):.0f} sec"


DONE = Outcome("done")


def delay(count: int) -> float:
    """Seconds to wait after a failure, `count` being 0 after the first: `count**4 + 15` and a little chance.

    Chance, so that a thousand jobs that failed together do not come back together. Sidekiq: the same, as of 8.0.

    >>> [count**4 + 15 <= delay(count) <= count**4 + 15 + 10 * (count + 1) for count in (0, 1, 24)]
    [True, True, True]
    """
    return count**4 + 15 + _chance(count)


def after_failure(
    unit: UnitOfWork, job: Job, error: BaseException, worker: type[Worker] | None, *, now: float | None = None
) -> Outcome:
    """Decide whether `job` is tried again after `error`, goes to `dead`, or is dropped.

    That depends on `retry` and `retry_for`, of the job or of its class, and on what the class's `retry_in` says. The death
    handlers of a job that dies are called. Nothing is sent to Redis here. `worker` is the job's class, or None if it is
    unknown; `now` is in epoch seconds. Sidekiq: `JobRetry#process_retry`.
    """
    now = time.time() if now is None else now
    limit = getattr(worker, "retry", True) if job.get("retry") is None else job["retry"]
    if limit is False:
        run_death_handlers(job, error)
        return Outcome("dropped", error)
    failed = record_failure(unit, job, error, now=now)
    over = exhausted({**failed, "retry": limit}, now=now)
    wait = None if over else _chosen_wait(worker, failed, error)
    try:
        payload = dump(failed).encode()
    except ValueError:  # what could be read but cannot be written again, such as 1e999
        payload, wait = unit.raw, "kill" if wait != "discard" else wait
    if not over and wait not in ("kill", "discard"):
        chance = _chance(failed["retry_count"])
        at = now + wait + chance if isinstance(wait, (int, float)) else now + delay(failed["retry_count"])
        return Outcome("retry", error, at, Destination("retry", at, payload))
    kept = wait != "discard" and _last_words(worker, failed, error) != "discard" and job.get("dead") is not False
    run_death_handlers(failed, error)
    return dead(payload, error, now=now) if kept else Outcome("dropped", error)


def record_failure(unit: UnitOfWork, job: Job, error: BaseException, *, now: float) -> Job:
    """A copy of `job` that tells of its failure: the same jid, one more in `retry_count`, and what went wrong."""
    # It came to its end, so it is not what killed the process that it was once rescued from.
    failed = {field: value for field, value in job.items() if field not in ("rescued", "rescued_at")}
    failed["queue"] = job.get("retry_queue") or unit.queue
    failed |= {"error_message": message(error), "error_class": _class_name(error)}
    if job.get("retry_count") is not None:
        failed |= {"retry_count": max(0, job["retry_count"] + 1), "retried_at": now}
    else:
        failed |= {"retry_count": 0, "failed_at": now}
    if lines := job.get("backtrace"):
        failed["error_backtrace"] = pack(backtrace(error)[: None if lines is True else int(lines)])
    return failed


def backtrace(error: BaseException) -> list[str]:
    """Where `error` was raised, the innermost call first, a line each."""
    calls = [(frame.f_code, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    return [f"{code.co_filename}:{line}:in {code.co_name}" for code, line in reversed(calls)]


def pack(lines: list[str]) -> str:
    """A backtrace as it is in a job: base64 of zlib of JSON."""
    return base64.b64encode(zlib.compress(json.dumps(lines).encode())).decode()


def unpack(packed: object) -> list[str]:
    """The lines of a packed backtrace; none if it cannot be read.

    >>> unpack(pack(["app.py:1:in perform"])), unpack("no backtrace")
    (['app.py:1:in perform'], [])
    """
    try:
        lines = json.loads(zlib.decompressobj().decompress(base64.b64decode(str(packed)), LONGEST_BACKTRACE))
    except (ValueError, zlib.error, RecursionError):
        return []
    return [str(line) for line in lines] if isinstance(lines, list) else []


def exhausted(job: Job, *, now: float) -> bool:
    """Whether a job that has just failed has no try left: its `retry_for` has passed or, without one, 25 retries or `retry`.

    >>> exhausted({"retry": 3, "retry_count": 2}, now=0), exhausted({"retry": 3, "retry_count": 3}, now=0)
    (False, True)
    >>> exhausted({"retry_for": 60, "failed_at": 1000.0, "retry_count": 99}, now=1059.0)
    False
    """
    if job.get("retry_for") is not None:
        since = seconds(job.get("failed_at"))
        return since is not None and bool(since + job["retry_for"] < now)
    retry = job.get("retry")
    return bool(job["retry_count"] >= (MOST_RETRIES if retry is True or retry is None else int(retry)))


def run_death_handlers(job: Job, error: BaseException) -> None:
    """Tell everybody in `death_handlers`."""
    for handler in death_handlers:
        try:
            has_run(handler(job, error), "A death handler")
        except BaseException as mistake:  # it must not cost the job
            if stops_us(mistake):
                raise
            logger.exception("a death handler failed, for JID-%s", job["jid"])


def dead(payload: bytes, error: BaseException, *, now: float) -> Outcome:
    """The outcome of a job that is not tried again, but kept, if need be inside of an object: see `wrapped`."""
    return Outcome("dead", error, to=Destination("dead", now, wrapped(payload, error, now=now)))


def wrapped(payload: bytes, error: BaseException, *, now: float) -> bytes:
    """What `dead` keeps of an entry: the entry itself, or a job that shows it, if it would break Sidekiq's page of `dead`.

    That page can show any job and what is no JSON, but no JSON that is no object, nor an object that is no job if its
    "queue" is no text or its "tags" are no list.

    >>> wrapped(b"{not JSON", ValueError("no job"), now=1000.0)
    b'{not JSON'
    >>> json.loads(wrapped(b"[1,2]", ValueError("no job"), now=1000.0))["args"]
    ['[1,2]']
    """
    with suppress(BadPayload):
        peek(payload)
        return payload
    try:
        entry = json.loads(payload, parse_int=float)  # Ruby reads numbers that are too long for Python
    except (ValueError, RecursionError):
        return payload
    if isinstance(entry, dict) and isinstance(entry.get("queue"), str | None) and isinstance(entry.get("tags"), list | None):
        return payload
    text, jid = payload.decode(errors="backslashreplace"), new_jid()
    job = {"class": "(no job)", "args": [text], "jid": jid, "queue": "default", "retry": False, "created_at": now}
    return dump({**job, "error_class": _class_name(error), "error_message": message(error), "failed_at": now}).encode()


def trim(redis: Redis, *, now: float) -> None:
    """Remove from `dead` the jobs older than half a year, and the oldest ones beyond 10,000."""
    pipe = redis.pipeline(transaction=False)
    pipe.zremrangebyscore("dead", "-inf", now - DEAD_FOR)
    pipe.zremrangebyrank("dead", 0, -DEAD_SIZE - 1)
    pipe.execute()


def release(error: BaseException | None) -> None:
    """Let go of what a failed job held: an error keeps its traceback, that its frames, and those all their local variables.

    Its locks, files and megabytes would live on until nobody refers to the error any more. Whoever still has the error, to
    report it from another thread perhaps, finds in it where it was raised, if it was raised by calls that have ended.
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
                    one.with_traceback(None)  # a frozen dataclass lets nobody set an attribute


def _clear(frame: FrameType) -> bool:
    """Forget the local variables of a call that has ended. Returns whether it was one.

    A coroutine that caught the error may still live, in a thread of the user's: until Python 3.13, to clear it ends it.
    """
    if frame.f_code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR):
        return False
    try:
        frame.clear()
    except RuntimeError:  # it is running
        return False
    return True


def stops_us(error: BaseException) -> bool:
    """Whether it is not the job that failed: somebody stops this program, with Ctrl-C."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def message(error: BaseException) -> str:
    """What an error says, as text that can be written down; asking a stranger's exception may fail, too.

    >>> message(RuntimeError("boom"))
    'boom'
    """
    try:
        text = str(error)
    except BaseException as second:
        text = f"(its message cannot be had: {type(second).__name__})"
    return text[:LONGEST_MESSAGE].encode(errors="replace").decode()


def _chance(count: int) -> int:
    return _dice.randrange(10 * (count + 1))


def _chosen_wait(worker: type[Worker] | None, job: Job, error: BaseException) -> float | str | None:
    """What the Worker's own `retry_in` says; None, the default, if it says nothing usable or fails itself."""
    if worker is None:
        return None
    try:
        chosen = worker.retry_in(job["retry_count"], error)
        seconds = chosen.total_seconds() if isinstance(chosen, timedelta) else chosen
        if seconds is None or (isinstance(seconds, str) and seconds in ("discard", "kill")):
            return seconds
        if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < 1e9:  # NaN is not
            return float(seconds)  # a number of numpy's would make a moment of numpy's, and redis-py sends "np.float64(…)"
        raise ValueError(f'{chosen!r} is no number of seconds above 0, nor a timedelta, "kill" or "discard"')
    except BaseException as mistake:  # it must not cost the job
        if stops_us(mistake):
            raise
        logger.exception("retry_in of %s failed, so the default wait is taken", worker.job_name)
        return None


def _last_words(worker: type[Worker] | None, job: Job, error: BaseException) -> str | None:
    """What the Worker's own `retries_exhausted` says."""
    try:
        chosen = None if worker is None else worker.retries_exhausted(job, error)
        has_run(chosen, "retries_exhausted")
        return chosen
    except BaseException as mistake:
        if stops_us(mistake):
            raise
        logger.exception("retries_exhausted of %s failed", job["class"])
        return None


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
