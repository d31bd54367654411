"""What a request asks for, by the parameters of its address or its form. A wrong one is answered with 400, or bounded."""

from __future__ import annotations

from urllib.parse import parse_qs

import flask

from ..api import JobSet, Queue
from . import counting, entries, reading, searching
from .counting import Tally
from .entries import PER_PAGE, Listed
from .reading import SHELVES
from .searching import Search

LONGEST_NAME = 10_000  # bytes of the name of a queue or a process, or of a key


def text(name: str) -> str:
    """A parameter of the address or of the form; 400 if it is missing, or too long to be the name of anything."""
    word = flask.request.values.get(name)
    if word is None:
        flask.abort(400, f"The address is not complete: {name} is missing.")
    address = parse_qs(flask.request.query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    word = address.get(name, [word])[0]  # Flask would change a name that is not UTF-8
    if len(word) > LONGEST_NAME:
        flask.abort(400, f"The address is wrong: {name} has {len(word):,} characters.")
    return word


def queue() -> Queue:
    """The queue that the request names."""
    return Queue(text("name"), reading.client())


def queued_job(whole: int = entries.WITHOUT_LIMIT) -> Listed:
    """The job in a queue that the request names, whole if it has no more bytes than that; 404 if it is gone."""
    return _found(queue(), text("key"), whole, "its queue", "it was taken to be run, or deleted")


def shelved_job(name: str, key: str, whole: int = entries.WITHOUT_LIMIT) -> Listed:
    """The job in a sorted set that the request names, whole if it has no more bytes than that; 404 if it is gone."""
    jobs = SHELVES[name].kind(reading.client())
    return _found(jobs, key, whole, jobs.name, "it was moved, or deleted")


def _found(of: Queue | JobSet, key: str, whole: int, where: str, why: str) -> Listed:
    found = entries.find(of, [key], whole)
    if not found:
        flask.abort(404, f"This job is not in {where} any more: {why}.")
    return found[0]


def count(of: Queue | JobSet) -> tuple[int, bool, Search]:
    """How many jobs are asked for, whether these are all, and what is looked for, if anything is."""
    wanted = searching.asked()
    return (*(counting.count(of, wanted) if wanted.words else (len(of), True)), wanted)


def tally(of: Queue | JobSet) -> Tally | None:
    """How many there are of each class and error, if the request asks for that."""
    return counting.tally(of) if flask.request.args.get("count") == "all" else None


def first_place() -> int:
    """The place in a list from which on the request searches it."""
    return max(0, min(flask.request.args.get("from", 0, type=int), 10**12))


def listed_page() -> int | None:
    """The page of the list that a form was on; None if it does not say."""
    page = flask.request.form.get("page", type=int)
    return None if page is None else max(1, min(page, 10**9))


def page(size: int) -> tuple[int, int]:
    """The number of the requested page, and that of the last page."""
    last = max(1, -(-size // PER_PAGE))
    return min(max(1, flask.request.args.get("page", 1, type=int)), last), last
