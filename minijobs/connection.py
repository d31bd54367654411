"""Which Redis, and with which settings.

`connect()` is called once, at the start of a program; every Worker then uses that client. Without it, the first push
connects to `REDIS_URL`, or to a Redis on this machine.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

if TYPE_CHECKING:
    Redis = redis.Redis
    """Any client of redis-py's; fakeredis's is one."""

DEFAULT_URL = "redis://localhost:6379/0"

# A client waits this long for an answer, in seconds. So a blocking command must ask for less: see fetch.LONGEST_BLOCK.
SOCKET_TIMEOUT = 5

# So many seconds after a look at it, a connection that is kept is looked at again.
FRESH = 0.1

_current: Redis | None = None
_kept: Line | None = None
_one_at_a_time = threading.Lock()


class Unanswered(redis.ConnectionError):
    """The connection broke after something was sent."""


class RedisUnavailable(redis.ConnectionError):
    """Redis did not answer. The message says which one, and what that means for what was asked."""


def connect(target: str | Redis | None = None) -> Redis:
    """Use this Redis from now on, and give back its client. Nothing is sent to it yet.

    `target` is a URL (`redis://host:port/database`), a client, or None for `REDIS_URL` or else `redis://localhost:6379/0`.
    A client is changed in one way: it no longer sends a command again by itself when the answer is late, since a push
    that is sent twice is a job that runs twice. One connection of its pool is kept for what is asked most (see `ask`).
    Raises ValueError for a client that decodes its answers: a queue may hold bytes that are not text, and they must come
    out as they went in.
    Sidekiq: `Sidekiq.configure_client { |config| config.redis = {url: …} }`.

    >>> import fakeredis
    >>> client = connect(fakeredis.FakeRedis())
    >>> client is current()
    True
    """
    global _current
    never_again = Retry(NoBackoff(), 0)
    if target is None or isinstance(target, str):
        url = target or os.environ.get("REDIS_URL") or DEFAULT_URL
        client = redis.Redis.from_url(url, socket_timeout=SOCKET_TIMEOUT, socket_connect_timeout=2, retry=never_again)
    else:
        client = target
        if isinstance(client.connection_pool, redis.BlockingConnectionPool):  # whose own set_retry fails, in redis-py 8.1
            client.connection_pool.connection_kwargs["retry"] = never_again
        else:
            client.set_retry(never_again)
    if client.get_connection_kwargs().get("decode_responses"):
        raise ValueError("minijobs needs a client without decode_responses=True: a queue may hold bytes that are no text.")
    _current = client
    return client


def current() -> Redis:
    """The client that `connect` was given, or one for `REDIS_URL`. Sidekiq: `Sidekiq.redis`."""
    return _current if _current is not None else connect()


def address(client: Redis) -> str:
    """Where a client's Redis is, for a person to read.

    >>> address(redis.Redis.from_url("redis://:secret@example.com:6380/2"))
    'example.com:6380, database 2'
    """
    settings: dict[str, Any] = client.get_connection_kwargs()
    if "server" in settings:
        return "the Redis embedded in this process"
    place = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
    return f"{place}, database {settings.get('db') or 0}"


class one_sentence:  # it is used like a function, as contextlib.suppress is
    """Turn redis-py's errors about an absent server into one RedisUnavailable. `lost` says what did not happen."""

    def __init__(self, client: Redis, lost: str) -> None:
        self.client, self.lost = client, lost

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (redis.TimeoutError, Unanswered)):
            # Sent, and no answer: nobody can know. It is not sent again, so it cannot be there twice.
            raise RedisUnavailable(
                f"Redis at {address(self.client)} did not answer, so it may or may not have been done, once: {self.lost}. "
                f"(What redis-py says: {error})"
            ) from None
        if isinstance(error, redis.ConnectionError) and not isinstance(error, RedisUnavailable):
            raise RedisUnavailable(
                f"No Redis at {address(self.client)}, so this was not done: {self.lost}. Start one with redis-server, or "
                f"say where it is in REDIS_URL. (What redis-py says: {error})"
            ) from None


def ask(client: Redis, *commands: tuple[Any, ...]) -> list[Any]:
    """Send `commands` in one go, and give back what is answered to each. Raises the first error among the answers.

    A pipeline of redis-py's does the same in more steps. One connection is kept for it and not taken from the pool each
    time; the two would be a third of a push. While a thread uses that one, others take theirs from the pool.

    >>> import fakeredis
    >>> ask(fakeredis.FakeRedis(), ("SADD", "queues", "default"), ("LPUSH", "queue:default", "a job"))
    [1, 1]
    """
    global _kept
    if not commands:
        return []
    if not _one_at_a_time.acquire(blocking=False):
        with closing(Line(client)) as line:
            return line.ask(*commands)
    try:
        if _kept is None or _kept.client is not client or _kept.pid != os.getpid():
            if _kept is not None:
                _kept.close()
            _kept = Line(client)
        return _kept.ask(*commands)
    finally:
        _one_at_a_time.release()


class Line:
    """One connection out of a client's pool; not for several threads at a time."""

    def __init__(self, client: Redis) -> None:
        self.client, self.pid = client, os.getpid()
        self._connection: Any = None
        self._looked = 0.0

    def ask(self, *commands: tuple[Any, ...]) -> list[Any]:
        """As the function."""
        if self._connection is None or time.monotonic() - self._looked > FRESH:
            self.close()
            self._connection = self.client.connection_pool.get_connection()  # it looks whether the other end is still there
            self._looked = time.monotonic()
        try:
            self._connection.send_packed_command(self._connection.pack_commands(commands))
            answers = [self._answer() for _ in commands]
        except BaseException as error:
            self._connection.disconnect()  # or whoever uses it next would read the answers that are left
            self.close()
            if type(error) is redis.ConnectionError:  # a subclass is an answer, such as "I am loading"
                raise Unanswered(str(error)) from error
            raise
        for answer in answers:
            if isinstance(answer, redis.ResponseError):
                raise answer
        return answers

    def close(self) -> None:
        """Give the connection back to the pool."""
        connection, self._connection = self._connection, None  # first of all: nobody else may have it while we do
        if connection is not None and self.pid == os.getpid():  # a fork shares no connection
            self.client.connection_pool.release(connection)

    def _answer(self) -> Any:
        try:
            return self._connection.read_response()
        except redis.ResponseError as error:
            return error


class Outage:
    """Says once that Redis is away, and once that it is back. Many threads notice both."""

    def __init__(self, client: Redis) -> None:
        self._redis: Any = client
        self._lock = threading.Lock()
        self._away_since: float | None = None

    def noticed(self, error: redis.RedisError) -> None:
        """Redis did not answer."""
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
                logging.getLogger("minijobs").error("waiting for Redis: %s", error)
                self._redis.connection_pool.disconnect(inuse_connections=False)  # they are as dead as the one that failed

    def over(self) -> None:
        """Redis did answer."""
        with self._lock:
            if self._away_since is not None:
                logging.getLogger("minijobs").info("Redis is back after %.1f sec", time.monotonic() - self._away_since)
                self._away_since = None
