"""Searches a queue or a sorted set: text in a job's id, class, arguments, error and tags, narrowed by class and by error.

Redis looks for the text in the entries as they are, some thousands in one step, and returns those that contain it. Whether
it is in one of those fields is seen here. A request stops when its page is full or its time is over, and says how far it
came; the next one goes on from there.
"""

from __future__ import annotations

import json
import re
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
    """Between quotation marks, it is looked for as a whole word."""
    kind: str = ""
    """The name of a Worker."""
    error: str = ""
    """The class of an error."""

    @property
    def words(self) -> dict[str, str]:
        """The same as parameters of an address; empty if nothing is looked for."""
        return {name: word for name, word in zip(("find", "class", "error"), self, strict=True) if word}

    @property
    def whole(self) -> bool:
        """Whether the text is to be a whole word: "471" is no part of 4711."""
        return len(self.text) > 2 and self.text[0] == self.text[-1] == '"'

    @property
    def word(self) -> str:
        """The text without its quotation marks."""
        return self.text[1:-1] if self.whole else self.text

    def matches(self, record: JobRecord) -> bool:
        """Whether this job is one of those that are looked for. Upper and lower case are the same.

        >>> job = JobRecord(b'{"class":"SendGif","args":["Ada"],"jid":"5a","error_class":"OSError","queue":"mail"}')
        >>> [Search(text).matches(job) for text in ("ada", "gif", "5A", "oserr", "mail")]
        [True, True, True, True, False]
        >>> Search("ada", kind="SendGif").matches(job), Search(kind="Send").matches(job)
        (True, False)
        >>> Search('"ada"').matches(job), Search('"ad"').matches(job)
        (True, False)
        """
        if (self.kind and self.kind != record.class_name) or (self.error and self.error != record["error_class"]):
            return False
        if not self.text:
            return True
        return self._in(record.jid, record["tags"], *_in_tables(record))

    def elsewhere(self, record: JobRecord) -> str:
        """The jid or the tags, if only these contain the text: a table does not show them."""
        if not self.text or self._in(*_in_tables(record)):
            return ""
        hidden = {"jid": record.jid, "tags": record["tags"]}
        return next((f"{name}: {_inside(value)}" for name, value in hidden.items() if self._in(value)), "")

    def _in(self, *fields: object) -> bool:
        text, word = "\n".join(_inside(field) for field in fields if field is not None), _inside(self.word)
        if not self.whole:
            return word in text
        before, after = (r"\b" if re.match(r"\w", end) else "" for end in (word[0], word[-1]))
        return re.search(before + re.escape(word) + after, text) is not None

    def needles(self) -> list[bytes]:
        """What Redis looks for: any of these in the bytes of an entry, whose ASCII letters are made small."""
        word = self.word or json.dumps(self.kind or self.error, ensure_ascii=False)
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
    return most_frequent(Counter(value for one in listed if isinstance(value := one.record[field], str)))


def most_frequent(values: Counter[str]) -> list[tuple[str, int]]:
    """The most frequent of these that an address can ask for, and how frequent each is."""
    return Counter({value: number for value, number in values.items() if _can_be_asked_for(value)}).most_common(CHIPS)


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


def _in_tables(record: JobRecord) -> tuple[object, ...]:
    """What a table shows of a job."""
    return record.class_name, record.args, record["error_class"], record["error_message"]


def _inside(value: object) -> str:
    """A value as it is compared: as JSON without the signs around it, in small letters."""
    text = json.dumps(value, ensure_ascii=False)
    return (text if isinstance(value, int | float) else text[1:-1]).lower()


def _can_be_asked_for(value: str) -> bool:
    """Whether an address can hold it: not half a surrogate pair, and not 100,000 characters."""
    return 0 < len(value) <= LONGEST and value == value.strip() and value.encode(errors="replace").decode() == value
