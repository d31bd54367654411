"""The commands sent to Redis, readable for people: like `redis-cli monitor | grep -E "(hset|lpush)"`, with jobs unfolded.

    1532784329.095661 [0 127.0.0.1:53832] LPUSH queue:default
      { class: "SendGifToUserWorker"
        args: ["flip", "flop"]
        …
        enqueued_at: 1532784329.095 }

After MONITOR, a server reports every command that it receives to the client that asked. This slows the server down, so do
not leave it running. Sidekiq has no counterpart.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from redis import ConnectionPool, ResponseError
from redis import Redis as Client

from . import connection

if TYPE_CHECKING:
    from .connection import Redis

FOLDED = 40  # characters shown of a JSON text that need only be recognised

# A line of MONITOR's output: the time in epoch seconds; the database and the client; the words of the command.
LINE = re.compile(rb'(?P<at>[\d.]+) \[(?P<client>[^\]]*\]?[^\]]*)\] (?P<words>".*)', re.DOTALL)
WORD = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class Told(NamedTuple):
    """One command: its time in seconds of some clock, its words, and the database and client it came from, if known."""

    at: float
    words: tuple[str, ...]
    client: str = ""

    def line(self) -> str:
        """The command in upper case and then its other words, with JSON unchanged.

        >>> Told(0, ("sadd", "queues", "default")).line()
        'SADD queues default'
        """
        return " ".join([self.words[0].upper(), *self.words[1:]])

    def lines(self, *, unfold: bool) -> list[str]:
        """The command for people: with `unfold`, JSON objects over several lines; without, in one line and cut short.

        >>> Told(0, ("lpush", "queue:mail", '{"class":"SendGif","args":["ada@example.com"]}')).lines(unfold=False)
        ['LPUSH queue:mail {"class":"SendGif","args":["ada@example.…']
        """
        if not unfold:
            return [" ".join([self.words[0].upper(), *map(folded, self.words[1:])])]
        lines, after_document = [self.words[0].upper()], False
        for word in self.words[1:]:
            document = unfolded(word)
            if document or after_document:
                lines += ["  " + line for line in document or [word]]
            else:
                lines[-1] += f" {word}"
            after_document = bool(document)
        return lines


def watch(redis: Redis | None = None, grep: str | None = None) -> Iterator[Told]:
    """Every command that the server receives from now on, from any client; with `grep`, those whose line matches.

    The iterator never ends by itself. Raises RedisUnavailable when the server goes away, RuntimeError if it has no MONITOR
    (like a Redis embedded in the process), re.error if `grep` is not a regular expression.
    """
    redis = connection.current() if redis is None else redis
    matching([], grep)
    pool = redis.connection_pool
    settings = pool.connection_kwargs | {"socket_timeout": None}  # the next command may be long in coming
    with (
        connection.translate_errors(redis, "watching the commands that Redis receives"),
        Client(connection_pool=ConnectionPool(connection_class=pool.connection_class, **settings)) as client,
    ):
        try:
            with client.monitor() as monitor:
                while True:
                    yield from matching([read(monitor.connection.read_response())], grep)
        except ResponseError as error:
            raise RuntimeError(f"Redis at {connection.address(redis)} cannot be watched: {error}.") from None


def read(line: bytes) -> Told:
    r"""Parse a line of MONITOR's output.

    >>> read(rb'1532784329.5 [0 127.0.0.1:53832] "lpush" "queue:default" "{\"args\":[\"\xc3\xa9\"]}"')
    Told(at=1532784329.5, words=('lpush', 'queue:default', '{"args":["é"]}'), client='0 127.0.0.1:53832')
    """
    match = LINE.match(line)
    if match is None:
        return Told(0, (line.decode(errors="backslashreplace"),))
    words = (word.decode("unicode_escape") for word in WORD.findall(match["words"]))
    texts = (word.encode("latin-1").decode(errors="backslashreplace") for word in words)
    return Told(float(match["at"]), tuple(texts), match["client"].decode())


def matching(told: Iterable[Told], pattern: str | None) -> list[Told]:
    """The commands whose line matches `pattern`, a regular expression, as `grep -iE` would.

    >>> matching([Told(0, ("SADD", "queues", "default")), Told(0, ("LPUSH", "queue:default", "{}"))], "hset|lpush")
    [Told(at=0, words=('LPUSH', 'queue:default', '{}'), client='')]
    """
    expression = re.compile(pattern or "", re.IGNORECASE)
    return [one for one in told if expression.search(one.line())]


def folded(text: str, most: int = FOLDED) -> str:
    """A JSON object cut to its first `most` characters; any other text unchanged.

    >>> folded('{"class":"SendGif","args":["ada@example.com"],"retry":true}')
    '{"class":"SendGif","args":["ada@example.…'
    """
    return text if len(text) <= most or _object_in(text) is None else text[:most] + "…"


def unfolded(text: str) -> list[str]:
    """A JSON object over several lines, including JSON inside its strings; an empty list for any other text.

    >>> print("\\n".join(unfolded('{"queue":"default","args":["flip",1]}')))
    { queue: "default"
      args: ["flip", 1] }
    """
    document = _object_in(text)
    if document is None:
        return []
    lines: list[str] = []
    for field, value in document.items():
        inner = unfolded(value) if isinstance(value, str) else []
        lines += [f"{field}:", *(f"    {line}" for line in inner)] if inner else [f"{field}: {_written(value)}"]
    lines = lines or [""]
    lines[-1] += " }"
    return [("  " if number else "{ ") + line for number, line in enumerate(lines)]


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _object_in(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
