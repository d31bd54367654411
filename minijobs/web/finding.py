"""The page that looks for a job wherever it may be: among those that run, in the sorted sets and in the queues."""

from __future__ import annotations

import time
from typing import NamedTuple

import flask

from ..api import JobSet, Queue
from ..overview import Work
from . import entries, parameters, reading, searching
from .reading import SHELVES, Numbers, Shelf
from .rendering import show
from .searching import Found, Search

finding = flask.Blueprint("finding", __name__)

FEW = 5  # jobs that are shown of each place
MOST_QUEUES = 12  # that are searched: those with the most jobs, among the first by name


class Place(NamedTuple):
    """A sorted set or a queue, and what was found there."""

    name: str
    of: Queue | JobSet
    shelf: Shelf | None
    found: Found


@finding.get("/search")
def search() -> bytes:
    """Jobs that match, from wherever they are. With the parameter `in` only from one place, from a place in it on."""
    redis, wanted = reading.client(), searching.asked()
    found, start = reading.numbers(redis), 0
    places = _places(found) if wanted.words else []
    if name := flask.request.args.get("in"):
        places = [place for place in places if place.name == name]
        start = parameters.first_place()
        places = [place._replace(found=place.found._replace(place=start)) for place in places]
    running = _running(found, wanted) if wanted.words and not name else []
    values = {
        "search": wanted,
        "places": _looked_at(places, wanted),
        "running": running,
        "only": name,
        "start": start,
        "few": FEW,
    }
    return show("search.html", "Search", found, unsearched=max(0, found.queues - MOST_QUEUES), **values)


def _places(numbers: Numbers) -> list[Place]:
    """Where jobs wait. Nothing is looked at yet."""
    redis = reading.client()
    shelves = [Place(name, shelf.kind(redis), shelf, Found([], 0, numbers.sizes[name])) for name, shelf in SHELVES.items()]
    rows = sorted(reading.queues(redis), key=lambda row: -(row.size or 0))[:MOST_QUEUES]
    queues = [Place(f"queue:{row.name}", Queue(row.name, redis), None, Found([], 0, row.size or 0)) for row in rows]
    return shelves + queues


def _looked_at(places: list[Place], wanted: Search) -> list[Place]:
    """The same places with what was found, one step in each after the other, as far as a request may go."""
    began, looks = time.monotonic(), 0
    while waiting := [at for at, (*_, found) in enumerate(places) if not found.over and len(found.listed) < FEW]:
        for at in waiting:
            if looks >= searching.STEPS or (looks and time.monotonic() - began > searching.PATIENCE):
                return places
            looks += 1
            places[at] = _one_step(places[at], wanted)
    return places


def _one_step(place: Place, wanted: Search) -> Place:
    listed, reached, size = place.found
    latest = place.name == "dead"
    after, more = searching.step(place.of, wanted, reached, entries.WHOLE, FEW - len(listed), latest_first=latest)
    return place._replace(found=Found(listed + more, after, size))


def _running(numbers: Numbers, wanted: Search) -> list[Work]:
    """What threads are running now, as far as the page of the processes shows it."""
    work = reading.work(reading.client(), numbers.processes[: entries.PER_PAGE])
    return [one for works in work.values() for one in works if wanted.matches(one.job)]
