"""What goes wrong between us and Redis, what it means, and how it is said.

An error is of one of four kinds. "away": wait, and connect anew. "full": wait for room. "refused": Redis says no for good.
"entry": this one key or entry is bad, put it aside and go on.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import redis
from redis.exceptions import AuthorizationError, MaxConnectionsError
from redis.sentinel import MasterNotFoundError

if TYPE_CHECKING:
    Redis = redis.Redis

Kind = Literal["away", "full", "refused", "entry"]

# What the first word of an error answer means. Every other answer is about one key or one entry.
KINDS: dict[str, Kind] = {
    **dict.fromkeys(
        ("LOADING", "READONLY", "MASTERDOWN", "UNBLOCKED", "CLUSTERDOWN", "TRYAGAIN", "BUSY", "NOREPLICAS"), "away"
    ),
    **dict.fromkeys(("OOM", "MISCONF"), "full"),
    **dict.fromkeys(("NOAUTH", "WRONGPASS", "NOPERM", "DENIED", "CROSSSLOT", "MOVED", "ASK"), "refused"),
}
# Refusals that begin with ERR only.
REFUSALS = re.compile(
    "unknown (redis )?command|user executing the script|non local key|db index|not allowed in cluster|permission|"
    r"'auth' command|auth <password>|\[SSL: (CERTIFICATE|WRONG)",
    re.IGNORECASE,
)


class Unanswered(redis.ConnectionError):
    """The connection broke after something was sent."""


class RedisUnavailable(redis.ConnectionError):
    """Redis did not answer. The message says which one, and what that means for what was asked."""


def address(client: Redis) -> str:
    """Where a client's Redis is, for a person to read.

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
    """What to do about an error: wait and reconnect, wait for room, stop for good, or put this entry aside.

    >>> kind_of(redis.ConnectionError("Connection closed by server."))
    'away'
    """
    # Before it, redis-py puts which command of a pipeline it was, and translate_errors what it means.
    text = re.split(" caused error: |What Redis says: ", str(error))[-1]
    inside_script = re.search(r"@user_script: ?\d+: -?([A-Z]+) ", text)  # of Redis 6
    words = (inside_script[1] if inside_script else "", getattr(error, "status_code", None), text.partition(" ")[0])
    kind = next((KINDS[word] for word in words if word in KINDS), None)
    if kind is not None:
        return kind
    if isinstance(error, (redis.AuthenticationError, AuthorizationError, redis.InvalidResponse)) or REFUSALS.search(text):
        return "refused"
    return "away" if isinstance(error, (redis.ConnectionError, redis.TimeoutError)) else "entry"


def _said(client: Redis, error: redis.RedisError) -> str:
    """What an error says, in one line, and without the password or the arguments of a command."""
    said = f"{getattr(error, 'status_code', None) or ''} {error}"
    text = " ".join(said.partition(", with args beginning with")[0].split())
    text = re.sub(r"<redis\.client\..*?> - ", "", text)  # with which client each Sentinel was asked, all settings of it
    if secret := client.get_connection_kwargs().get("password"):
        for spelling in (str(secret), quote(str(secret), safe="")):
            text = text.replace(spelling, "…")
    return text


def _never_sent(client: Redis, error: redis.RedisError) -> bool:
    """Whether there was no connection that anything could have been sent on."""
    nobody = isinstance(error, MasterNotFoundError) or "server" in client.get_connection_kwargs()
    return nobody or (not isinstance(error, Unanswered) and "connecting to" in str(error))


class translate_errors:  # it is used like a function, as contextlib.suppress is
    """Turn redis-py's errors into one sentence that says what it means for what was asked. `lost` says what that is.

    An error of the kind "away" becomes a RedisUnavailable. Redis's refusals keep their class; errors about an entry stay.
    """

    def __init__(self, client: Redis, lost: str) -> None:
        self.client, self.lost = client, lost

    def __enter__(self) -> None: ...

    def __exit__(self, exception: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, redis.RedisError) or isinstance(error, RedisUnavailable) or "Redis says: " in str(error):
            return
        kind, said = kind_of(error), _said(self.client, error)
        if kind == "entry":
            return
        answered = kind != "away" or isinstance(error, redis.ResponseError) or getattr(error, "status_code", None)
        if isinstance(error, redis.InvalidResponse):
            what, done = "What answers at {} is no Redis", "it may or may not have been done, once"
        elif answered:
            what = {"away": "cannot do this now", "full": "has no room left", "refused": "refuses this"}[kind]
            what, done = "Redis at {} " + what, "this was not done"
            if hasattr(error, "partly") or "of pipeline caused" in said or "@user_script" in said:
                done += ", or not all of it"
        elif isinstance(error, MaxConnectionsError) or "No connection available" in said:
            what, done = "All connections that the pool allows to Redis at {} are in use", "this was not done"
        elif _never_sent(self.client, error):
            what, done = "No Redis at {}", "this was not done"
            said += "" if said.endswith(".") else "."
        else:
            # Sent, and no answer: nobody can know. It is not sent again, so it cannot be there twice.
            what, done = "Redis at {} did not answer", "it may or may not have been done, once"
        advice = "Start one with redis-server, or say where it is in REDIS_URL. " if what.startswith("No Redis") else ""
        sayer = "Redis" if answered else "redis-py"
        sentence = f"{what.format(address(self.client))}, so {done}: {self.lost}. {advice}(What {sayer} says: {said})"
        if kind == "away":
            if answered:
                disconnect_idle(self.client)
            raise RedisUnavailable(sentence) from None
        error.args, error.__cause__, error.__suppress_context__ = (sentence,), None, True


def disconnect_idle(client: Redis) -> None:
    """The connections that nobody uses lead where the last one led: close them, so that the address is asked again."""
    client.connection_pool.disconnect(inuse_connections=False)


class Outage:
    """Says once that Redis is away, and once that it is back. Many threads notice both."""

    def __init__(self, client: Redis) -> None:
        self._redis: Any = client
        self._lock = threading.Lock()
        self._away_since: float | None = None

    def noticed(self, error: redis.RedisError) -> None:
        """Redis did not answer, or is a replica now."""
        disconnect_idle(self._redis)  # those connections are as dead as the one that failed
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
                logging.getLogger("minijobs").error("waiting for Redis: %s", _said(self._redis, error))

    def over(self) -> None:
        """Redis did answer."""
        with self._lock:
            if self._away_since is not None:
                logging.getLogger("minijobs").info("Redis is back after %.1f sec", time.monotonic() - self._away_since)
                self._away_since = None
