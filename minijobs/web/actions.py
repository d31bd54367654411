"""What the buttons do. Each sends a POST with the visitor's token; the page then reloads and says what was done.

What deletes asks first, and says how many. What takes longer than one request should is done in several: of the jobs that
are left, it asks again, and with JavaScript the page answers that by itself.
"""

from __future__ import annotations

import flask
from flask.typing import ResponseReturnValue as Answer
from werkzeug.wrappers import Response

from ..api import JobSet, Queue, SortedEntry
from ..overview import SIGNAL_FOR, Process
from . import entries, moving, parameters, reading, scripts, searching, words
from .moving import Moved
from .reading import SHELVES
from .rendering import show_question
from .security import say
from .words import jobs, line, processes, web_name

actions = flask.Blueprint("actions", __name__)

DONE = {"retry": "put back into the queue", "kill": "moved to the dead", "delete": "deleted"}
FARTHEST = 5_256_000  # minutes, ten years
SIGNALS = {"quiet": Process.quiet, "stop": Process.stop}


@actions.post("/<any(retries, scheduled, dead):name>")
def some(name: str) -> Answer:
    """Retry, kill or delete the selected jobs of a sorted set."""
    do = _one_of(SHELVES[name].does)
    keys = _keys()
    it = SHELVES[name].kind(reading.client())
    found = entries.find(it, keys)
    if do == "delete" and found and "sure" not in flask.request.form:
        return show_question(do, len(found), shelf=SHELVES[name], keys=keys)
    moved = moving.move(it, [one.record.raw for one in found], do)
    _report(do, moved, len(keys) - moved.all, asked=bool(keys))
    return _back("pages.shelf", name=name)


@actions.post("/<any(retries, scheduled, dead):name>/all")
def all_of_them(name: str) -> Answer:
    """Retry, kill or delete every job of a sorted set, or every one that matches a search."""
    do = _one_of(SHELVES[name].does)
    it = SHELVES[name].kind(reading.client())
    most = _most(it)
    if (wanted := searching.asked()).words:
        moved, place = moving.move_matching(it, wanted, do, most, _start())
        done = moved.done + _done_before()
        if place is not None:
            return show_question(do, most - moved.all, shelf=SHELVES[name], wanted=wanted, done=done, start=place)
        _report(do, moved._replace(done=done))
        return _back("pages.shelf", name=name)
    moved = moving.move_all(it, do, most)
    left = min(most - moved.all, len(it) - moved.stuck)
    done = moved.done + _done_before()
    if left > 0 and moved.done:
        return show_question(do, left, shelf=SHELVES[name], done=done)
    _report(do, moved._replace(done=done))
    return _back("pages.shelf", name=name)


@actions.post("/<any(retries, scheduled):name>/reschedule")
def reschedule(name: str) -> Answer:
    """Set the time of one job, in minutes from now."""
    minutes = flask.request.form.get("minutes", type=float)
    if minutes is None or not 0 <= minutes <= FARTHEST:  # not NaN either
        flask.abort(400, f"A job can be rescheduled to 0 to {FARTHEST:,} minutes from now.")
    found = entries.find(SHELVES[name].kind(reading.client()), [parameters.text("key")], entries.WHOLE)
    record = found[0].record if found and not found[0].cut else None
    if isinstance(record, SortedEntry) and record.reschedule(reading.now() + 60 * minutes):
        say(f"1 job was rescheduled to {words.from_now(record.score, reading.now())}.")
    else:
        say("1 job was too large to be rescheduled." if found and found[0].cut else "1 job was not there any more.")
    return _back("pages.shelf", name=name)


@actions.post("/queue/job")
def queued() -> Answer:
    """Delete the selected jobs of a queue."""
    queue, keys = parameters.queue(), _keys()
    found = entries.find(queue, keys)
    if found and "sure" not in flask.request.form:
        return show_question("delete", len(found), queue=queue, keys=keys)
    raws = [one.record.raw for one in found]
    done = scripts.run(queue.redis, scripts.DELETE, [queue.key], *raws) if raws else 0
    _report("delete", Moved(done), len(keys) - done, asked=bool(keys))
    return _back("pages.queue", name=web_name(queue.name))


