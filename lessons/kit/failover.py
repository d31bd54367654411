"""A Redis with a replica, and a Sentinel that watches both: what is there when the first one is gone."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import redis

from minijobs import connection

from . import redis_server, session
from .processes import Program
from .stage import wait_until

MASTER = "mymaster"  # the name under which Sentinel knows them
SENTINEL = """
port {port}
dir {folder}
sentinel monitor {name} 127.0.0.1 {master} 1
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 5000
"""


class WithReplica:
    """The three of them, on this machine, for this lesson. `url` is what REDIS_URL would be. Raises NoRedis."""

    def __init__(self) -> None:
        self._beside = session.beside()
        self._binary = redis_server.binary()[0]
        self._ports = [_free_port() for _ in range(3)]
        master, replica, sentinel = self._ports
        self._programs = [self._redis("the Redis", master)]
        self._programs.append(self._redis("the replica", replica, "--replicaof", "127.0.0.1", str(master)))
        wait_until(lambda: self._said(replica, lambda one: one.info("replication")["master_link_status"]) == "up")
        file = self._folder("sentinel") / "sentinel.conf"
        file.write_text(SENTINEL.format(port=sentinel, folder=file.parent, name=MASTER, master=master), encoding="utf-8")
        self._programs.append(Program("the Sentinel", [self._binary, str(file), "--sentinel"], self._beside.leash))
        wait_until(lambda: self._said(sentinel, lambda one: len(one.sentinel_slaves(MASTER))) == 1)
        self.url = f"redis+sentinel://127.0.0.1:{sentinel}/{MASTER}/0"
        self._beside.ends_too(self.stop)

    def client(self) -> Any:
        """A client as minijobs uses it, by way of the Sentinel."""
        before = connection.current()
        try:
            return connection.connect(self.url)
        finally:
            connection.connect(before)  # what the lesson pushes otherwise goes where it went

    def copied(self) -> bool:
        """Whether the replica holds as many keys as the Redis."""
        return self._said(self._ports[1], lambda one: one.dbsize()) == self._said(self._ports[0], lambda one: one.dbsize())

    def kill(self) -> None:
        """End the Redis, in the middle of whatever it does."""
        self._programs[0].kill()

    def replica_took_over(self) -> bool:
        """Whether the replica is a master now."""
        return self._said(self._ports[1], lambda one: one.info("replication")["role"]) == "master"

    def stop(self) -> None:
        """Nothing is left of them."""
        for program in reversed(self._programs):
            program.kill()

    def _redis(self, name: str, port: int, *words: str) -> Program:
        settings = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        more = ["--repl-diskless-sync-delay", "0", "--dir", str(self._folder(str(port))), *words]
        program = Program(name, [self._binary, *settings, *more], self._beside.leash)
        wait_until(lambda: self._said(port, lambda one: one.ping()) or program.died())
        return program

    def _folder(self, name: str) -> Path:
        folder = self._beside.folder / f"redis-{name}"
        folder.mkdir(exist_ok=True)
        return folder

    def _said(self, port: int, ask: Callable[[Any], Any]) -> Any:
        """What the one on this port says; None if it does not answer."""
        with suppress(redis.RedisError, KeyError), redis.Redis(port=port, socket_timeout=1) as one:
            return ask(one)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def with_replica() -> WithReplica:
    """Start a Redis, a replica of it and a Sentinel. They end with the lesson."""
    return WithReplica()
