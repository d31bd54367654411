"""The pages. Each is read from Redis when requested; no state is kept, so any number of processes may serve them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import flask

from .. import connection
from ..api import JobSet, Queue
from ..job import BadPayload, load
from ..stats import Stats
from . import counting, entries, life, reading, searching, words
from .counting import Tally
from .entries import PER_PAGE, Listed
from .reading import SHELVES, Numbers, Shelf
from .searching import Search

pages = flask.Blueprint("pages", __name__)

DAYS = {7: "1 week", 30: "1 month", 90: "3 months", 180: "6 months"}

# Fields that a job's own page shows separately, not in the table of the other fields.
SHOWN_ELSEWHERE = {"class", "args", "jid", "error_class", "error_message", "error_backtrace"}
TIMES = ("created_at", "enqueued_at", "failed_at", "retried_at", "at")

LONGEST_NAME = 10_000  # bytes of the name of a queue or a process, or of a key


@pages.get("/")
def overview() -> bytes:
    """What there is now, statistics and their history, the processes and the queues."""
    days = flask.request.args.get("days", 30, type=int)
    days = days if days in DAYS else 30
    redis = reading.client()
    found = reading.numbers(redis)
    history = Stats(redis).history(days)
    values = {"history": history, "days": days, "ranges": DAYS, "queues": reading.queues(redis)}
    values |= {"today": next(iter(history.values())), "next_due": reading.next_due(redis)}
    shown = found.processes[:PER_PAGE]
    return show("overview.html", "Overview", found, processes=shown, work=reading.work(redis, shown), **values)


@pages.get("/busy")
def busy() -> bytes:
    """The worker processes, and what each thread is doing."""
    redis = reading.client()
    found = reading.numbers(redis)
    page, last = _page(len(found.processes))
    shown = found.processes[(page - 1) * PER_PAGE : page * PER_PAGE]
    return show("busy.html", "Busy", found, processes=shown, work=reading.work(redis, shown), page=page, last=last)


@pages.get("/busy/all/<any(quiet, stop):do>")
def ask_processes(do: str) -> bytes:
    """Ask for confirmation before all processes are asked to fetch no more jobs, or to stop."""
    found = reading.numbers(reading.client())
    count = len(reading.free(found.processes))
    return show("ask_processes.html", f"{words.DO[do]} {words.processes(count)}?", found, do=do, count=count)


@pages.get("/queues")
def queues() -> bytes:
    """The queues, how many jobs are waiting in each, and for how long."""
    redis = reading.client()
    found = reading.numbers(redis)
    page, last = _page(found.queues)
    return show("queues.html", "Queues", found, queues=reading.queues(redis, (page - 1) * PER_PAGE), page=page, last=last)


@pages.get("/queue")
def queue() -> bytes:
    """The jobs waiting in one queue, the next one first."""
    found = asked_queue()
    wanted = searching.asked()
    if wanted.words:
        return show_found("queue.html", f"Queue {words.line(found.name)}", found, wanted, queue=found)
    size = len(found)
    page, last = _page(size)
    listed = entries.page(found, (page - 1) * PER_PAGE)
    values: dict[str, Any] = {"size": size, "listed": listed, "page": page, "last": last, "tally": _tally(found)}
    return show("queue.html", f"Queue {words.line(found.name)}", queue=found, **values)


@pages.get("/queue/job")
def queued_job() -> bytes:
    """One job waiting in a queue."""
    return show_job(queued(entries.SHOWN), queue=asked_queue())


@pages.get("/queue/raw")
def queued_raw() -> flask.Response:
    """The entry of one job waiting in a queue, as it is in Redis."""
    return download(queued())


@pages.get("/queue/clear")
def ask_queue() -> bytes:
    """Ask for confirmation before a queue is cleared, or all jobs in it that match a search are deleted."""
    found = asked_queue()
    size, complete, wanted = _asked_for(found)
    return show_question("delete", size, queue=found, wanted=wanted, complete=complete)


@pages.get("/<any(retries, scheduled, dead):name>")
def shelf(name: str) -> bytes:
    """The jobs of a sorted set, earliest first; dead jobs are shown latest first."""
    it = SHELVES[name]
    jobs = it.kind(reading.client())
    wanted = searching.asked()
    if wanted.words:
        return show_found("shelf.html", it.title, jobs, wanted, shelf=it)
    size = len(jobs)
    page, last = _page(size)
    start = (page - 1) * PER_PAGE
    if name == "dead":
        end = size - start
        listed = entries.page(jobs, max(0, end - PER_PAGE), min(end, PER_PAGE))[::-1] if end > 0 else []
    else:
        listed = entries.page(jobs, start)
    values: dict[str, Any] = {"size": size, "listed": listed, "page": page, "last": last, "tally": _tally(jobs)}
    return show("shelf.html", it.title, shelf=it, **values)


@pages.get("/<any(retries, scheduled, dead):name>/<key>")
def job(name: str, key: str) -> bytes:
    """One job of a sorted set."""
    return show_job(shelved(name, key, entries.SHOWN), shelf=SHELVES[name])


@pages.get("/<any(retries, scheduled, dead):name>/<key>/raw")
def raw(name: str, key: str) -> flask.Response:
    """The entry of one job of a sorted set, as it is in Redis."""
    return download(shelved(name, key))


@pages.get("/<any(retries, scheduled, dead):name>/all/<any(retry, kill, delete):do>")
def ask_all(name: str, do: str) -> bytes:
    """Ask for confirmation before all jobs of a sorted set, or all that match a search, are moved or deleted."""
    it = SHELVES[name]
    if do not in it.does:
        flask.abort(404)
    size, complete, wanted = _asked_for(it.kind(reading.client()))
    return show_question(do, size, shelf=it, wanted=wanted, complete=complete)


def _asked_for(of: Queue | JobSet) -> tuple[int, bool, Search]:
    """How many jobs are asked for, whether these are all, and what is looked for, if anything is."""
    wanted = searching.asked()
    return (*(counting.count(of, wanted) if wanted.words else (len(of), True)), wanted)


def _tally(of: Queue | JobSet) -> Tally | None:
    """How many there are of each class and error, if the request asks for that."""
    return counting.tally(of) if flask.request.args.get("count") == "all" else None


def asked_queue() -> Queue:
    """The queue that the request names."""
    return Queue(asked("name"), reading.client())


def queued(whole: int = entries.WITHOUT_LIMIT) -> Listed:
    """The job in a queue that the request names, whole if it has no more bytes than that; 404 if it is gone."""
    return _found(asked_queue(), asked("key"), whole, "its queue", "it was taken to be run, or deleted")


def shelved(name: str, key: str, whole: int = entries.WITHOUT_LIMIT) -> Listed:
    """The job in a sorted set that the request names, whole if it has no more bytes than that; 404 if it is gone."""
    jobs = SHELVES[name].kind(reading.client())
    return _found(jobs, key, whole, jobs.name, "it was moved, or deleted")


def _found(of: Queue | JobSet, key: str, whole: int, where: str, why: str) -> Listed:
    found = entries.find(of, [key], whole)
    if not found:
        flask.abort(404, f"This job is not in {where} any more: {why}.")
    return found[0]


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
    start = first_place()
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
    values |= {"complete": complete, "done": done, "start": start, "page": listed_page()}
    return show("ask.html", f"{words.DO[do]} {words.jobs(size)}?", **values)


def asked(name: str) -> str:
    """A parameter of the address or of the form; 400 if it is missing, or too long to be the name of anything."""
    word = flask.request.values.get(name)
    if word is None:
        flask.abort(400, f"The address is not complete: {name} is missing.")
    address = parse_qs(flask.request.query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    word = address.get(name, [word])[0]  # Flask would change a name that is not UTF-8
    if len(word) > LONGEST_NAME:
        flask.abort(400, f"The address is wrong: {name} has {len(word):,} characters.")
    return word


def first_place() -> int:
    """The place in a list from which on the request searches it."""
    return max(0, min(flask.request.args.get("from", 0, type=int), 10**12))


def listed_page() -> int | None:
    """The page of the list that a form was on; None if it does not say."""
    page = flask.request.form.get("page", type=int)
    return None if page is None else max(1, min(page, 10**9))


def _page(size: int) -> tuple[int, int]:
    """The number of the requested page, and that of the last page."""
    last = max(1, -(-size // PER_PAGE))
    return min(max(1, flask.request.args.get("page", 1, type=int)), last), last
