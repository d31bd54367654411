"""When to try again, when to stop.

A job that failed is not run again on the spot. It goes back to Redis, into the sorted set `retry`, with the moment of its
next try as its score; the poller (see `scheduled`) puts it back into its queue when that moment has passed. When its tries
are used up it goes to the sorted set `dead`, where a person may look at it. Sidekiq: `Sidekiq::JobRetry`.
"""

from __future__ import annotations

import base64
import json
import random
import time
import traceback
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .fetch import UnitOfWork
from .job import Job, dump, seconds
from .log import logger

if TYPE_CHECKING:
    from redis.client import Pipeline

    from .worker import Worker

MOST_RETRIES = 25
LONGEST_MESSAGE = 10_000
LONGEST_BACKTRACE = 1_000_000  # bytes, unpacked: a stranger's may grow without end
DEAD_FOR = 180 * 24 * 60 * 60  # seconds that `dead` keeps a job
DEAD_SIZE = 10_000

death_handlers: list[Callable[[Job, BaseException], object]] = []
"""Functions to be called with each job that will not be tried again, and with its last error; append yours.

They run where the job ran, before Redis is told; after a crash in between they are called once more. An exception in one is
logged, no more. Sidekiq: `config.death_handlers`.
"""


@dataclass(frozen=True)
class Outcome:
    """What became of one run. `enter`, if any, adds the commands that put the job where it goes next to a MULTI."""

    name: str  # done, retry, dead or dropped
    error: BaseException | None = None
    at: float | None = None  # of a retry: the moment of the next try, in epoch seconds
    enter: Callable[[Pipeline], object] | None = field(default=None, repr=False)

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
    """What becomes of `job` after `error`; who wants to know of a death is told. Redis is not told here.

    `worker` is the job's class, or None if it is unknown; `now` is in epoch seconds. Sidekiq: `JobRetry#process_retry`.
    """
    now = time.time() if now is None else now
    if job.get("retry") is False:
        run_death_handlers(job, error)
        return Outcome("dropped", error)
    failed = record_failure(unit, job, error, now=now)
    wait = _chosen_wait(worker, failed, error)
    try:
        payload = dump(failed).encode()
    except ValueError:  # what could be read but cannot be written again, such as 1e999
        payload, wait = unit.raw, "kill" if wait != "discard" else wait
    if wait not in ("kill", "discard") and not exhausted(failed, now=now):
        chance = _chance(failed["retry_count"])
        at = now + wait + chance if isinstance(wait, (int, float)) else now + delay(failed["retry_count"])
        return Outcome("retry", error, at, lambda multi: multi.zadd("retry", {payload: at}))
    kept = wait != "discard" and _last_words(worker, failed, error) != "discard" and job.get("dead") is not False
    run_death_handlers(failed, error)
    return dead(payload, error, now=now) if kept else Outcome("dropped", error)


def record_failure(unit: UnitOfWork, job: Job, error: BaseException, *, now: float) -> Job:
    """A copy of `job` that tells of its failure: the same jid, one more in `retry_count`, and what went wrong."""
    failed = {**job, "queue": job.get("retry_queue") or unit.queue}
    failed |= {"error_message": message(error), "error_class": _class_name(error)}
    if "retry_count" in job:
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
            handler(job, error)
        except Exception:
            logger.exception("a death handler failed, for JID-%s", job["jid"])


def dead(payload: bytes, error: BaseException, *, now: float) -> Outcome:
    """The outcome of a job that is not tried again, but kept."""
    return Outcome("dead", error, enter=lambda multi: bury(multi, payload, now=now))


def bury(multi: Pipeline, payload: bytes, *, now: float) -> None:
    """Into `dead`, scored with the time of death."""
    multi.zadd("dead", {payload: now})
    trim(multi, now=now)


def trim(pipe: Pipeline, *, now: float) -> None:
    """Who lies in `dead` for half a year, or is one too many, leaves."""
    pipe.zremrangebyscore("dead", "-inf", now - DEAD_FOR)
    pipe.zremrangebyrank("dead", 0, -DEAD_SIZE - 1)


def message(error: BaseException) -> str:
    """What an error says, as text that can be written down; asking a stranger's exception may fail, too.

    >>> message(RuntimeError("boom"))
    'boom'
    """
    try:
        text = str(error)
    except Exception as second:
        text = f"(its message cannot be had: {type(second).__name__})"
    return text[:LONGEST_MESSAGE].encode(errors="replace").decode()


def _chance(count: int) -> int:
    return random.randrange(10 * (count + 1))


def _chosen_wait(worker: type[Worker] | None, job: Job, error: BaseException) -> float | str | None:
    """What the Worker's own `retry_in` says; None, the default, if it says nothing usable or fails itself."""
    if worker is None:
        return None
    try:
        chosen = worker.retry_in(job["retry_count"], error)
        usable = chosen in ("discard", "kill") or (isinstance(chosen, (int, float)) and 0 < chosen < 1e9)  # NaN is not
    except Exception:  # a mistake in retry_in must not cost the job
        logger.exception("retry_in of %s failed, so the default wait is taken", worker.job_name)
        return None
    return chosen if usable else None


def _last_words(worker: type[Worker] | None, job: Job, error: BaseException) -> str | None:
    """What the Worker's own `retries_exhausted` says."""
    try:
        return None if worker is None else worker.retries_exhausted(job, error)
    except Exception:
        logger.exception("retries_exhausted of %s failed", job["class"])
        return None


def _class_name(error: BaseException) -> str:
    kind = type(error)
    return kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
