"""The pages. Each is read from Redis when requested; no state is kept, so any number of processes may serve them."""

from __future__ import annotations

from typing import Any

import flask

from ..stats import Stats
from . import entries, parameters, reading, searching, words
from .entries import PER_PAGE
from .reading import SHELVES
from .rendering import download, show, show_found, show_job, show_question

pages = flask.Blueprint("pages", __name__)

DAYS = {7: "1 week", 30: "1 month", 90: "3 months", 180: "6 months"}


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
    page, last = parameters.page(len(found.processes))
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
    page, last = parameters.page(found.queues)
    return show("queues.html", "Queues", found, queues=reading.queues(redis, (page - 1) * PER_PAGE), page=page, last=last)


@pages.get("/queue")
def queue() -> bytes:
    """The jobs waiting in one queue, the next one first."""
    found = parameters.queue()
    wanted = searching.asked()
    if wanted.words:
        return show_found("queue.html", f"Queue {words.line(found.name)}", found, wanted, queue=found)
    size = len(found)
    page, last = parameters.page(size)
    listed = entries.page(found, (page - 1) * PER_PAGE)
    values: dict[str, Any] = {"size": size, "listed": listed, "page": page, "last": last, "tally": parameters.tally(found)}
    return show("queue.html", f"Queue {words.line(found.name)}", queue=found, **values)


@pages.get("/queue/job")
def queued_job() -> bytes:
    """One job waiting in a queue."""
    return show_job(parameters.queued_job(entries.SHOWN), queue=parameters.queue())


@pages.get("/queue/raw")
def queued_raw() -> flask.Response:
    """The entry of one job waiting in a queue, as it is in Redis."""
    return download(parameters.queued_job())


@pages.get("/queue/clear")
def ask_queue() -> bytes:
    """Ask for confirmation before a queue is cleared, or all jobs in it that match a search are deleted."""
    found = parameters.queue()
    size, complete, wanted = parameters.count(found)
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
    page, last = parameters.page(size)
    start = (page - 1) * PER_PAGE
    if name == "dead":
        end = size - start
        listed = entries.page(jobs, max(0, end - PER_PAGE), min(end, PER_PAGE))[::-1] if end > 0 else []
    else:
        listed = entries.page(jobs, start)
    values: dict[str, Any] = {"size": size, "listed": listed, "page": page, "last": last, "tally": parameters.tally(jobs)}
    return show("shelf.html", it.title, shelf=it, **values)


@pages.get("/<any(retries, scheduled, dead):name>/<key>")
def job(name: str, key: str) -> bytes:
    """One job of a sorted set."""
    return show_job(parameters.shelved_job(name, key, entries.SHOWN), shelf=SHELVES[name])


@pages.get("/<any(retries, scheduled, dead):name>/<key>/raw")
def raw(name: str, key: str) -> flask.Response:
    """The entry of one job of a sorted set, as it is in Redis."""
    return download(parameters.shelved_job(name, key))


@pages.get("/<any(retries, scheduled, dead):name>/all/<any(retry, kill, delete):do>")
def ask_all(name: str, do: str) -> bytes:
    """Ask for confirmation before all jobs of a sorted set, or all that match a search, are moved or deleted."""
    it = SHELVES[name]
    if do not in it.does:
        flask.abort(404)
    size, complete, wanted = parameters.count(it.kind(reading.client()))
    return show_question(do, size, shelf=it, wanted=wanted, complete=complete)
