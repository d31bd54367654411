"""Pushing jobs.

A push is two commands, sent together: `SADD queues default` adds the queue's name to the set of names, and
`LPUSH queue:default {…}` adds the job at the left end of the list (jobs are taken from the right). A job for later takes one
command, `ZADD schedule 1532784400.0 {…}`, which adds it to a sorted set whose scores are epoch seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import redis as redis_py

from . import connection, middleware
from .job import BadArgument, Job, build, check_arguments, deep_copy, dump, new_jid, stamp

if TYPE_CHECKING:
    from .connection import Redis

# How many jobs go to Redis in one command: enough to be fast, but not so many that other clients have to wait.
BULK_SLICE = 1_000


class BulkInterrupted(connection.RedisUnavailable):
    """A bulk push that failed midway. `pushed` holds the jids of the jobs that are in Redis. `unknown` holds the jobs of the
    command that failed or was not answered, which may be in Redis or not. `not_pushed` holds the jobs that are not.

    So `SendGif.perform_bulk([job["args"] for job in error.not_pushed])` continues without pushing any job twice. Sidekiq has
    no such error: its `push_bulk` raises the Redis client's error, and does not say how many jobs were pushed.
    """

    def __init__(
        self, message: str, pushed: Sequence[Job] = (), unknown: Sequence[Job] = (), not_pushed: Sequence[Job] = ()
    ):
        super().__init__(message)  # the message alone, so that another process can unpickle the error
        self.pushed: list[str] = [job["jid"] for job in pushed]
        self.unknown, self.not_pushed = list(unknown), list(not_pushed)


class Client:
    """Pushes jobs to one Redis: the given one, or by default that of `connect`. Sidekiq: `Sidekiq::Client`."""

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis = connection.current() if redis is None else redis

    def push(self, item: Mapping[str, Any], parameters: Sequence[str] = ()) -> str | None:
        """Push one job and return its jid, or None if a middleware cancelled it.

        `item` holds "class", the name of a Worker, and "args". It may also hold job options, and "at", a time in epoch
        seconds (in the past, it means now). The class need not exist here: it may be in another program, or in Ruby.
        `parameters` are the names of the arguments, for error messages. Raises BadArgument or ValueError, in which case
        nothing was pushed, or RedisUnavailable, which says whether the job may have been pushed.
        Sidekiq: `Sidekiq::Client.push`.

        >>> import fakeredis
        >>> redis = fakeredis.FakeRedis()
        >>> jid = Client(redis).push({"class": "SendGif", "args": ["ada@example.com"]})
        >>> redis.llen("queue:default")
        1
        """
        job = self._ready(build(item), parameters)
        if job is None:
            return None
        self._send([job])
        return str(job["jid"])

    def push_bulk(self, item: Mapping[str, Any], parameters: Sequence[str] = ()) -> list[str | None]:
        """Push many jobs of one class: "args" is a list of argument lists. Returns their jids in the same order, with None
        for a job that a middleware cancelled.

        One command carries up to 1,000 jobs. Every job is checked before the first is pushed, so if one is invalid, none is
        pushed. Raises the same errors as `push`, and BadArgument names the bad row; raises BulkInterrupted if more than one
        command was needed, because there are many jobs or a middleware has changed their queues, and one failed.
        Sidekiq: `Sidekiq::Client.push_bulk`.
        """
        one = build({**item, "args": []} if isinstance(item, Mapping) else item)
        rows = item.get("args")
        if "jid" in item:
            raise ValueError("a bulk push gives each of its jobs an id of its own: leave out jid.")
        if not isinstance(rows, Iterable):
            raise BadArgument(
                f'"args" is a {type(rows).__name__} and must be a list of rows, the arguments of one job each.'
            )
        jobs: list[Job | None] = []
        for row, args in enumerate(rows, start=1):
            if not isinstance(args, (list, tuple)):
                raise BadArgument(f"Row {row} is a {type(args).__name__}: each row is the list of one job's arguments.")
            job = {**one, "args": list(args), "jid": new_jid()}
            try:
                jobs.append(self._ready(job, parameters))
            except BadArgument as error:
                raise BadArgument(f"Row {row}: {error}") from None
        self._send([job for job in jobs if job is not None])
        return [None if job is None else str(job["jid"]) for job in jobs]

    def _ready(self, job: Job, parameters: Sequence[str]) -> Job | None:
        """Run the client middleware, and return the resulting job, checked; None if it was cancelled."""
        if middleware.client:
            job = deep_copy(job)  # middleware may change the job, but not the caller's objects
            if not middleware.client.allows(job):
                return None
            job = build(job)
        check_arguments(job, parameters)
        return job

    def _now(self, count: int = 1) -> float:
        """Return the time by Redis's clock, which all hosts share, in epoch seconds. `count` jobs are to be pushed."""
        with connection.translate_errors(self.redis, _pushing(count)):
            return connection.now(self.redis)

    def _send(self, jobs: list[Job]) -> None:
        """Push the jobs, in one round trip for each slice. Every job is serialized before the first is sent."""
        now = self._now(len(jobs)) if [job for job in jobs if "at" in job] else 0.0
        starts = range(0, len(jobs), BULK_SLICE)
        slices = [(start, _commands(jobs[start : start + BULK_SLICE], now)) for start in starts]
        if len(slices) == 1 and len(slices[0][1]) <= 2:  # into one place
            self._execute(slices[0][1], len(jobs))
            return
        for start, commands in slices:
            last = min(start + BULK_SLICE, len(jobs))
            try:
                self._execute(commands, last - start)
            except redis_py.RedisError as error:
                cause = error.__context__
                never_sent = isinstance(cause, redis_py.ConnectionError) and not isinstance(cause, connection.Unanswered)
                refused = isinstance(cause or error, redis_py.ResponseError) and not hasattr(cause or error, "partly")
                if never_sent or refused:
                    last = start
                numbers = f"{start} jobs were pushed, {last - start} may or may not have been, {len(jobs) - last} were not."
                raise BulkInterrupted(f"{numbers} {error}", jobs[:start], jobs[start:last], jobs[last:]) from error

    def _execute(self, commands: list[tuple[Any, ...]], count: int) -> None:
        """Send the commands that push `count` jobs."""
        with connection.translate_errors(self.redis, _pushing(count)):
            connection.execute(self.redis, *commands)


def _commands(jobs: list[Job], now: float) -> list[tuple[Any, ...]]:
    """Return the commands that add these jobs to their queues, or to `schedule` if they are due after `now`."""
    queues: dict[str, list[str]] = {}
    later: list[Any] = []
    enqueued_at = stamp(time.time())
    for job in jobs:
        entry = {**job, "enqueued_at": enqueued_at}
        at = entry.pop("at", 0)
        if at > now:
            del entry["enqueued_at"]  # it is not in a queue yet
            later += [at, dump(entry)]
        else:
            queues.setdefault(job["queue"], []).append(dump(entry))
    # No MULTI: a crash between the two commands leaves the name of an empty queue, which does no harm.
    commands: list[tuple[Any, ...]] = [("ZADD", "schedule", *later)] if later else []
    for queue, payloads in queues.items():
        commands += [("SADD", "queues", queue), ("LPUSH", f"queue:{queue}", *payloads)]
    return commands


def _pushing(count: int) -> str:
    return "pushing 1 job" if count == 1 else f"pushing {count} jobs"
