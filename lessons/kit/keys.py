"""The state of Redis at a step, and what changed since the last one."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from html import escape
from typing import Any

from minijobs.console import away, stretch
from minijobs.monitor import folded, unfolded

from .show import Shown, pre, table

# How often Redis is read at most, if each time keys came, went or changed their type after it was asked which there are.
MOST_READINGS = 50

# How a key of each type is read.
READ: dict[str, Callable[[Any, bytes], Any]] = {
    "list": lambda redis, name: redis.lrange(name, 0, -1),
    "set": lambda redis, name: redis.smembers(name),
    "zset": lambda redis, name: redis.zrange(name, 0, -1, withscores=True),
    "hash": lambda redis, name: redis.hgetall(name),
    "string": lambda redis, name: redis.get(name),
}

# Of what is new in a key, so many entries are shown. After a push of a thousand jobs, nobody reads all of them.
MOST_SHOWN = 30

NOUNS = {"list": "entry", "set": "member", "zset": "member", "hash": "field", "string": "value"}


@dataclass(frozen=True)
class Value:
    """What a key holds, as text: list entries and set members by themselves, hash fields by name, members by score."""

    kind: str
    entries: tuple[tuple[str, str], ...]  # (what stands before it: nothing, a field's name or a score; the entry)
    expires: float = 0  # seconds until Redis deletes the key by itself; 0 for never


@dataclass(frozen=True)
class Snapshot:
    """Everything Redis holds at one moment."""

    values: dict[str, Value]

    @classmethod
    def take(cls, redis: Any, *, ignore: Collection[str] = ()) -> Snapshot:
        """Read it all in one transaction, so that a job that moves meanwhile is seen in one place. A lesson has few keys."""
        for _ in range(MOST_READINGS):
            kinds = {name: redis.type(name).decode() for name in redis.scan_iter(count=1000)}
            pipe = redis.pipeline()
            pipe.keys()
            for name, kind in kinds.items():
                READ.get(kind, _nothing)(pipe, name)
                pipe.ttl(name)
            there, *replies = pipe.execute(raise_on_error=False)
            if set(there) == kinds.keys() and not any(isinstance(reply, Exception) for reply in replies):
                break
        read = zip(kinds.items(), replies[::2], replies[1::2], strict=True)
        values = {_text(name): _value(kind, reply, ttl) for (name, kind), reply, ttl in read if name in there}
        return cls({name: values[name] for name in sorted(values, key=_order) if name not in ignore})

    def only(self, pattern: str | None) -> Snapshot:
        """The part of it whose keys match the pattern, as grep does; all of it if there is none."""
        found = self.values if pattern is None else {n: v for n, v in self.values.items() if re.search(pattern, n)}
        return Snapshot(found)


class Keys(Shown):
    """The keys, with marks: + new, ~ changed, - gone. Unchanged keys are one line; jobs are unfolded when they are new."""

    def __init__(self, before: Snapshot, now: Snapshot) -> None:
        self.before = before
        self.now = now
        self.looked_at = time.time()

    def changes(self) -> dict[str, str]:
        """The mark of each key, in order: "+", "~", "-" or a blank."""
        names = sorted({*self.before.values, *self.now.values}, key=_order)
        return {name: _mark(self.before.values.get(name), self.now.values.get(name)) for name in names}

    def lines(self) -> list[str]:
        lines = []
        for name, mark in self.changes().items():
            lines.append(f"{mark} {name}  {self._summary(name)}".rstrip())
            lines += ["    " + line for line in self._entries(name)]
        return lines or ["(Redis holds nothing)"]

    def html(self) -> str:
        if not self.changes():
            return "<p>(Redis holds nothing)</p>"
        rows = [
            [mark.strip(), escape(name), escape(self._summary(name)), pre(self._entries(name))]
            for name, mark in self.changes().items()
        ]
        return table(["", "key", "type", "holds"], rows, names=1)

    def _summary(self, name: str) -> str:
        value = self.now.values.get(name)
        if value is None:
            return "gone"
        noun, count = NOUNS.get(value.kind, "value"), len(value.entries)
        nouns = {"entry": "entries"}.get(noun, noun + "s")
        kind = "sorted set" if value.kind == "zset" else value.kind
        size = "" if noun == "value" else f", {count} {noun if count == 1 else nouns}"
        return f"{kind}{size}{f', expires in {stretch(value.expires)}' if value.expires else ''}"

    def _entries(self, name: str) -> list[str]:
        """What is new in a key, unfolded, and what has left it, in a line. An unchanged key needs no more than its name."""
        before, now = self.before.values.get(name), self.now.values.get(name)
        if before == now or now is None:
            return []
        old, new = Counter(before.entries if before else ()), Counter(now.entries)
        came, left = list((new - old).elements()), list((old - new).elements())
        changed = {label for label, _ in came} & {label for label, _ in left} if now.kind == "hash" else set()
        lines = []
        for label, entry in came[:MOST_SHOWN]:
            lines += _unfold("~" if label in changed else "+", self._label(now.kind, label), entry)
        lines += [f"+ … and {len(came) - MOST_SHOWN:,} more"] if len(came) > MOST_SHOWN else []
        gone = [(label, entry) for label, entry in left if label not in changed]
        for label, entry in gone[:MOST_SHOWN]:
            short = folded(entry, 24 if label else 40)
            lines.append(" ".join(filter(None, ("-", self._label(now.kind, label), short))))
        return lines + ([f"- … and {len(gone) - MOST_SHOWN:,} more"] if len(gone) > MOST_SHOWN else [])

    def _label(self, kind: str, label: str) -> str:
        if kind != "zset":
            return f"{label}:" if label else ""
        return f"score {label} ({away(float(label) - self.looked_at)}):"


def _order(name: str) -> tuple[bool, str]:
    """By name, and keys named after a process last: wherever a lesson runs, it looks the same."""
    return (re.match(r"[^:|]+:\d+:[0-9a-f]{12}\b", name) is not None, name)


def _mark(before: Value | None, now: Value | None) -> str:
    if before is None:
        return "+"
    if now is None:
        return "-"
    return " " if (before.kind, before.entries) == (now.kind, now.entries) else "~"


def _unfold(mark: str, label: str, entry: str) -> list[str]:
    document = unfolded(entry)
    if not document:
        return [" ".join(filter(None, (mark, label, entry)))]
    if not label:
        return [f"{mark} {document[0]}", *(f"  {line}" for line in document[1:])]
    return [f"{mark} {label}", *(f"    {line}" for line in document)]


def _nothing(redis: Any, name: bytes) -> None:
    """A stream or the like: another program's, in the same database."""
    redis.exists(name)


def _value(kind: str, reply: Any, ttl: int) -> Value:
    entries: list[tuple[Any, Any]] = []
    if isinstance(reply, Exception):  # it became something else, again and again
        kind = "none"
    elif kind == "list":
        entries = [("", entry) for entry in reply]
    elif kind == "set":
        entries = [("", member) for member in sorted(reply)]
    elif kind == "zset":
        entries = [(f"{score:.3f}", member) for member, score in reply]
    elif kind == "hash":
        entries = sorted(reply.items())
    elif kind == "string":
        entries = [("", reply)]
    return Value(kind, tuple((_text(label), _text(entry)) for label, entry in entries), max(ttl, 0))


def _text(value: Any) -> str:
    return value.decode(errors="backslashreplace") if isinstance(value, bytes) else str(value)
