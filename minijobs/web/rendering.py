"""Rendering the pages, each in the same frame, with the numbers at its top."""

from __future__ import annotations

from typing import Any

import flask

from .. import connection
from ..api import JobSet, Queue
from ..job import BadPayload, load
from . import life, parameters, reading, searching, words
from .entries import Listed
from .reading import Numbers, Shelf
from .searching import Search

# Fields that a job's own page shows separately, not in the table of the other fields.
SHOWN_ELSEWHERE = {"class", "args", "jid", "error_class", "error_message", "error_backtrace"}
TIMES = ("created_at", "enqueued_at", "failed_at", "retried_at", "at")


def download(found: Listed) -> flask.Response:
    """An entry as a file to download. The browser does not display it, so it can do no harm."""
    headers = {"Content-Disposition": 'attachment; filename="job.json"'}
    return flask.Response(found.record.raw, headers=headers, mimetype="application/octet-stream")


def show(template: str, title: str, numbers: Numbers | None = None, **values: Any) -> bytes:
    """Render a page. The numbers at its top are read now, unless they are given."""
    redis = reading.client()
    values["here"] = (flask.request.view_args or {}).get("name") or flask.request.endpoint
    values |= {"numbers": numbers or reading.numbers(redis), "redis_at": connection.address(redis)}
    values |= {"now": reading.now(), "clock_off": reading.clock_off()}
    return words.as_bytes(flask.render_template(template, title=title, **values))


def show_found(template: str, title: str, of: Queue | JobSet, wanted: Search, **values: Any) -> bytes:
    """Render the jobs of a list that match a search, from the place on at which an earlier request stopped."""
    start = parameters.first_place()
    found = searching.page(of, wanted, start, latest_first=of.key == "dead")
    values |= {"search": wanted, "found": found, "listed": found.listed, "size": found.size, "start": start}
    return show(template, title, page=1, last=1, **values)


def show_job(found: Listed, *, shelf: Shelf | None = None, queue: Queue | None = None) -> bytes:
    """Render a job's own page."""
    record, wrong, numbers = found.record, None, reading.numbers(reading.client())
    if not found.cut:
        try:
            load(record.raw)
        except BadPayload as error:
            wrong = str(error)
    fields = {name: value for name, value in record.item.items() if name not in SHOWN_ELSEWHERE}
    times = {name: moment for name in TIMES if (moment := record.at(name)) is not None}
    title = words.line(record.class_name) or ("A large entry" if found.cut else "No job")
    values: dict[str, Any] = {"fields": fields, "times": times, "wrong": wrong, "shelf": shelf, "queue": queue}
    if not (wrong or found.cut):
        place = shelf.kind.name if shelf else "queue"
        values["life"] = life.of(record, place, numbers.processes, now=reading.now(), ahead=found.ahead)
    return show("job.html", title, numbers, found=found, entry=record, **values)


def show_question(
    do: str,
    size: int,
    *,
    shelf: Shelf | None = None,
    queue: Queue | None = None,
    keys: tuple[str, ...] = (),
    wanted: Search | None = None,
    complete: bool = True,
    done: int = 0,
    start: int = 0,
) -> bytes:
    """Render the question whether to do that to `size` jobs: those with these keys, those that match, or all of them.

    If it is done in several requests, it is done to `done` jobs already, and goes on at the place `start`. `complete` is
    whether all jobs were looked at to find out how many match.
    """
    search = wanted or Search()
    values: dict[str, Any] = {"do": do, "size": size, "shelf": shelf, "queue": queue, "keys": keys, "search": search}
    values |= {"complete": complete, "done": done, "start": start, "page": parameters.listed_page()}
    return show("ask.html", f"{words.DO[do]} {words.jobs(size)}?", **values)
