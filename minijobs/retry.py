"""Whether a job that failed is tried again, and when: `after_failure` decides.

A failed job is not run again on the spot. It goes to the sorted set `retry` in Redis, and its score is the time of the next
try; once that has passed, the poller (see `scheduled`) moves it back to its queue. When its retries are used up, it goes to
the sorted set `dead`, where a person can look at it. Or it is *dropped*, that is, kept nowhere, if the job or its class says
so: `retry = False`, `dead = False`, "discard". Sidekiq: `Sidekiq::JobRetry`.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from . import backtrace
from .fetch import Destination, UnitOfWork
from .job import BadPayload, Job, dump, new_jid, peek, seconds, stamp
from .log import logger
from .middleware import exit_if_forked, has_run

if TYPE_CHECKING:
    from .connection import Redis
    from .worker import Worker

DEFAULT_RETRIES = 25  # what `retry = True` means
LONGEST_MESSAGE = 10_000
DEAD_FOR = 180 * 24 * 60 * 60  # seconds that `dead` keeps a job
DEAD_SIZE = 10_000

_rng = random.Random()  # its own: if a job seeded the shared one, all jobs would wait equally long

Result = TypeVar("Result")

death_handlers: list[Callable[[Job, BaseException], object]] = []
"""Functions that are called with each job that will not be retried, and with its last error. Append yours.

They run in the process that ran the job, before the outcome is stored in Redis; if the process crashes in between, they are
called again after the next run. A job whose process died is another matter (see `rescue`): they run in the process that
rescues it, after it was stored in `dead`, so a crash in between may skip them. An exception raised in one is only logged.
Sidekiq: `config.death_handlers`.
"""


@dataclass(frozen=True)
class Outcome:
    """The result of one run, and where the job goes next, if anywhere."""

    name: str  # done, retry, dead or dropped
    error: BaseException | None = None
    at: float | None = None  # for a retry: the time of the next try, in epoch seconds
    to: Destination | None = field(default=None, repr=False)

    def describe(self, *, now: float | None = None) -> str:
        """Describe the outcome in words, for the log. `now` is in epoch seconds.

        >>> Outcome("retry", at=1015.0).describe(now=1000.0)
        'next try in 15 sec'
        """
        if self.at is None:
            return {"dead": "no more tries: to dead", "dropped": "not tried again, not kept"}.get(self.name, self.name)
        return f"next try in {self.at - (time.time() if now is None else now):.0f} sec"


DONE = Outcome("done")


def delay(count: int, wait: float | None = None) -> float:
    """Return the seconds to wait after a failure: `wait`, or `count**4 + 15`, plus jitter. `count` is 0 after the first one.

    The jitter keeps a thousand jobs that failed together from coming back together. Sidekiq: the same, as of 8.0.

    >>> [count**4 + 15 <= delay(count) <= count**4 + 15 + 10 * (count + 1) for count in (0, 1, 24)]
    [True, True, True]
    """
    return (count**4 + 15 if wait is None else wait) + _jitter(count)


def after_failure(
    unit: UnitOfWork, job: Job, error: BaseException, worker: type[Worker] | None, *, now: float | None = None
) -> Outcome:
    """Decide whether `job` is retried after `error`, goes to `dead`, or is dropped.

    This depends on `retry` of the job, or else of its class, on the job's `retry_for`, and on the class's `retry_in`. If it
    is not retried, the death handlers are called. Nothing is sent to Redis here. `worker` is the job's class, or None if it
    is unknown; `now` is in epoch seconds. Sidekiq: `JobRetry#process_retry`.
    """
    now = time.time() if now is None else now
    limit = getattr(worker, "retry", True) if job.get("retry") is None else job["retry"]
    if limit is False:
        run_death_handlers(job, error)
        return Outcome("dropped", error)
    failed = record_failure(unit, {**job, "retry": limit}, error, now=now)
    over = exhausted(failed, now=now)
    wait: float | str | None = None  # seconds, "kill" or "discard"; None is the default, also after an error in retry_in
    if worker and not over:
        wait = _call_hook(f"retry_in of {worker.job_name}", _chosen_wait, worker, failed["retry_count"], error)
    try:
        payload = dump(failed).encode()
    except ValueError:  # JSON that can be parsed but not serialized, such as 1e999: it goes to `dead` as it was
        payload, wait = unit.raw, ("discard" if wait == "discard" else "kill")
    if not over and not isinstance(wait, str):
        at = now + delay(failed["retry_count"], wait)
        return Outcome("retry", error, at, Destination("retry", at, payload))
    verdict = wait
    if worker and verdict != "discard":  # then retries_exhausted may still say so
        verdict = _call_hook(f"retries_exhausted of {worker.job_name}", worker.retries_exhausted, failed, error)
    kept = verdict != "discard" and job.get("dead") is not False
    run_death_handlers(failed, error)
    return dead(payload, error, now=now) if kept else Outcome("dropped", error)


def record_failure(unit: UnitOfWork, job: Job, error: BaseException, *, now: float) -> Job:
    """Return a copy of `job` that records its failure: the same jid, a higher `retry_count`, and the error."""
    # The run ended by itself, so the job is probably not what killed a process before: its rescues are forgotten.
    failed = {field: value for field, value in job.items() if field not in ("rescued", "rescued_at")}
    failed["queue"] = job.get("retry_queue") or unit.queue
    failed |= {"error_message": message(error), "error_class": _class_name(error)}
    if job.get("retry_count") is not None:
        failed |= {"retry_count": max(0, job["retry_count"] + 1), "retried_at": stamp(now)}
    else:
        failed |= {"retry_count": 0, "failed_at": stamp(now)}
    if lines := job.get("backtrace"):
        failed["error_backtrace"] = backtrace.pack(backtrace.lines(error)[: None if lines is True else int(lines)])
    return failed


def exhausted(job: Job, *, now: float) -> bool:
    """Whether a job that has just failed has no retry left, by its `retry_for` or, without one, by its `retry`.

    >>> exhausted({"retry": 3, "retry_count": 2}, now=0), exhausted({"retry": 3, "retry_count": 3}, now=0)
    (False, True)
    >>> exhausted({"retry_for": 60, "failed_at": 1000.0, "retry_count": 99}, now=1059.0)
    False
    """
    if job.get("retry_for") is not None:
        since = seconds(job.get("failed_at"))
        return since is not None and bool(since + job["retry_for"] < now)
    retry = job.get("retry")
    return bool(job["retry_count"] >= (DEFAULT_RETRIES if retry is True or retry is None else int(retry)))


def run_death_handlers(job: Job, error: BaseException) -> None:
    """Call every function in `death_handlers`."""
    for handler in death_handlers:
        _call_hook("A death handler", handler, job, error)


def dead(payload: bytes, error: BaseException, *, now: float) -> Outcome:
    """Return the outcome of a job that goes to `dead`, inside another one if needed: see `wrapped`."""
    return Outcome("dead", error, to=Destination("dead", now, wrapped(payload, error, now=now)))


def wrapped(payload: bytes, error: BaseException, *, now: float) -> bytes:
    """Return what `dead` keeps for an entry: the entry, or, if it would break Sidekiq's page of dead jobs, a job around it.

    That page can show any job, and text that is not JSON. It fails on JSON that is not an object, and on an object that is
    no job if its "queue" is not a string or its "tags" are not a list.

    >>> wrapped(b"{not JSON", ValueError("no job"), now=1000.0)
    b'{not JSON'
    >>> json.loads(wrapped(b"[1,2]", ValueError("no job"), now=1000.0))["args"]
    ['[1,2]']
    """
    with suppress(BadPayload):
        peek(payload)
        return payload
    try:
        entry = json.loads(payload, parse_int=float)  # Ruby parses integers that are too long for Python
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


def is_interrupt(error: BaseException) -> bool:
    """Whether `error` is not the job's failure but a Ctrl-C, which is meant for the whole program."""
    return isinstance(error, KeyboardInterrupt) and threading.current_thread() is threading.main_thread()


