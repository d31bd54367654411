"""A lesson's own Redis: embedded in the process, or a database of a real server that was found empty.

A lesson never deletes a key that it did not make. One that was killed leaves its keys, with their names; its mark on the
database expires, and the next lesson that looks for a database deletes what those names stand for.

What is embedded in a process, another process cannot reach. A lesson that starts worker processes asks for a server: that of
REDIS_URL, or one of its own. See `beside`.
"""

from __future__ import annotations

import atexit
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import redis

import minijobs
from minijobs import middleware, scripts
from minijobs.monitor import matching

from . import mail, prediction, timeline
from .keys import Keys, Snapshot
from .recorder import CONNECTIONS, Commands, Recorder, recording

if TYPE_CHECKING:
    from .beside import Beside

# In a shared server, the key by which a lesson says that the database is taken, and a set: the keys that it made there.
# `keys()` shows neither. The mark is renewed as long as the lesson lives.
TAKEN = "minijobs-lesson"
MADE = "minijobs-lesson:made"
OURS = frozenset({TAKEN, MADE})
MARK_LASTS = 60  # seconds
DATABASES = range(15, 0, -1)

SCRIPTS = [text for name, text in vars(scripts).items() if name.isupper() and isinstance(text, str) and "redis.call" in text]

# The keys that a worker process makes, beside those with its identity in their names.
OF_A_WORKER = ("processes", "inflight", "queues", "retry", "schedule", "dead", "stat:processed", "stat:failed")
DAY = 24 * 60 * 60

# What a process that a lesson starts has in its environment: the lesson's folder.
FOLDER = "MINIJOBS_LESSON_FOLDER"
ROOT = Path(__file__).parents[2]

STARTED_AGAIN = "This belongs to a Redis that is gone: start() has been called again. Run the cells after it again."
TAKEN_BY_ANOTHER = (
    "This lesson stood still for more than a minute, as when a computer sleeps, and another lesson has taken its database. "
    "Run start() again, and the cells after it."
)


class Session:
    """One lesson at work: `redis`, which the Workers use their commands written down; `looking` is for you.

    `beside` is what a lesson with processes has beside it.
    """

    def __init__(self, url: str | None = None, beside: Beside | None = None) -> None:
        self._mark = f"a lesson is using this database: {secrets.token_hex(6)}"
        self.beside, self.url = beside, url
        self.where, self._watcher = _embedded() if url is None else _empty_database(url, self._mark)
        self._databases = [self._watcher]  # on a server: those that this lesson has marked, its own first
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

    def look(self, only: str | None = None) -> Keys:
        """What Redis holds now, against what it held at the last look; `only` keys in whose names this is found."""
        now = Snapshot.take(self._watcher, ignore=OURS)
        before, self.last = self.last, now
        return Keys(before.only(only), now.only(only))

    def end(self) -> None:
        """Leave nothing behind: delete the keys that this lesson made, and no other; end what it has started."""
        atexit.unregister(self.end)
        with suppress(ValueError):  # a check keeps several processes apart in one, and in this one it may not be
            middleware.server.remove(timeline.worker_lane)
        with ExitStack() as last_first:  # whatever goes wrong with one of them, the others are done
            if self.beside is not None:
                last_first.callback(self.beside.end)
            for client in (*self._databases, self.redis, self.looking):
                last_first.callback(client.close)
            last_first.callback(self._delete_what_was_made)
            if self.beside is not None:
                last_first.callback(self.beside.stop_all)

    def database(self, *, other: bool) -> tuple[str, redis.Redis, Callable[[set[str]], None]]:
        """For a worker process: the address of this lesson's database, or of another one that was found empty; a client
        for it; and a function that is told which keys will be made there.
        """
        assert self.url is not None
        if other and len(self._databases) < 2:
            self._databases.append(_empty_database(self.url, self._mark)[1])
        client = self._databases[int(other)]
        days = [time.strftime("%Y-%m-%d", time.gmtime(time.time() + days * DAY)) for days in (0, 1)]
        daily = [f"stat:{what}:{day}" for what in ("processed", "failed") for day in days]

        def will_make(names: set[str]) -> None:
            client.sadd(MADE, *names, *OF_A_WORKER, *daily)

        address, _, query = self.url.partition("?")
        settings = {**dict(parse_qsl(query)), "db": client.get_connection_kwargs()["db"]}
        return f"{address}?{urlencode(settings)}", client, will_make

    def _delete_what_was_made(self) -> None:
        with self._renewing:
            self._ended.set()
            own_server = self.beside is not None and bool(self.beside.where)  # it keeps nothing
            if not (self.recorder.over or own_server):
                for client in self._databases:
                    made = client.smembers(MADE) if self.beside is not None else ()
                    client.delete(*OURS, *self.recorder.made, *made, *self._with_their_names(client))
            self.recorder.over = STARTED_AGAIN

    def _with_their_names(self, client: redis.Redis) -> list[bytes]:
        """The keys that have the name of one of our worker processes in theirs."""
        workers = self.beside.workers if self.beside is not None else ()
        names = [f"{socket.gethostname()}:{worker.pid}:".encode() for worker in workers]
        return (
            [key for key in client.scan_iter() if key.removeprefix(b"inflight:").startswith(tuple(names))] if names else []
        )

    def _note_made(self, names: set[str]) -> None:
        self._watcher.sadd(MADE, *names)

    def _renew_the_mark(self) -> None:
        while not self._ended.wait(MARK_LASTS / 4):
            with self._renewing, suppress(redis.RedisError):  # the next time; or the lesson will notice by itself
                if self._ended.is_set():
                    return
                for client in self._databases:
                    with client.pipeline() as pipe:
                        pipe.watch(TAKEN)  # a mark that another lesson sets just now must not be overwritten
                        if pipe.get(TAKEN) not in (None, self._mark.encode()):
                            self.recorder.over = TAKEN_BY_ANOTHER
                            return
                        pipe.multi()
                        pipe.set(TAKEN, self._mark, ex=MARK_LASTS)
                        pipe.execute()


