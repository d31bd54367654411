"""Which Redis is used, and with which settings.

A program calls `connect()` once, when it starts, and every Worker then uses that client. If it does not, the first push
connects to `REDIS_URL`, or to a Redis on this machine.
"""

from __future__ import annotations

import os
import re
import threading
import time
import weakref
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from .clock import monotonic
from .errors import Outage as Outage
from .errors import RedisUnavailable as RedisUnavailable
from .errors import Unanswered as Unanswered
from .errors import address as address
from .errors import disconnect_idle as disconnect_idle
from .errors import kind_of as kind_of
from .errors import translate_errors as translate_errors

if TYPE_CHECKING:
    Redis = redis.Redis
    """Any redis-py client, including fakeredis's."""

DEFAULT_URL = "redis://localhost:6379/0"

# How long a client waits for a reply, in seconds. A blocking command must block for less: see fetch.LONGEST_BLOCK.
SOCKET_TIMEOUT = 5

# Seconds for which a kept connection that has been checked is used without another check.
FRESH = 0.1

# A connection that was idle for longer than this, in seconds, is reopened: a firewall may have dropped it silently.
LONGEST_IDLE = 30

# One connection is kept only if the pool has room for this many. In a smaller pool, other threads would wait for it.
ROOM_TO_KEEP_ONE = 3

# How many connections a client may open: as many as Redis accepts by default. By redis-py's own limit, the 101st of many
# pushes at the same time would fail, and a web server with gevent may well have so many.
MOST_CONNECTIONS = 10_000

# How often Redis's clock is read, in seconds.
CLOCK_READ_EVERY = 60

_current: Redis | None = None
_kept: PinnedConnection | None = None
_one_at_a_time = threading.Lock()


def connect(target: str | Redis | None = None) -> Redis:
    """Use this Redis from now on, and return its client. Nothing is sent to Redis yet.

    `target` is a URL, a client, or None for `REDIS_URL` or else `redis://localhost:6379/0`. A URL is
    `redis://user:password@host:port/database`, or, where Sentinels know which server is the master,
    `redis+sentinel://user:password@host:26379,host2:26379/mymaster/0`; the password is the master's.
    One connection of the client's pool is kept for the most frequent commands (see `execute`) if the pool has room for
    three. Raises what `check_client` raises, and ValueError for an invalid URL; the message never contains the URL.
    Sidekiq: `Sidekiq.configure_client { |config| config.redis = {url: …} }`.

    >>> import fakeredis
    >>> client = connect(fakeredis.FakeRedis())
    >>> client is current()
    True
    """
    global _current
    if target is None or isinstance(target, str):
        _current = check_client(_client_of(target or os.environ.get("REDIS_URL") or DEFAULT_URL))
    else:
        _current = check_client(target)
    return _current


def check_client(client: Redis) -> Redis:
    """Return this client, set up for jobs: from now on it does not retry a command by itself when the reply is late.

    A push that is sent twice is a job that runs twice. Raises TypeError if it is not a `redis.Redis` (a `redis.asyncio`
    client is not, nor a pipeline), and ValueError if its encoding is not UTF-8 or if it decodes replies: a queue may hold
    bytes that are not text, and they must come out as they went in.
    """
    pool = getattr(client, "connection_pool", None)
    if isinstance(client, redis.asyncio.Redis | redis.client.Pipeline) or pool is None:
        kind = f"{type(client).__module__}.{type(client).__qualname__}"
        raise TypeError(f"minijobs needs a client that is a redis.Redis; this one is a {kind}.")
    if client.get_connection_kwargs().get("decode_responses"):
        raise ValueError("minijobs needs a client without decode_responses=True: a queue may hold bytes that are no text.")
    encoding = client.get_connection_kwargs().get("encoding", "utf-8")
    if not re.fullmatch("utf[-_]?8", encoding, re.IGNORECASE):
        raise ValueError(f"minijobs needs a client whose encoding is utf-8, not {encoding}: no Sidekiq could read its jobs.")
    never_again = Retry(NoBackoff(), 0)
    if isinstance(pool, redis.BlockingConnectionPool):  # its own set_retry fails in redis-py 8.1
        pool.connection_kwargs["retry"] = never_again
    else:
        client.set_retry(never_again)
    return client


def _client_of(url: str) -> Redis:
    """Return a client for a URL."""
    settings: dict[str, Any] = {
        "socket_timeout": SOCKET_TIMEOUT,
        "socket_connect_timeout": 2,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": MOST_CONNECTIONS,
        "driver_info": redis.DriverInfo(),  # otherwise redis-py reads a file for each connection, to learn its own version
    }
    try:
        url.encode()
        parts = urlsplit(url)
        if parts.scheme != "unix" and ("@" in parts.path + parts.query or parts.fragment):  # / ? or # in a password
            raise ValueError
        if parts.scheme != "redis+sentinel":
            if parts.scheme != "unix" and not parts.path.strip("/ ").isdecimal() and parts.path.strip("/ "):
                raise ValueError  # redis-py would use database 0 for "/jobs", and 12 for "/1/2"
            return _usable(redis.Redis.from_url(url, **settings))
        login, _, hosts = parts.netloc.rpartition("@")
        username, _, password = login.partition(":")
        name, _, database = parts.path.strip("/").partition("/")
        sentinels = [(host.hostname, host.port or 26379) for host in (urlsplit(f"//{one}") for one in hosts.split(","))]
        if not name or parts.query or not all(host and host.encode("idna") for host, _ in sentinels):
            raise ValueError
        sentinel: Any = Sentinel(sentinels, sentinel_kwargs=settings)  # type: ignore[no-untyped-call]
        client: Redis = sentinel.master_for(
            unquote(name),
            username=unquote(username) or None,
            password=unquote(password) or None,
            db=int(database or 0),
            **settings,
        )
        return _usable(client)
    except (ValueError, TypeError, redis.RedisError):
        raise ValueError(
            "This is no URL of a Redis. One is redis://user:password@host:6379/0, rediss://…, unix:///path, or "
            "redis+sentinel://host:26379,host2:26379/mymaster/0; a / ? # or @ in a password is written %2F %3F %23 %40."
        ) from None


