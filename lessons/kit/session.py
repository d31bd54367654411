"""A lesson's own Redis: embedded in the process, or a database of a real server that was found empty.

A lesson never deletes a key that it did not make.
"""

from __future__ import annotations

import atexit
import os
from typing import Any

import redis

import minijobs
from minijobs import middleware
from minijobs.monitor import matching

from . import prediction, timeline
from .keys import Keys, Snapshot
from .recorder import CONNECTIONS, Commands, Recorder, recording

# In a shared server, the key by which a lesson says that the database is taken. `keys()` does not show it.
TAKEN = "minijobs-lesson"
DATABASES = range(15, 0, -1)


class Session:
    """One lesson at work: `redis`, which the Workers use their commands written down; `looking` is for you."""

    def __init__(self, url: str | None = None) -> None:
        self.recorder = Recorder()
        self.where, self._watcher = _embedded() if url is None else _empty_database(url)
        self.redis = minijobs.connect(_recorded(self._watcher, self.recorder))
        self.looking = _recorded(self._watcher, self.recorder, told=False, client_class=Looking)
        self.last = Snapshot({})
        middleware.server.add(timeline.worker_lane)

    def look(self) -> Keys:
        """What Redis holds now, against what it held at the last look."""
        now = Snapshot.take(self._watcher, ignore=TAKEN)
        before, self.last = self.last, now
        return Keys(before, now)

    def end(self) -> None:
        """Leave nothing behind: delete the keys that this lesson made, and no other."""
        atexit.unregister(self.end)
        middleware.server.remove(timeline.worker_lane)
        self._watcher.delete(TAKEN, *self.recorder.made)
        self._watcher.close()
        self.redis.close()
        self.looking.close()


class Looking(redis.Redis):
    """The client to look with. What Redis holds is what the lesson put there: it does not see the mark."""

    def keys(self, *args: Any, **kwargs: Any) -> Any:
        """As in redis-py, without the mark."""
        return [name for name in super().keys(*args, **kwargs) if name != TAKEN.encode()]


_session: Session | None = None


def start() -> Any:
    """An empty Redis for this lesson, and everything that watches it. Gives back a client to look with.

    Where: embedded in this process, or, with `REDIS_URL`, in a database of that server which was found empty.
    """
    global _session
    if _session is not None:
        _session.end()
    timeline.clear()
    prediction.forget()
    _session = Session(os.environ.get("REDIS_URL") or None)
    atexit.register(_session.end)
    print(f"Redis: {_session.where}. It is empty.")
    return _session.looking


def end() -> None:
    """The lesson is over: what it made in Redis is deleted."""
    global _session
    if _session is not None:
        _session.end()
        _session = None


def keys() -> Keys:
    """The keys that Redis holds now; what is new since the last look is marked +, what changed ~, what is gone -."""
    return _started().look()


def commands(only: str | None = None, *, unfold: bool = False) -> Commands:
    """What minijobs told Redis since this was last asked; `only` filters as grep does ("hset|lpush"), `unfold` spreads JSON.

    What you ask to look, with `redis` or `keys()`, is not in it.
    """
    return Commands(matching(_started().recorder.since_last_look(), only), unfold=unfold)


def where(jid: str) -> str:
    """The keys that hold the job with this id, in a few words. That a heartbeat quotes it does not count."""
    values = Snapshot.take(_started().looking, ignore=TAKEN).values
    holding = [name for name, value in values.items() if any(jid in entry for _, entry in value.entries)]
    return ", ".join(name for name in holding if not name.endswith(":work")) or "nowhere"


def _started() -> Session:
    if _session is None:
        raise RuntimeError("There is no Redis yet: run the cell with start() first.")
    return _session


def _embedded() -> tuple[str, redis.Redis]:
    import fakeredis  # half a second, which who brings a server need not wait for

    server = fakeredis.FakeServer(version=(7, 0))
    return "embedded in this process, no server needed", fakeredis.FakeRedis(server=server)


def _empty_database(url: str) -> tuple[str, redis.Redis]:
    """The first database of the server, from the last on, that holds nothing; it is marked as taken."""
    for number in DATABASES:
        client = redis.Redis.from_url(url)
        client.connection_pool.connection_kwargs["db"] = number  # a database in the URL would win over from_url(db=…)
        try:
            if client.dbsize() == 0 and client.set(TAKEN, "a lesson is using this database", nx=True):
                return f"{minijobs.connection.address(client)}, which held nothing", client
        except redis.ResponseError:  # this server has fewer databases
            continue
        except redis.ConnectionError as error:
            raise SystemExit(f"No Redis answers at REDIS_URL ({error}). Unset it, and the lesson brings its own.") from None
    raise SystemExit(
        "Every database of the Redis at REDIS_URL holds keys, and a lesson wants an empty one. Unset REDIS_URL."
    )


def _recorded(
    client: redis.Redis, recorder: Recorder, *, told: bool = True, client_class: type[redis.Redis] = redis.Redis
) -> redis.Redis:
    """A second client for the same database whose connections write down what they send."""
    pool = client.connection_pool
    embedded = "server" in pool.connection_kwargs
    kinds = [pool.connection_class] if embedded else CONNECTIONS
    kind = next(kind for kind in kinds if issubclass(pool.connection_class, kind))
    same = {"server", "host", "port", "path", "db", "username", "password"}
    settings = {name: value for name, value in pool.connection_kwargs.items() if name in same}
    connections = recording(kind, recorder, told=told)
    return client_class(connection_pool=redis.ConnectionPool(connection_class=connections, **settings))