def message(error: BaseException) -> str:
    """Return an error's message as text that can be encoded. Asking an exception for its message may raise another.

    >>> message(RuntimeError("boom"))
    'boom'
    """
    try:
        text = str(error)
    except BaseException as second:
        text = f"(its message cannot be read: {type(second).__name__})"
    return text[:LONGEST_MESSAGE].encode(errors="replace").decode()


def _jitter(count: int) -> int:
    return _rng.randrange(10 * (count + 1))


def _chosen_wait(worker: type[Worker], count: int, error: BaseException) -> float | str | None:
    """Return what the Worker's `retry_in` returns, as seconds if it is a duration. Raises ValueError if it is not usable."""
    chosen = worker.retry_in(count, error)
    seconds = chosen.total_seconds() if isinstance(chosen, timedelta) else chosen
    if seconds is None or (isinstance(seconds, str) and seconds in ("discard", "kill")):
        return seconds
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and 0 < seconds < 1e9:  # false for NaN
        return float(seconds)  # not numpy's float, which redis-py would send as "np.float64(…)"
    raise ValueError(f'{chosen!r} must be a number of seconds above 0, a timedelta, "kill" or "discard"')


def _call_hook(what: str, hook: Callable[..., Result], *args: object) -> Result | None:
    """Call a function of the user's program. Its exception must not cost the job: it is logged, and None is returned."""
    process = os.getpid()
    try:
        result = hook(*args)
        exit_if_forked(process)
        has_run(result, what)
        return result
    except BaseException as mistake:
        exit_if_forked(process, mistake)
        if is_interrupt(mistake):
            raise
        logger.exception("%s failed", what)
        return None


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
