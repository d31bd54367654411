"""Deleting every job there is: useful on a development machine that is in a muddle, and a disaster anywhere else.

So it first checks whether this looks like production. A caller who means it can insist.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from . import connection
from .api import DeadSet, JobSet, Progress, Queue, RetrySet, ScheduledSet
from .fetch import host_name

if TYPE_CHECKING:
    from .connection import Redis

# Environment variables that may say in which environment a program runs.
ENVIRONMENTS = ("MINIJOBS_ENV", "APP_ENV", "RAILS_ENV", "RACK_ENV", "DJANGO_ENV", "FLASK_ENV", "ENVIRONMENT", "ENV")


class LooksLikeProduction(RuntimeError):
    """Refusal to delete every job, because this looks like production. The message says why it does."""


def clear_everything(redis: Redis | None = None, *, insist: bool = False, progress: Progress = bool) -> int:
    """Delete every job that is not running: all queues, `retry`, `schedule` and `dead`. Returns how many were deleted.

    Running jobs go on, and no other key is touched. `progress` is called with the number of jobs deleted so far. Raises
    LooksLikeProduction if the connection looks like production, unless you `insist`: see `production`. Sidekiq: four lines,
    `Sidekiq::Queue.all.each(&:clear)` and so on.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> _ = redis.set("visitors", 7)
    >>> jid = minijobs.Client().push({"class": "SendGif", "args": []})
    >>> clear_everything(), redis.keys()
    (1, [b'visitors'])
    """
    client = connection.current() if redis is None else redis
    if not insist and (reason := production(client)):
        raise LooksLikeProduction(
            f"Nothing was deleted at {connection.address(client)}: {reason}. If every job there is to be deleted all the "
            f"same: clear_everything(insist=True)."
        )
    done = 0
    places: list[Queue | JobSet] = [*Queue.all(client), RetrySet(client), ScheduledSet(client), DeadSet(client)]
    for place in places:
        done += place.clear(lambda count, before=done: progress(before + count))  # type: ignore[misc]
    return done


def production(client: Redis) -> str | None:
    """Why this connection looks like production, in words, or None. Checks the environment, the address and the workers.

    Through a tunnel, another machine's Redis looks as if it were on this machine, but the worker processes with a heartbeat
    there give it away.
    """
    for name in ENVIRONMENTS:
        if os.environ.get(name, "").lower().startswith("prod"):
            return f"{name} is {os.environ[name]}"
    settings = client.get_connection_kwargs()
    host = str(settings.get("host"))
    if not ({"server", "path"} & settings.keys() or host in ("localhost", "::1") or host.startswith("127.")):
        return f"it is on another machine, {host}"
    identities: Any = client.smembers("processes")
    hosts = {identity.decode(errors="replace").split(":")[0] for identity in identities} - {host_name()}
    return f"a worker process serves it from another machine, {min(hosts)}" if hosts else None
