"""Reads and finds the entries of a queue or a sorted set, in a bounded number of commands and bytes, whatever they hold.

A page refers to an entry by a key: a digest, and where to look for it, which is its score or its place in a queue. Jobs move
up in a queue while others are taken, so a search begins a little behind the old place and goes to the front, in steps that
double. An entry so large that it would slow the page down is read by its two ends only, and these name it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..api import JobRecord, JobSet, Queue, SortedEntry
from . import scripts

PER_PAGE = 25

WHOLE = 100_000  # bytes up to which a list reads an entry as a job
SHOWN = 5_000_000  # the same for the entry's own page
ENDS = 8_192  # bytes of each end of an entry that name it
WITHOUT_LIMIT = 2**40

# A search looks at so many entries around the old place, then at twice as many, and so on: 102,000 in eight steps.
CHUNK = 400
STEPS = 8
MOST_BYTES = 32_000_000  # that one step reads


class Listed(NamedTuple):
    """An entry as it was read: `cut` if it is so large that `record` was made from its beginning only.

    `ahead` is how many entries were before it in its queue when it was found by its key.
    """

    record: JobRecord
    key: str
    size: int
    cut: bool
    ahead: int = 0


def digest(raw: bytes) -> str:
    """A name for an entry, whatever it holds. An action by this name affects exactly the entry that was seen, or none."""
    return _name(len(raw), raw, b"")


def page(of: Queue | JobSet, start: int, count: int = PER_PAGE) -> list[Listed]:
    """The entries at these places, 0 being the one that is fetched next, or the earliest."""
    rows = enumerate(_at(of, start, count, WHOLE, 1, WITHOUT_LIMIT), start)
    return [listed(of, size, head, tail, float(score), place) for place, (size, head, tail, score) in rows]


def listed(of: Queue | JobSet, size: int, head: bytes, tail: bytes, score: float, place: int) -> Listed:
    """An entry as it was read, at its place in a queue or with its score in a sorted set."""
    at = str(place) if isinstance(of, Queue) else repr(score)
    record = JobRecord(head, of.name, of) if isinstance(of, Queue) else SortedEntry(head, score, of)
    return Listed(record, f"{_name(size, head, tail)}-{at}", size, bool(tail))


def first(of: JobSet, start: int, count: int, most: int) -> list[bytes]:
    """The entries of a sorted set at these places, or fewer, but at least one, if these have more than `most` bytes."""
    return [head for _, head, _, _ in _at(of, start, count, WITHOUT_LIMIT, 10, most)]


def find(of: Queue | JobSet, keys: Iterable[str], whole: int = WITHOUT_LIMIT) -> list[Listed]:
    """The entries that these keys name and that are still there, in the order of the keys; whole, up to `whole` bytes."""
    keys = list(dict.fromkeys(keys))
    found = _in_queue(of, keys, whole) if isinstance(of, Queue) else _in_set(of, keys, whole)
    return [found[key] for key in keys if key in found]


def _in_queue(queue: Queue, keys: list[str], whole: int) -> dict[str, Listed]:
    missing: dict[str, list[str]] = {}
    places = [-1]
    for key in keys:
        name, _, text = key.partition("-")
        missing.setdefault(name, []).append(key)
        places.append(int(text) if text.isdecimal() and len(text) < 12 else 0)
    found: dict[str, Listed] = {}
    end, count = min(max(places) + 1, len(queue)) + CHUNK // 2, CHUNK
    for _ in range(STEPS):
        if end <= 0 or not missing:
            break
        start = max(0, end - count)
        for place, (size, head, tail, _) in enumerate(_at(queue, start, end - start, 2 * ENDS, 100, MOST_BYTES), start):
            for key in missing.pop(_name(size, head, tail), ()):
                raw = queue.redis.lindex(queue.key, -place - 1) if tail and size <= whole else head
                if raw is not None and (size > whole or digest(raw) == key.partition("-")[0]):  # else it has just moved
                    found[key] = Listed(JobRecord(raw, queue.name, queue), key, size, size > whole, place)
        end, count = start, 2 * count
    return found


def _in_set(jobs: JobSet, keys: list[str], whole: int) -> dict[str, Listed]:
    missing: dict[float, dict[str, list[str]]] = {}
    for key in keys:
        name, _, text = key.partition("-")
        score = _score(text)
        if score is not None:
            missing.setdefault(score, {}).setdefault(name, []).append(key)
    found: dict[str, Listed] = {}
    cut: dict[str, tuple[float, int]] = {}
    offset, count = 0, CHUNK
    for _ in range(STEPS):
        if not missing:
            break
        scores = list(missing)
        seen = dict.fromkeys(scores, 0)
        searches = [(score, offset, count) for score in scores]
        for number, size, head, tail, at in _at_scores(jobs, 2 * ENDS, MOST_BYTES, searches):
            score = scores[number]
            seen[score] += 1
            for key in missing[score].pop(_name(size, head, tail), ()):
                found[key] = Listed(SortedEntry(head, score, jobs), key, size, bool(tail))
                if tail and size <= whole:
                    cut[key] = (score, at)
        missing = {score: names for score, names in missing.items() if names and seen[score] == count}
        offset, count = offset + count, 2 * count
    if cut:  # all in one command
        larger = list(cut)
        for number, size, head, *_ in _at_scores(jobs, whole, WITHOUT_LIMIT, [(*cut[key], 1) for key in larger]):
            key = larger[number]
            if digest(head) == key.partition("-")[0]:
                found[key] = Listed(SortedEntry(head, cut.pop(key)[0], jobs), key, size, False)
    return {key: one for key, one in found.items() if key not in cut}


def _score(text: str) -> float | None:
    try:
        score = float(text)
    except ValueError:
        return None
    return None if score != score else score  # NaN is nowhere


Row = tuple[int, bytes, bytes, bytes]


def _at(of: Queue | JobSet, start: int, count: int, whole: int, step: int, most: int) -> Iterator[Row]:
    kind = "list" if isinstance(of, Queue) else "zset"
    flat = iter(scripts.run(of.redis, scripts.ENTRIES, [of.key], kind, start, count, whole, ENDS, step, most))
    return zip(flat, flat, flat, flat, strict=True)


def _at_scores(
    jobs: JobSet, whole: int, most: int, searches: list[tuple[float, int, int]]
) -> Iterator[tuple[int, int, bytes, bytes, int]]:
    words: list[Any] = [word for score, offset, count in searches for word in (repr(score), offset, count)]
    flat = iter(scripts.run(jobs.redis, scripts.AT_SCORES, [jobs.key], whole, ENDS, most, *words))
    return zip(flat, flat, flat, flat, flat, strict=True)


def _name(size: int, head: bytes, tail: bytes) -> str:
    ends = head[:ENDS] + (tail or head)[-ENDS:]
    return hashlib.sha256(b"%d " % size + ends).hexdigest()[:24]
