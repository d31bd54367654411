"""Putting jobs in.

A push is two commands, sent together: `SADD queues default` (the queue's name enters the set of names) and
`LPUSH queue:default {…}` (the job enters the list at its left end; jobs are taken from the right). A job for later is one:
`ZADD schedule 1532784400.0 {…}`, a sorted set whose scores are epoch seconds.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import connection, middleware
from .job import BadArgument, Job, build, check_arguments, dump, new_jid

if TYPE_CHECKING:
    from .connection import Redis

# So many jobs go to Redis in one command: large enough to be fast, small enough not to make others wait.
BULK_SLICE = 1_000


class Client:
    """Pushes jobs to one Redis, the one of `connect` unless another is given. Sidekiq: `Sidekiq::Client`."""

    def __init__(self, redis: Redis | None = None) -> None:
        self.redis = connection.current() if redis is None else redis

    def push(self, item: Mapping[str, Any], parameters: Sequence[str] = ()) -> str | None:
        """Push one job and give back its jid, or None if a middleware cancelled it.

        `item` holds "class", a Worker's name, and "args"; it may hold options of the job, and "at", a moment in epoch
        seconds (one in the past means now). The class need not exist here: it may live in another program, or in Ruby.
        `parameters` names the arguments for messages. Raises BadArgument or ValueError, and then nothing was pushed, or
        RedisUnavailable, which says whether it may have been. Sidekiq: `Sidekiq::Client.push`.

        >>> import fakeredis
        >>> redis = fakeredis.FakeRedis()
        >>> jid = Client(redis).push({"class": "SendGif", "args": ["ada@example.com"]})
        >>> redis.llen("queue:default")
        1
        """
        job = build(item)
        if not self._ready(job, parameters):
            return None
        self._send([job])
        return str(job["jid"])

    def push_bulk(self, item: Mapping[str, Any], parameters: Sequence[str] = ()) -> list[str | None]:
        """Push many jobs of one class: "args" is a list of argument lists. Gives back the jids, in their order; each job
        has one of its own.

        1,000 jobs go in one command. Every job is checked before the first is pushed, so a bad one means that none was.
        Raises as `push` does, and names the bad row. Sidekiq: `Sidekiq::Client.push_bulk`.
        """
        one = build({**item, "args": []})
        jobs: list[Job | None] = []
        for row, args in enumerate(item["args"], start=1):
            if not isinstance(args, (list, tuple)):
                raise BadArgument(f"Row {row} is a {type(args).__name__}: each row is the list of one job's arguments.")
            job = {**one, "args": list(args), "jid": new_jid()}
            try:
                jobs.append(job if self._ready(job, parameters) else None)
            except BadArgument as error:
                raise BadArgument(f"Row {row}: {error}") from None
        for start in range(0, len(jobs), BULK_SLICE):
            self._send([job for job in jobs[start : start + BULK_SLICE] if job is not None])
        return [None if job is None else str(job["jid"]) for job in jobs]

    def _ready(self, job: Job, parameters: Sequence[str]) -> bool:
        """Whether the client middleware lets the job pass; then it is checked, too."""
        if not middleware.client.allows(job):
            return False
        check_arguments(job, parameters)
        return True

    def _send(self, jobs: list[Job]) -> None:
        """Tell Redis, in one round trip."""
        now = time.time()
        queues: dict[str, list[str]] = {}
        later: list[Any] = []
        for job in jobs:
            at = job.pop("at", None)
            if at is not None and at > now:
                later += [at, dump(job)]  # no "enqueued_at" yet: it is in no queue
            else:
                job["enqueued_at"] = now
                queues.setdefault(job["queue"], []).append(dump(job))
        # No MULTI: a crash between the two leaves the name of an empty queue, which harms nobody.
        commands: list[tuple[Any, ...]] = [("ZADD", "schedule", *later)] if later else []
        for queue, payloads in queues.items():
            commands += [("SADD", "queues", queue), ("LPUSH", f"queue:{queue}", *payloads)]
        what = "1 job" if len(jobs) == 1 else f"{len(jobs)} jobs"
        with connection.one_sentence(self.redis, f"pushing {what}"):
            connection.ask(self.redis, *commands)