class Looking(redis.Redis):
    """The client to look with. What Redis holds is what the lesson put there: it does not see the mark."""

    def keys(self, *args: Any, **kwargs: Any) -> Any:
        """As in redis-py, without the mark."""
        return [name for name in super().keys(*args, **kwargs) if name.decode(errors="replace") not in OURS]


_session: Session | None = None


def start(*, server: bool = False) -> Any:
    """An empty Redis for this lesson, and everything that watches it. Returns a client to look with.

    Where: embedded in this process, or, with `REDIS_URL`, in a database of that server which was found empty. With `server`
    it is never embedded, because worker processes should reach it: without `REDIS_URL`, a server is started.
    """
    global _session
    if _session is not None:
        _session.end()
        _session = None
    timeline.clear()
    timeline.listen_to_cells()
    prediction.forget()
    _session = _with_processes() if server else Session(os.environ.get("REDIS_URL") or None)
    atexit.register(_session.end)
    own = _session.beside.where if _session.beside is not None else ""
    print(f"Redis: {own or _session.where}. It is empty.")
    return _session.looking


def _with_processes() -> Session:
    from .beside import Beside  # only some lessons need it
    from .redis_server import NoRedis

    try:
        beside = Beside()
    except NoRedis as error:
        raise SystemExit(str(error)) from None
    try:
        return Session(beside.url, beside)
    except BaseException:
        beside.end()
        raise


def beside() -> Beside:
    """What this lesson has beside it. Raises RuntimeError if it has no server."""
    found = _started().beside
    if found is None:
        raise RuntimeError("This needs a Redis that another process can reach: run start(server=True) first.")
    return found


def database(*, other: bool = False) -> tuple[str, redis.Redis, Callable[[set[str]], None]]:
    """What a worker process of this lesson works for: see `Session.database`."""
    return _started().database(other=other)


def surroundings(*, other_database: bool = False) -> dict[str, str]:
    """The environment of a process that this lesson starts: which Redis, where the project, the folder and the inbox are."""
    url, _, _ = database(other=other_database)
    python = {"PYTHONPATH": _path(), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {"REDIS_URL": url, FOLDER: str(beside().folder), **mail.reached_by(), **python}


def folder() -> Path:
    """The folder of this lesson, also in a process that a lesson has started. Raises RuntimeError if there is none."""
    return Path(os.environ.get(FOLDER) or beside().folder)


def end() -> None:
    """The lesson is over: what it made in Redis is deleted."""
    global _session
    if _session is not None:
        _session.end()
        _session = None


def keys(only: str | None = None) -> Keys:
    """The keys that Redis holds now; what is new since the last look is marked +, what changed ~, what is gone -.

    `only` filters their names as grep does ("queue|retry").
    """
    return _started().look(only)


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


def _path() -> str:
    """Where a process that we start finds this project."""
    return os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))


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
