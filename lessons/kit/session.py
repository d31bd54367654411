"""A lesson's own Redis: embedded in the process, or a database of a real server that was found empty.

A lesson never deletes a key that it did not make. One that was killed leaves its keys, with their names; its mark on the
database expires, and the next lesson that looks for a database deletes what those names stand for.
"""

from __future__ import annotations

import atexit
import os
import secrets
import threading
from contextlib import suppress
from typing import Any

import redis

import minijobs
from minijobs import middleware, scripts
from minijobs.monitor import matching

from . import prediction, timeline
from .keys import Keys, Snapshot
from .recorder import CONNECTIONS, Commands, Recorder, recording

# In a shared server, the key by which a lesson says that the database is taken, and a set: the keys that it made there.
# `keys()` shows neither. The mark is renewed as long as the lesson lives.
TAKEN = "minijobs-lesson"
MADE = "minijobs-lesson:made"
OURS = frozenset({TAKEN, MADE})
MARK_LASTS = 60  # seconds
DATABASES = range(15, 0, -1)

SCRIPTS = [text for name, text in vars(scripts).items() if name.isupper() and isinstance(text, str) and "redis.call" in text]

STARTED_AGAIN = "This belongs to a Redis that is gone: start() has been called again. Run the cells after it again."
TAKEN_BY_ANOTHER = (
    "This lesson stood still for more than a minute, as when a computer sleeps, and another lesson has taken its database. "
    "Run start() again, and the cells after it."
)


class Session:
    """One lesson at work: `redis`, which the Workers use their commands written down; `looking` is for you."""

    def __init__(self, url: str | None = None) -> None:
        self._mark = f"a lesson is using this database: {secrets.token_hex(6)}"
        self.where, self._watcher = _embedded() if url is None else _empty_database(url, self._mark)
        self.recorder = Recorder(on_made=None if url is None else self._note_made)
        self._ended = threading.Event()
        self._renewing = threading.Lock()
        if url is not None:
            threading.Thread(target=self._renew_the_mark, name="the lesson's mark", daemon=True).start()
        for script in SCRIPTS:  # else the first call of each would be refused, and stand there twice
            self._watcher.script_load(script)
        self.redis = minijobs.connect(_recorded(self._watcher, self.recorder))
        self.looking = _recorded(self._watcher, self.recorder, told=False, client_class=Looking)
        self.last = Snapshot({})
        middleware.server.add(timeline.worker_lane)

    def look(self) -> Keys:
        """What Redis holds now, against what it held at the last look."""
        now = Snapshot.take(self._watcher, ignore=OURS)
        before, self.last = self.last, now
        return Keys(before, now)

    def end(self) -> None:
        """Leave nothing behind: delete the keys that this lesson made, and no other."""
        atexit.unregister(self.end)
        middleware.server.remove(timeline.worker_lane)
        with self._renewing:
            self._ended.set()
            if not self.recorder.over:
                self._watcher.delete(*OURS, *self.recorder.made)
            self.recorder.over = STARTED_AGAIN
        self._watcher.close()
        self.redis.close()
        self.looking.close()

    def _note_made(self, names: set[str]) -> None:
        self._watcher.sadd(MADE, *names)

    def _renew_the_mark(self) -> None:
        while not self._ended.wait(MARK_LASTS / 4):
            with self._renewing, suppress(redis.RedisError):  # the next time; or the lesson will notice by itself
                if self._ended.is_set():
                    return
                if self._watcher.get(TAKEN) not in (None, self._mark.encode()):
                    self.recorder.over = TAKEN_BY_ANOTHER
                    return
                self._watcher.set(TAKEN, self._mark, ex=MARK_LASTS)


class Looking(redis.Redis):
    """The client to look with. What Redis holds is what the lesson put there: it does not see the mark."""

    def keys(self, *args: Any, **kwargs: Any) -> Any:
        """As in redis-py, without the mark."""
        return [name for name in super().keys(*args, **kwargs) if name.decode(errors="replace") not in OURS]


_session: Session | None = None


def start() -> Any:
    """An empty Redis for this lesson, and everything that watches it. Returns a client to look with.

    Where: embedded in this process, or, with `REDIS_URL`, in a database of that server which was found empty.
    """
    global _session
    if _session is not None:
        _session.end()
    timeline.clear()
    timeline.listen_to_cells()
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
    """The commands that minijobs sent since the last call; `only` filters as grep does ("hset|lpush"), `unfold` spreads
    JSON over several lines.

    What you send in order to look, with `redis` or `keys()`, is left out.
    """
    return Commands(matching(_started().recorder.since_last_look(), only), unfold=unfold)


def where(jid: str) -> str:
    """The key that holds the job with this id, or "nowhere". A heartbeat that quotes it does not count."""
    values = Snapshot.take(_started().looking, ignore=OURS).values
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


def _empty_database(url: str, mark: str) -> tuple[str, redis.Redis]:
    """The first database of the server, from the last on, that holds nothing; it is marked as taken."""
    taken = 0
    for number in DATABASES:
        client = redis.Redis.from_url(url)
        client.connection_pool.connection_kwargs["db"] = number  # a database in the URL would win over from_url(db=…)
        try:
            if _take(client, mark):
                return f"{minijobs.connection.address(client)}, which held nothing", client
            taken += bool(client.exists(TAKEN))
        except redis.ResponseError:  # this server has fewer databases
            continue
        except redis.ConnectionError as error:
            raise SystemExit(f"No Redis answers at REDIS_URL ({error}). Unset it, and the lesson brings its own.") from None
    others = f" Other lessons are using {taken} of them: end one, or wait a minute if it was killed." if taken else ""
    raise SystemExit(
        f"Every database of the Redis at REDIS_URL holds keys, and a lesson needs an empty one.{others} Or unset REDIS_URL."
    )


def _take(client: redis.Redis, mark: str) -> bool:
    """Mark a database as taken, if it is empty, or holds only what a lesson left that was killed: that is deleted."""
    if client.dbsize() and not client.exists(MADE):
        return False
    if not client.set(TAKEN, mark, nx=True, ex=MARK_LASTS):
        return False
    left = client.smembers(MADE)
    if client.dbsize() > client.exists(*OURS, *left):  # somebody else's keys lie beside them by now
        client.delete(TAKEN)
        return False
    client.delete(MADE, *left)
    return True


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
