"""The commands that Redis is told: what the seed of this course saw with `redis-cli monitor | grep -E "(hset|lpush)"`.

They are written down where this process sends them, so that it works without a server too. What other processes send, and
what a script does inside Redis, is not in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection

from minijobs.monitor import Told, matching

from .show import Shown

# What a connection says for itself when it is made, and reading, are nobody's news.
GREETINGS = {"HELLO", "CLIENT", "AUTH", "SELECT", "SCRIPT LOAD"}

# The commands that make or change the key after them. Scripts name theirs.
WRITES = {
    *("SET", "SETEX", "PSETEX", "SETNX", "GETSET", "APPEND", "INCR", "INCRBY", "INCRBYFLOAT", "DECR", "DECRBY"),
    *("SADD", "LPUSH", "RPUSH", "ZADD", "ZINCRBY", "HSET", "HSETNX", "HINCRBY", "HINCRBYFLOAT", "XADD"),
}
# Those that make the second key after them.
MOVES = {"LMOVE", "BLMOVE", "RPOPLPUSH", "BRPOPLPUSH", "SMOVE", "RENAME", "COPY"}


class Recorder:
    """Every command that a lesson's own clients sent. `on_made` is called with the names of keys before they are made."""

    def __init__(self, on_made: Callable[[set[str]], None] | None = None) -> None:
        self.told: list[Told] = []
        self.made: set[str] = set()
        self.over = ""  # why nothing can be sent any more: the lesson whose Redis it was has ended
        self._on_made = on_made
        self._shown = 0
        self._lock = threading.Lock()

    def record(self, words: Iterable[Any], *, told: bool = True) -> None:
        """Write one command down; with `told=False`, only the keys that it makes: somebody is looking, not minijobs."""
        if self.over:
            raise RuntimeError(self.over)
        command = Told(time.monotonic(), tuple(_text(word) for word in words))
        if command.words[0].upper() in GREETINGS:
            return
        with self._lock:
            new = set(_keys_made(command.words)) - self.made
            self.made |= new
            if told:
                self.told.append(command)
        if new and self._on_made is not None:
            self._on_made(new)

    def since_last_look(self) -> list[Told]:
        """What was told since this was asked the last time."""
        with self._lock:
            new = self.told[self._shown :]
            self._shown = len(self.told)
        return new


class Commands(Shown):
    """Commands, one a line; `unfold` writes the JSON in them over several lines, for easier reading."""

    def __init__(self, told: list[Told], *, unfold: bool = False) -> None:
        self.told = told
        self.unfold = unfold

    def __len__(self) -> int:
        return len(self.told)

    def names(self) -> str:
        """Only the names of the commands.

        >>> Commands([Told(0, ("SADD", "queues", "default")), Told(0, ("LPUSH", "queue:default", "{}"))]).names()
        'SADD, LPUSH'
        """
        return ", ".join(told.words[0].upper() for told in self.told) or "nothing"

    def only(self, pattern: str, *, unfold: bool = False) -> Commands:
        """Those of them that match `pattern`, as grep does.

        >>> told = [Told(0, ("SADD", "queues", "default")), Told(0, ("LPUSH", "queue:default", "{}"))]
        >>> Commands(told).only("hset|lpush").names()
        'LPUSH'
        """
        return Commands(matching(self.told, pattern), unfold=unfold)

    def lines(self) -> list[str]:
        if not self.told:
            return ["(minijobs sent Redis no command)"]
        return [line for told in self.told for line in told.lines(unfold=self.unfold)]


def recording(kind: type[Any], recorder: Recorder, *, told: bool = True) -> type[Any]:
    """The connection class `kind`, writing down what it sends. A pipeline sends its commands the second way."""

    class RecordingConnection(kind):  # type: ignore[misc, valid-type]
        def send_command(self, *words: Any, **options: Any) -> Any:
            recorder.record(words, told=told)
            return super().send_command(*words, **options)

        def pack_commands(self, commands: Iterable[Any]) -> Any:
            commands = list(commands)
            for words in commands:
                recorder.record(words, told=told)
            return super().pack_commands(commands)

    return RecordingConnection


# Of a real server; the embedded one's is fakeredis's.
CONNECTIONS = (SSLConnection, UnixDomainSocketConnection, Connection)


def _keys_made(words: tuple[str, ...]) -> list[str]:
    command = words[0].upper()
    if command in ("EVAL", "EVALSHA"):
        return list(words[3 : 3 + int(words[2])])
    if command in MOVES:
        return [words[2]]
    if command == "MSET":
        return list(words[1::2])
    return [words[1]] if command in WRITES else []


def _text(word: Any) -> str:
    return word.decode(errors="backslashreplace") if isinstance(word, bytes) else str(word)