# These options of redis-py are objects, and a URL can only name them.
NOT_IN_A_URL = {"retry_on_error", "redis_connect_func", "credential_provider", "command_packer", "event_dispatcher"}


def _usable(client: Redis) -> Redis:
    """Return `client`, or raise now what redis-py would raise only on connecting: unknown options, an invalid host name."""
    pool: Any = client.connection_pool
    if NOT_IN_A_URL & pool.connection_kwargs.keys():
        raise ValueError
    pool.connection_class(**pool.connection_kwargs)
    str(pool.connection_kwargs.get("host", "")).encode("idna")
    return client


def current() -> Redis:
    """Return the client of the last `connect`, or `connect` to `REDIS_URL` if there was none. Sidekiq: `Sidekiq.redis`."""
    return _current if _current is not None else connect()


class _Clock(NamedTuple):
    ahead: float  # Redis's clock minus monotonic()
    wall: float  # this host's clock minus monotonic()
    read_at: float


_clocks: weakref.WeakKeyDictionary[redis.ConnectionPool, _Clock] = weakref.WeakKeyDictionary()


def now(client: Redis) -> float:
    """Return the time by Redis's clock, which all hosts share, in epoch seconds.

    Redis is asked once a minute, and also after this host was suspended or its clock was set. A worker process reads it with
    each heartbeat.
    """
    here = monotonic()
    clock = _clocks.get(client.connection_pool)
    if clock is None or here - clock.read_at > CLOCK_READ_EVERY or abs(time.time() - here - clock.wall) > 1:
        return note_time(client, client.time(), sent_at=here)
    return here + clock.ahead


def estimated_now(client: Redis) -> float:
    """Like `now`, without asking Redis, which may be away: computed from the last reading, or else by this host's clock."""
    clock = _clocks.get(client.connection_pool)
    return time.time() if clock is None else monotonic() + clock.ahead


def note_time(client: Redis, reply: Any, *, sent_at: float) -> float:
    """Store the reply to a TIME command that was sent at `sent_at`, a value of monotonic(). Returns the time in the
    reply, in epoch seconds."""
    seconds, microseconds = reply
    answered = monotonic()
    moment = int(seconds) + int(microseconds) / 1e6
    _clocks[client.connection_pool] = _Clock(moment - (sent_at + answered) / 2, time.time() - answered, answered)
    return moment


def execute(client: Redis, *commands: tuple[Any, ...]) -> list[Any]:
    """Send `commands` in one round trip, and return the reply to each. Raises the first error among the replies.

    A redis-py pipeline does the same in more steps, and takes a connection from the pool each time, which would be a third
    of the time of a push. So one connection is kept here. While one thread uses it, others take theirs from the pool.

    >>> import fakeredis
    >>> execute(fakeredis.FakeRedis(), ("SADD", "queues", "default"), ("LPUSH", "queue:default", "a job"))
    [1, 1]
    """
    global _kept
    if not commands:
        return []
    pool = client.connection_pool  # a proxy, such as werkzeug's, may stand for several clients in turn
    few = getattr(pool, "max_connections", ROOM_TO_KEEP_ONE) < ROOM_TO_KEEP_ONE
    if few or not _one_at_a_time.acquire(blocking=False):
        with closing(PinnedConnection(client)) as pinned:
            return pinned.execute(*commands)
    try:
        if _kept is None or _kept.pool is not pool or _kept.pid != os.getpid():
            if _kept is not None:
                _kept.close()
            _kept = PinnedConnection(client)
        return _kept.execute(*commands)
    finally:
        _one_at_a_time.release()


class PinnedConnection:
    """A dedicated connection from a client's pool, for one thread at a time."""

    def __init__(self, client: Redis) -> None:
        self.pool, self.pid = client.connection_pool, os.getpid()
        self._connection: Any = None
        self._looked = 0.0

    def execute(self, *commands: tuple[Any, ...]) -> list[Any]:
        """Like the function `execute`."""
        idle = monotonic() - self._looked
        if self._connection is None or idle > FRESH:
            self.close()
            self._connection = self.pool.get_connection()  # checks that the other end is still there
            if self._looked and idle > LONGEST_IDLE:
                self._connection.disconnect()
                self._connection.connect()
            self._looked = monotonic()
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands))
            replies = [self._read_reply() for _ in commands]
        except BaseException as error:
            self._connection.disconnect()  # otherwise its next user would read the remaining replies
            self.close()
            if type(error) is redis.ConnectionError:  # a subclass means a reply, such as LOADING
                raise Unanswered(str(error)) from error
            raise
        for reply in replies:
            if isinstance(reply, redis.ResponseError):
                if not all(isinstance(one, redis.ResponseError) for one in replies):
                    vars(reply)["partly"] = True
                if kind_of(reply) == "away":  # it may be a replica now, and the address may lead elsewhere
                    self._connection.disconnect()
                    self.close()
                    self.pool.disconnect(inuse_connections=False)
                raise reply
        return replies

    def close(self) -> None:
        """Return the connection to the pool."""
        connection, self._connection = self._connection, None  # first, so that we never keep one that another thread gets
        if connection is not None and self.pid == os.getpid():  # a forked child must not use its parent's connection
            self.pool.release(connection)

    def _read_reply(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error
