"""Searches a queue or a sorted set: text in a job's id, class, arguments, error and tags, narrowed by class and by error.

Redis looks for the text in the entries as they are, some thousands in one step, and returns those that contain it. Whether
it is in one of those fields is seen here. A request stops when its page is full or its time is over, and says how far it
came; the next one goes on from there.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import flask

from ..api import JobRecord, JobSet, Queue
from . import entries, scripts
from .entries import Listed

STEP = 2_500  # entries that Redis looks at before it does anything else
STEPS = 30  # of one request
PATIENCE = 0.12  # seconds after which a page shows what it has
MOST_BYTES = 16_000_000  # that one step returns
LONGEST = 200  # characters of the text
CHIPS = 8


class Search(NamedTuple):
    """What is looked for. What is empty is not."""

    text: str = ""
    kind: str = ""
    """The name of a Worker."""
    error: str = ""
    """The class of an error."""

    @property
    def words(self) -> dict[str, str]:
        """The same as parameters of an address; empty if nothing is looked for."""
        return {name: word for name, word in zip(("find", "class", "error"), self, strict=True) if word}

    def matches(self, record: JobRecord) -> bool:
        """Whether this job is one of those that are looked for. Upper and lower case are the same.

        >>> job = JobRecord(b'{"class":"SendGif","args":["Ada"],"jid":"5a","error_class":"OSError","queue":"mail"}')
        >>> [Search(text).matches(job) for text in ("ada", "gif", "5A", "oserr", "mail")]
        [True, True, True, True, False]
        >>> Search("ada", kind="SendGif").matches(job), Search(kind="Send").matches(job)
        (True, False)
        """
        if (self.kind and self.kind != record.class_name) or (self.error and self.error != record["error_class"]):
            return False
        if not self.text:
            return True
        fields = (record.jid, record.class_name, record["error_class"], record["error_message"], record["tags"])
        return _inside(self.text) in "\n".join(_inside(field) for field in (*fields, record.args) if field is not None)

    def needles(self) -> list[bytes]:
        """What Redis looks for: any of these in the bytes of an entry, whose ASCII letters are made small."""
        word = self.text or json.dumps(self.kind or self.error, ensure_ascii=False)
        if self.text:
            spellings = [json.dumps(word, ensure_ascii=kind)[1:-1] for kind in (False, True)]
        else:
            spellings = [word, json.dumps(self.kind or self.error)]
        return list(dict.fromkeys(spelling.encode(errors="replace").lower() for spelling in spellings))


class Found(NamedTuple):
    """Jobs that match, and where the search is: at which place, of how many, and whether that is the end."""

    listed: list[Listed]
    place: int
    size: int

    @property
    def over(self) -> bool:
        """Whether there is nothing more to search."""
        return self.place >= self.size


def chips(listed: list[Listed], field: str) -> list[tuple[str, int]]:
    """The most frequent values of "class" or "error_class" among these jobs, and how frequent each is."""
    values = [one.record[field] for one in listed]
    return Counter(value for value in values if isinstance(value, str) and _can_be_asked_for(value)).most_common(CHIPS)


def asked() -> Search:
    """What the request looks for."""
    words = (flask.request.values.get(name, "").strip() for name in ("find", "class", "error"))
    return Search(*(word[:LONGEST] for word in words))


def page(of: Queue | JobSet, wanted: Search, start: int, *, latest_first: bool = False) -> Found:
    """The next jobs that match, from this place on, as many as a page shows and PATIENCE allows; one step is taken."""
    began, size, place = time.monotonic(), len(of), max(0, start)
    found: list[Listed] = []
    for steps in range(STEPS):
        if place >= size or len(found) >= entries.PER_PAGE:
            break
        if steps and time.monotonic() - began > PATIENCE:  # else a busy machine would find nothing
            break
        room = entries.PER_PAGE - len(found)
        place, matches = step(of, wanted, place, entries.WHOLE, room, latest_first=latest_first)
        found += matches
    return Found(found, place, size)


def count(of: Queue | JobSet, wanted: Search) -> tuple[int, bool]:
    """How many jobs match, and whether all were looked at: it stops after STEPS steps."""
    size, place, number = len(of), 0, 0
    for _ in range(STEPS):
        if place >= size:
            break
        place, matches = step(of, wanted, place, entries.WHOLE, STEP)
        number += len(matches)
    return number, place >= size


def step(
    of: Queue | JobSet, wanted: Search, place: int, whole: int, most: int, *, latest_first: bool = False
) -> tuple[int, list[Listed]]:
    """The jobs that match among the next STEP, at most `most` of them. Returns also the place after the last one seen.

    Of larger ones than `whole` bytes only the ends are read; these match if their text contains what is looked for.
    """
    found: list[Listed] = []
    seen, rows = _look(of, wanted, place, whole, latest_first)
    for at, size, head, tail, score in rows:
        if len(found) == most:
            return at, found
        listed = entries.listed(of, size, head, tail, float(score), at)
        if wanted.matches(listed.record) or (listed.cut and not (wanted.kind or wanted.error)):
            found.append(listed)
    return seen, found


def _look(
    of: Queue | JobSet, wanted: Search, place: int, whole: int, latest_first: bool
) -> tuple[int, Iterator[tuple[int, int, bytes, bytes, bytes]]]:
    kind = "list" if isinstance(of, Queue) else "latest" if latest_first else "zset"
    arguments: list[Any] = [kind, place, STEP, whole, entries.ENDS, MOST_BYTES, *wanted.needles()]
    seen, *flat = scripts.run(of.redis, scripts.SEARCH, [of.key], *arguments)
    five = iter(flat)
    return seen, zip(five, five, five, five, five, strict=True)


def _inside(value: object) -> str:
    """A value as it is compared: as JSON without the signs around it, in small letters."""
    text = json.dumps(value, ensure_ascii=False)
    return (text if isinstance(value, int | float) else text[1:-1]).lower()


def _can_be_asked_for(value: str) -> bool:
    """Whether an address can hold it: not half a surrogate pair, and not 100,000 characters."""
    return 0 < len(value) <= LONGEST and value == value.strip() and value.encode(errors="replace").decode() == value
