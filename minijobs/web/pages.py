"""The pages. Each is read from Redis when requested; no state is kept, so any number of processes may serve them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import flask

from .. import connection
from ..api import JobRecord, Queue
from ..job import BadPayload, load
from ..overview import Stats, WorkSet
from . import reading, words
from .reading import PER_PAGE, SHELVES, Numbers, Shelf

pages = flask.Blueprint("pages", __name__)

DAYS = {7: "1 week", 30: "1 month", 90: "3 months", 180: "6 months"}

# Fields that a job's own page shows separately, not in the table of the other fields.
SHOWN_ELSEWHERE = {"class", "args", "jid", "error_class", "error_message", "error_backtrace"}
TIMES = ("created_at", "enqueued_at", "failed_at", "retried_at", "at")


@pages.get("/")
def overview() -> bytes:
    """Statistics, their history, the processes and the queues."""
    days = flask.request.args.get("days", 30, type=int)
    days = days if days in DAYS else 30
    redis = reading.client()
    found, history = reading.numbers(redis), Stats(redis).history(days)
    latencies = reading.latencies(redis, found.queues)
    values = {"history": history, "days": days, "ranges": DAYS, "work": WorkSet(redis), "latencies": latencies}
    return show("overview.html", "Overview", found, **values)


@pages.get("/busy")
def busy() -> bytes:
    """The worker processes, and what each thread is doing."""
    return show("busy.html", "Busy", work=WorkSet(reading.client()))


@pages.get("/queues")
def queues() -> bytes:
    """The queues, how many jobs are waiting in each, and for how long."""
    redis = reading.client()
    found = reading.numbers(redis)
    return show("queues.html", "Queues", found, latencies=reading.latencies(redis, found.queues))


@pages.get("/queue")
def queue() -> bytes:
    """The jobs waiting in one queue, the next one first."""
    found = Queue(asked("name"), reading.client())
    size = len(found)
    page, last = _page(size)
    start = (page - 1) * PER_PAGE
    entries = list(enumerate(found.page(start, PER_PAGE), start))
    return show(
        "queue.html", f"Queue {words.line(found.name)}", queue=found, size=size, entries=entries, page=page, last=last
    )


@pages.get("/queue/job")
def queued_job() -> bytes:
    """One job waiting in a queue."""
    return show_job(queued_record(), queue=Queue(asked("name"), reading.client()))


@pages.get("/queue/raw")
def queued_raw() -> flask.Response:
    """The entry of one job waiting in a queue, as it is in Redis."""
    return download(queued_record())


@pages.get("/queue/clear")
def ask_queue() -> bytes:
    """Ask for confirmation before a queue is cleared."""
    found = Queue(asked("name"), reading.client())
    return show("ask.html", "Clear a queue", queue=found, size=len(found), do="delete", shelf=None)


@pages.get("/<any(retries, scheduled, dead):name>")
def shelf(name: str) -> bytes:
    """The jobs of a sorted set, earliest first; dead jobs are shown latest first."""
    it = SHELVES[name]
    jobs = it.kind(reading.client())
    size = len(jobs)
    page, last = _page(size)
    start = (page - 1) * PER_PAGE
    if name == "dead":
        end = size - start
        entries = jobs.page(max(0, end - PER_PAGE), min(end, PER_PAGE))[::-1] if end > 0 else []
    else:
        entries = jobs.page(start, PER_PAGE)
    return show("shelf.html", it.title, shelf=it, size=size, entries=entries, page=page, last=last)


@pages.get("/<any(retries, scheduled, dead):name>/<key>")
def job(name: str, key: str) -> bytes:
    """One job of a sorted set."""
    return show_job(shelved_record(name, key), shelf=SHELVES[name])


@pages.get("/<any(retries, scheduled, dead):name>/<key>/raw")
def raw(name: str, key: str) -> flask.Response:
    """The entry of one job of a sorted set, as it is in Redis."""
    return download(shelved_record(name, key))


@pages.get("/<any(retries, scheduled, dead):name>/all/<any(retry, kill, delete):do>")
def ask_all(name: str, do: str) -> bytes:
    """Ask for confirmation before all jobs of a sorted set are moved or deleted."""
    it = SHELVES[name]
    if do not in it.does:
        flask.abort(404)
    return show("ask.html", f"{it.does[do]}: all", shelf=it, size=len(it.kind(reading.client())), do=do)


def queued_record() -> JobRecord:
    """The job in a queue that the request names; 404 if it is gone."""
    record = reading.record(Queue(asked("name"), reading.client()), asked("key"))
    if record is None:
        flask.abort(404, "This job is not in its queue any more: it was taken to be run, or deleted.")
    return record


def shelved_record(name: str, key: str) -> JobRecord:
    """The job in a sorted set that the request names; 404 if it is gone."""
    found = reading.entries(SHELVES[name].kind(reading.client()), [key])
    if not found:
        flask.abort(404, f"This job is not in {SHELVES[name].kind.name} any more: it was moved, or deleted.")
    return found[0]


def download(record: JobRecord) -> flask.Response:
    """An entry as a file to download. The browser does not display it, so it can do no harm."""
    headers = {"Content-Disposition": 'attachment; filename="job.json"'}
    return flask.Response(record.raw, headers=headers, mimetype="application/octet-stream")


def show(template: str, title: str, numbers: Numbers | None = None, **values: Any) -> bytes:
    """Render a page. The numbers at its top are read now, unless they are given."""
    redis = reading.client()
    values["here"] = (flask.request.view_args or {}).get("name") or flask.request.endpoint
    values |= {"numbers": numbers or reading.numbers(redis), "redis_at": connection.address(redis)}
    return words.as_bytes(flask.render_template(template, title=title, **values))


def show_job(record: JobRecord, *, shelf: Shelf | None = None, queue: Queue | None = None) -> bytes:
    """Render a job's own page."""
    wrong = None
    try:
        load(record.raw)
    except BadPayload as error:
        wrong = str(error)
    fields = {name: value for name, value in record.item.items() if name not in SHOWN_ELSEWHERE}
    times = {name: moment for name in TIMES if (moment := record.at(name)) is not None}
    title = words.line(record.class_name) or "No job"
    return show("job.html", title, entry=record, fields=fields, times=times, wrong=wrong, shelf=shelf, queue=queue)


def asked(name: str) -> str:
    """A parameter of the address or of the form; 400 if it is missing."""
    word = flask.request.values.get(name)
    if word is None:
        flask.abort(400, f"The address is not complete: {name} is missing.")
    address = parse_qs(flask.request.query_string.decode("latin-1"), keep_blank_values=True, errors="surrogateescape")
    return address.get(name, [word])[0]  # Flask would change a name that is not UTF-8


def _page(size: int) -> tuple[int, int]:
    """The number of the requested page, and that of the last page."""
    last = max(1, -(-size // PER_PAGE))
    return min(max(1, flask.request.args.get("page", 1, type=int)), last), last
