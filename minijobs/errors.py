"""Errors in communication with Redis: what they mean, and how they are reported.

There are four kinds of error. "away": wait, then reconnect. "full": wait until there is room. "refused": Redis will always
refuse this. "entry": this one key or entry is bad; set it aside and go on.
"""

from __future__ import annotations

import logging
import re
import threading
import traceback
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import redis
from redis.exceptions import AuthorizationError, MaxConnectionsError
from redis.sentinel import MasterNotFoundError

from .clock import monotonic

if TYPE_CHECKING:
    Redis = redis.Redis

Kind = Literal["away", "full", "refused", "entry"]

# What the first word of an error reply means. Any other error reply is about one key or one entry.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("LOADING", "READONLY", "MASTERDOWN", "UNBLOCKED", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"), "away"
    ),
    **dict.fromkeys(("OOM", "MISCONF"), "full"),
    **dict.fromkeys(("NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "CROSSSLOT", "MOVED", "ASK"), "refused"),
}
# Refusals whose first word is just ERR.
REFUSALS = re.compile(
    "unknown (redis )?command|user executing the script|non local key|db index|not allowed in cluster|permission|"
    r"'auth' command|auth <password>|\[SSL: (CERTIFICATE|WRONG)",
    re.IGNORECASE,
)

# A connection was made, but TLS was not agreed on. The time-out is the cause of redis-py's error, and not in its text.
NO_TLS = re.compile(r"_ssl\.c:|^Error 104 connecting")

# How redis-py words that this process has no file descriptor left: EMFILE, ENFILE, and EBUSY while it looks up a host name.
OUT_OF_FILES = re.compile("^Error (24|23|16) connecting to")


class Unanswered(redis.ConnectionError):
    """The connection broke after something was sent."""


class RedisUnavailable(redis.ConnectionError):
    """Redis did not answer, or cannot serve commands now. The message says which Redis, and whether the operation may have
    been carried out."""


def address(client: Redis) -> str:
    """Return a human-readable description of where a client's Redis is.

    >>> address(redis.Redis.from_url("redis://:secret@example.com:6380/2"))
    'example.com:6380, database 2'
    """
    settings: dict[str, Any] = client.get_connection_kwargs()
    if "server" in settings:
        return "the Redis embedded in this process"
    pool: Any = client.connection_pool
    if (sentinel := getattr(pool, "sentinel_manager", None)) is not None:
        hosts = ", ".join(address(one).partition(",")[0] for one in sentinel.sentinels)
        place = f"{pool.service_name} (Sentinel: {hosts})"
        return f"{place}, database {settings.get('db') or 0}"
    place = settings.get("path") or f"{settings.get('host', 'localhost')}:{settings.get('port', 6379)}"
    return f"{place}, database {settings.get('db') or 0}"


def kind_of(error: redis.RedisError) -> Kind:
    """Return the kind of an error: whether to wait and reconnect, wait for room, stop for good, or set this entry aside.

    >>> kind_of(redis.ConnectionError("Connection closed by server."))
    'away'
    """
    # In front of Redis's own text, redis-py names the command of the pipeline, and translate_errors says what it means.
    text = re.split(r" caused error: |\(What \S+ says: ", str(error))[-1]
    inside_script = re.search(r"@user_script: ?\d+: -?([A-Z]+) ", text)  # Redis 6
    codes = (inside_script[1] if inside_script else "", getattr(error, "status_code", None), text.partition(" ")[0])
    kind = next((KINDS[code] for code in codes if code in KINDS), None)
    if kind is not None:
        return kind
    if isinstance(error, (redis.AuthenticationError, AuthorizationError, redis.InvalidResponse)) or REFUSALS.search(text):
        return "refused"
    return "away" if isinstance(error, (redis.ConnectionError, redis.TimeoutError)) else "entry"


def _redacted_text(client: Redis, error: redis.RedisError) -> str:
    """Return the text of an error on one line, without the password and without the arguments of a command."""
    full = f"{getattr(error, 'status_code', None) or ''} {error}"
    text = " ".join(full.partition(", with args beginning with")[0].split())
    text = re.sub(r"<redis\.client\..*?> - ", "", text)  # the client that asked each Sentinel, with all its settings
    if secret := client.get_connection_kwargs().get("password"):
        for spelling in (str(secret), quote(str(secret), safe="")):
            text = text.replace(spelling, "…")
    return text


def _never_sent(client: Redis, error: redis.RedisError) -> bool:
    """Whether there was no connection on which anything could have been sent."""
    nobody = isinstance(error, MasterNotFoundError) or "server" in client.get_connection_kwargs()
    return nobody or (not isinstance(error, Unanswered) and "connecting to" in str(error))


def _never_ready(error: redis.RedisError) -> bool:
    """Whether it happened while redis-py was preparing a new connection, before the first command of ours."""
    return any(frame.f_code.co_name.startswith("on_connect") for frame, _ in traceback.walk_tb(error.__traceback__))


def _closed_elsewhere(error: BaseException | None) -> bool:
    """Whether redis-py stumbled over a connection that another thread closed while this one was using it: `client.close()`
    closes all connections of the pool, also those in use."""
    if not isinstance(error, (AttributeError, OSError, ValueError)) or isinstance(error, UnicodeError):
        return False
    *_, (innermost, _) = traceback.walk_tb(error.__traceback__)
    return str(innermost.f_globals.get("__name__")).startswith("redis.")


class translate_errors:  # lower case because it is used like a function, as contextlib.suppress is
    """Turn redis-py's errors into one sentence that says whether the operation was carried out. `lost` describes it.

    An error of the kind "away" becomes a RedisUnavailable. The kinds "full" and "refused" keep their class and get a new
    message, and so does the kind "entry" if a part was carried out; otherwise that is left as it is.
    """

    def __init__(self, client: Redis, lost: str) -> None:
        self.client, self.lost = client, lost

    def __enter__(self) -> None: ...

    def __exit__(self, exception: object, error: BaseException | None, trace: object) -> None:
        if _closed_elsewhere(error):
            error = Unanswered("another thread closed the connection")
        if not isinstance(error, redis.RedisError) or isinstance(error, RedisUnavailable) or "(What " in str(error):
            return
        kind, text = kind_of(error), _redacted_text(self.client, error)
        partly = hasattr(error, "partly")
        if kind == "entry" and not partly:
            return
        never_sent = _never_sent(self.client, error)
        no_tls = never_sent and "CERTIFICATE" not in text and NO_TLS.search(f"{error} {error.__context__}")
        answered = kind != "away" or isinstance(error, redis.ResponseError) or getattr(error, "status_code", None)
        advice = ""
        if no_tls:
            what, done = "There is a server at {}, but it did not answer in TLS", "this was not done"
            advice = "If that Redis has no TLS, write redis:// in place of rediss://. "
        elif isinstance(error, redis.InvalidResponse):
            what, done = "What answers at {} is no Redis", "it may or may not have been done, once"
        elif answered:
            full = "takes no more data, because it cannot save any" if "MISCONF" in text else "has no room left"
            what = {"away": "cannot do this now", "full": full}.get(kind, "refuses this")
            what, done = "Redis at {} " + what, "this was not done"
            if partly or "of pipeline caused" in text or "@user_script" in text:
                done += ", or not all of it"
        elif isinstance(error, MaxConnectionsError) or "No connection available" in text:
            what, done = "All connections that the pool allows to Redis at {} are in use", "this was not done"
        elif OUT_OF_FILES.search(text):
            what, done = (
                "This process can open no connection to Redis at {}: it has too many open files",
                "this was not done",
            )
        elif never_sent:
            what, done = "No Redis at {}", "this was not done"
            text += "" if text.endswith(".") else "."
            advice = "Start one with redis-server, or say where it is in REDIS_URL. "
        elif _never_ready(error) and not isinstance(error, redis.TimeoutError):
            what, done = "Redis at {} closed the connection before the first command", "this was not done"
            advice = "If it takes nothing but TLS, write rediss:// in place of redis://. "
        else:
            # Sent, but not answered: it may have been done or not. It is not sent again, so it is not done twice.
            what, done = "Redis at {} did not answer", "it may or may not have been done, once"
        source = "Redis" if answered and not no_tls else "redis-py"
        sentence = f"{what.format(address(self.client))}, so {done}: {self.lost}. {advice}(What {source} says: {text})"
        if kind == "away":
            if answered:
                disconnect_idle(self.client)
            raise RedisUnavailable(sentence) from None
        error.args, error.__cause__, error.__suppress_context__ = (sentence,), None, True


def disconnect_idle(client: Redis) -> None:
    """Close the idle connections of the pool, which lead to the old server, so that the address is resolved again."""
    client.connection_pool.disconnect(inuse_connections=False)


class Outage:
    """Logs once that Redis is away, and once that it is back, although many threads notice both."""

    def __init__(self, client: Redis) -> None:
        self._redis: Any = client
        self._lock = threading.Lock()
        self._away_since: float | None = None

    def noticed(self, error: redis.RedisError) -> None:
        """Record that Redis did not answer, or has become a replica."""
        disconnect_idle(self._redis)  # those connections are as dead as the one that failed
        with self._lock:
            if self._away_since is None:
                self._away_since = monotonic()
                logging.getLogger("minijobs").error("waiting for Redis: %s", _redacted_text(self._redis, error))

    def over(self) -> None:
        """Record that Redis answered."""
        with self._lock:
            if self._away_since is not None:
                logging.getLogger("minijobs").info("Redis is back after %.1f sec", monotonic() - self._away_since)
                self._away_since = None
