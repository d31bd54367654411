"""What the buttons do. Each sends a POST with the visitor's token; the page then reloads and says what was done."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from ..api import Queue, SortedEntry
from ..overview import Process, ProcessSet
from . import reading
from .pages import asked
from .reading import SHELVES
from .security import say
from .words import jobs, line, web_name

actions = flask.Blueprint("actions", __name__)

ONE = {"retry": SortedEntry.retry, "kill": SortedEntry.kill, "delete": SortedEntry.delete}
DONE = {"retry": "put back into the queue", "kill": "moved to the dead", "delete": "deleted"}
SIGNALS = {"quiet": Process.quiet, "stop": Process.stop}


@actions.post("/<any(retries, scheduled, dead):name>")
def some(name: str) -> Response:
    """Retry, kill or delete the selected jobs of a sorted set."""
    do = _one_of(SHELVES[name].does)
    keys = flask.request.form.getlist("key")
    found = reading.entries(SHELVES[name].kind(reading.client()), keys)
    done = sum(ONE[do](entry) for entry in found)
    if not keys:
        say("No job was selected, so nothing was done.")
    elif gone := len(set(keys)) - done:
        told = f"{jobs(done)} {_was(done)} {DONE[do]}; " if done else ""
        say(f"{told}{jobs(gone)} {_was(gone)} not there any more.")
    else:
        say(f"{jobs(done)} {_was(done)} {DONE[do]}.")
    return flask.redirect(flask.url_for("pages.shelf", name=name, page=flask.request.form.get("page")), 303)


@actions.post("/<any(retries, scheduled, dead):name>/all")
def all_of_them(name: str) -> Response:
    """Retry, kill or delete every job of a sorted set."""
    do = _one_of(SHELVES[name].does)
    it = SHELVES[name].kind(reading.client())
    done = {"retry": it.retry_all, "kill": it.kill_all, "delete": it.clear}[do]()
    say(f"{jobs(done)} {_was(done)} {DONE[do]}.")
    return flask.redirect(flask.url_for("pages.shelf", name=name), 303)


@actions.post("/queue/job")
def queued() -> Response:
    """Delete the selected jobs of a queue."""
    queue = Queue(asked("name"), reading.client())
    keys = flask.request.form.getlist("key")
    found = [record for key in keys if (record := reading.record(queue, key))]
    done = sum(record.delete() for record in found)
    gone = len(keys) - done
    told = f"{jobs(done)} {_was(done)} deleted" + (f"; {jobs(gone)} {_was(gone)} not there any more." if gone else ".")
    say(told if keys else "No job was selected, so nothing was done.")
    return flask.redirect(flask.url_for("pages.queue", name=web_name(queue.name), page=flask.request.form.get("page")), 303)


@actions.post("/queue/clear")
def clear_queue() -> Response:
    """Delete every job of a queue."""
    queue = Queue(asked("name"), reading.client())
    done = queue.clear()
    say(f"{jobs(done)} {_was(done)} deleted from the queue {line(queue.name)}.")
    return flask.redirect(flask.url_for("pages.queues"), 303)


@actions.post("/busy")
def signal() -> Response:
    """Ask a process to fetch no more jobs, or to stop."""
    do, identity = _one_of(SIGNALS), asked("identity")
    process = ProcessSet(reading.client()).find(identity)
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


def _one_of(known: object) -> str:
    do = asked("do")
    if do not in known:  # type: ignore[operator]
        flask.abort(400, "No button does that.")
    return do


def _was(count: int) -> str:
    return "was" if count == 1 else "were"
