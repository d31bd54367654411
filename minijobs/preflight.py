"""The check when a worker starts: anything that would keep it from working is reported before the first job is fetched.

Nothing is written. To find out which commands are allowed, each is queued in a MULTI that is never executed: Redis checks
permissions, keys, and whether the command exists, when it queues one.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import redis
from redis.exceptions import NoPermissionError

from .connection import RedisUnavailable, address, kind_of, translate_errors
from .fetch import host_name

if TYPE_CHECKING:
    from .connection import Redis

OLDEST = (6, 2)  # LMOVE

# The commands that a worker sends, except for MULTI and EXEC. The keys of a process begin with its host name.
COMMANDS = """
    PING|TIME|SCRIPT EXISTS x|SCRIPT LOAD return|EVAL return 1 {queue}|EVALSHA x 1 {queue}
    SADD queues x|SADD processes x|SADD inflight x|SMEMBERS inflight|SREM inflight x|PERSIST processes|EXPIRE processes 9
    LPUSH {queue} x|RPUSH {queue} x|LMOVE {queue} {inflight} RIGHT LEFT|BRPOPLPUSH {queue} {inflight} 1|TYPE {queue}
    LREM {inflight} 1 x|LRANGE {inflight} 0 -1|LPOS {inflight} x|EXISTS {inflight}
    HSET {process} x x|HGET {process} x|EXISTS {process}|EXPIRE {process} 9|UNLINK {process}:work|RPOP {process}-signals
    SET {process}:x x EX 9|INCRBY stat:processed 1|EXPIRE stat:processed 9
    ZADD {set} 1 x|ZREM {set} x|ZSCORE {set} x|ZMSCORE {set} x|ZRANGE {set} 0 1
    ZREMRANGEBYRANK dead 0 -9|ZREMRANGEBYSCORE dead -inf 0
"""


KEYS = ("queues", "processes", "inflight", "schedule", "retry", "dead")


class CannotStart(Exception):
    """A worker cannot work with this Redis. The message says why, in one sentence."""


def check(client: Redis, *, queues: Iterable[str] = ()) -> None:
    """Raise CannotStart for a problem that waiting will not solve, RedisUnavailable while Redis is away.

    `queues` are those that a worker serves; without any, the caller only looks at jobs, and permissions are not checked.
    A memory policy that drops keys works but is risky, so it is logged as a warning. A wrong clock is not checked here: the
    first heartbeat warns of it.
    """
    where = f"Redis at {address(client)}"
    try:
        with translate_errors(client, "starting"):
            _suits(_info(client), where)
            if queues:
                _allowed(client, where, queues)
    except RedisUnavailable:
        raise
    except redis.RedisError as error:
        login = isinstance(error, redis.AuthenticationError)
        advice = " Give the user and password in REDIS_URL: redis://user:password@host:6379/0." if login else ""
        raise CannotStart(f"{error}{advice}") from None


def _info(client: Redis) -> dict[str, Any]:
    """The server's INFO; empty if it does not provide any."""
    try:
        return dict(client.info())
    except redis.ResponseError as error:
        if kind_of(error) == "away":
            raise
        return {}


def _suits(info: dict[str, Any], where: str) -> None:
    version = tuple(int(number) for number in re.findall(r"\d+", str(info.get("redis_version", "")))[:2])
    if version and version < OLDEST:
        raise CannotStart(f"{where} is version {info['redis_version']}; minijobs needs 6.2 or later.")
    if info.get("cluster_enabled"):
        raise CannotStart(
            f"{where} is a Redis Cluster; minijobs needs one Redis, since a job moves between keys in one step."
        )
    if info.get("role") == "slave":
        raise CannotStart(f"{where} is a replica, which cannot be written to: name the master ({_master(info)}).")
    policy = info.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        logging.getLogger("minijobs").warning(
            "%s may drop jobs when its memory is full: its maxmemory-policy is %s; set it to noeviction", where, policy
        )


def _master(info: dict[str, Any]) -> str:
    return f"{info.get('master_host')}:{info.get('master_port')}"


def _allowed(client: Redis, where: str, queues: Iterable[str]) -> None:
    """Queue each command in a transaction, and discard it."""
    connection: Any = client.connection_pool.get_connection()

    def lacks(commands: list[tuple[str, ...]]) -> list[str]:
        connection.send_packed_command(connection.pack_commands(commands))
        found: dict[str, None] = {}  # an ordered set
        for command in commands:
            try:
                connection.read_response()
            except redis.ResponseError as error:
                found |= dict.fromkeys(_lack(error, command, where))
        return list(found)

    try:
        # If MULTI were not allowed, the other commands would be executed.
        missing = lacks([("MULTI",), ("EXEC",), ("MULTI",)]) or lacks(list(_commands(queues)))
    finally:
        connection.disconnect()  # this discards the transaction
        client.connection_pool.release(connection)
    if missing:
        raise CannotStart(f"{where} does not allow this user all that a worker needs; missing: {', '.join(missing)}.")


def _commands(queues: Iterable[str]) -> Iterator[tuple[str, ...]]:
    process = f"{host_name()}:0:0"
    lists = [{"queue": f"queue:{name}", "inflight": f"inflight:{process}|{name}"} for name in queues]
    for template in COMMANDS.strip().replace("\n", "|").split("|"):
        of_queue = "{queue}" in template or "{inflight}" in template
        for names in lists if of_queue else [{"set": name} for name in ("schedule", "retry", "dead")]:
            yield tuple(word.format(process=process, **names) for word in template.split())


def _lack(error: redis.ResponseError, command: tuple[str, ...], where: str) -> list[str]:
    """The missing permission, as ACL SETUSER writes it; empty if the error is not about a permission."""
    name = "|".join(command[: 2 if command[0] == "SCRIPT" else 1]).lower()
    text = str(error)
    if isinstance(error, redis.ReadOnlyError):
        raise CannotStart(f"{where} is a replica, which cannot be written to: name the master.") from None
    if "unknown command" in text.lower():
        off = (
            "scripts are switched off" if name.startswith(("eval", "script")) else "it is older than 6.2, or it was renamed"
        )
        raise CannotStart(f"{where} has no command {name.upper()}: {off}; minijobs needs it.") from None
    if isinstance(error, NoPermissionError) or "NOPERM" in text:
        keys = [f"~{word}" for word in command[1:] if ":" in word or word in KEYS]
        if " access " not in text:  # to keys; a user may be named anything
            return [f"+{name}"]
        return keys if len(keys) == 1 else []  # if the command has two keys, another command checks each of them alone
    if kind_of(error) in ("refused", "away"):
        raise error
    return []