@actions.post("/queue/clear")
def clear_queue() -> Answer:
    """Delete every job of a queue, or every one that matches a search."""
    queue = parameters.queue()
    most = _most(queue)
    if (wanted := searching.asked()).words:
        moved, place = moving.move_matching(queue, wanted, "delete", most, _start())
        done = moved.done + _done_before()
        if place is not None:
            return show_question("delete", most - moved.all, queue=queue, wanted=wanted, done=done, start=place)
        _report("delete", Moved(done))
        return _back("pages.queue", name=web_name(queue.name))
    gone = moving.clear(queue, most)
    left, done = min(most - gone, len(queue)), gone + _done_before()
    if left > 0 and gone:
        return show_question("delete", left, queue=queue, done=done)
    say(f"{jobs(done)} {_was(done)} deleted from the queue {line(queue.name)}.")
    return flask.redirect(flask.url_for("pages.queues"), 303)


@actions.post("/busy")
def signal() -> Answer:
    """Ask a process to fetch no more jobs, or to stop."""
    do, identity = _one_of(SIGNALS), parameters.text("identity")
    found = reading.numbers(reading.client()).processes
    process = next((process for process in found if process.identity == identity), None)
    if process is None:
        say(f"The process {line(identity)} is not there any more.")
    else:
        try:
            SIGNALS[do](process)
        except RuntimeError as refused:
            flask.abort(400, str(refused))
        asked_to = "fetch no more jobs" if do == "quiet" else "stop"
        say(f"The process {line(identity)} was asked to {asked_to}; it hears that at its next heartbeat.")
    return flask.redirect(flask.url_for("pages.busy"), 303)


@actions.post("/busy/all")
def signal_all() -> Answer:
    """Ask all processes, but those that are part of another application, to fetch no more jobs, or to stop."""
    do = _one_of(SIGNALS)
    redis = reading.client()
    found = reading.free(reading.numbers(redis).processes)
    keys = [f"{process.identity}-signals".encode(errors="backslashreplace") for process in found]
    scripts.run(redis, scripts.SIGNAL, keys, "TSTP" if do == "quiet" else "TERM", SIGNAL_FOR)
    asked_to = "fetch no more jobs" if do == "quiet" else "stop"
    said = f"{processes(len(found))} {_was(len(found))} asked to {asked_to}"
    say(f"{said}; each hears that at its next heartbeat." if found else "No process is there to be asked.")
    return flask.redirect(flask.url_for("pages.busy"), 303)


def _keys() -> tuple[str, ...]:
    """The selected jobs, each once; 400 if there are more than a page has."""
    keys = tuple(dict.fromkeys(flask.request.form.getlist("key")))
    if len(keys) > entries.PER_PAGE:
        flask.abort(400, f"{len(keys):,} jobs were selected, and a page has {entries.PER_PAGE}.")
    return keys


def _most(of: Queue | JobSet) -> int:
    """To how many jobs it is to be done: those that the question named, or all that are there now."""
    most, now = flask.request.form.get("count", type=int), len(of)
    return now if most is None else max(0, min(most, now))


def _start() -> int:
    """The place at which an earlier request stopped."""
    return max(0, min(flask.request.form.get("from", 0, type=int), 10**12))


def _done_before() -> int:
    """To how many jobs it was done by the requests before this one. Only shown, so nobody has to believe it."""
    return max(0, min(flask.request.form.get("done", 0, type=int), 10**12))


def _report(do: str, moved: Moved, gone: int = 0, *, asked: bool = True) -> None:
    """Say what was done, and what was not. `gone` are the jobs that were selected and not found."""
    told = []
    if moved.done or not (gone or moved.buried or moved.stuck):
        told.append(f"{jobs(moved.done)} {_was(moved.done)} {DONE[do]}")
    if moved.buried:
        told.append(
            f"{moved.buried:,} {'is' if moved.buried == 1 else 'are'} no job and {_was(moved.buried)} moved to the dead"
        )
    if gone > 0:
        told.append(f"{jobs(gone)} {_was(gone)} not there any more")
    if moved.stuck:
        told.append(f"{jobs(moved.stuck)} cannot be moved, being no job or because a key in Redis is of another type")
    say(f"{'; '.join(told)}." if asked else "No job was selected, so nothing was done.")


def _back(endpoint: str, name: str | bytes) -> Response:
    return flask.redirect(flask.url_for(endpoint, name=name, page=parameters.listed_page()), 303)


def _one_of(known: object) -> str:
    do = parameters.text("do")
    if do not in known:  # type: ignore[operator]
        flask.abort(400, "No button does that.")
    return do


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
