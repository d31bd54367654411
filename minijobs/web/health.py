"""For programs that watch: the numbers as JSON at /stats, and whether anything is wrong at /health."""

from __future__ import annotations

import flask
from redis import RedisError

from .. import connection
from ..console import stretch
from . import reading, words

health = flask.Blueprint("health", __name__)

CLOCK_OFF = 5  # seconds from which on a clock counts as wrong
MOST_QUEUES = 1000  # that are looked at, the first by name


@health.get("/stats")
def stats() -> flask.Response:
    """The numbers that the pages show. Times are seconds."""
    redis = reading.client()
    found = reading.numbers(redis)
    told = {"processed": found.processed, "failed": found.failed, "busy": found.busy, "threads": found.threads}
    told |= {"enqueued": found.enqueued, "queues": found.queues, **found.sizes, "processes": len(found.processes)}
    return flask.jsonify({**told, "now": reading.now(), "clock_off": round(reading.clock_off(), 3)})


@health.get("/health")
def is_well() -> tuple[flask.Response, int]:
    """Whether all is well, and if not, what is wrong, in sentences: 200 or 503."""
    try:
        wrong = _wrong()
    except reading.NoAddress as error:
        wrong = [f"{error}"]
    except RedisError as error:
        wrong = [
            f"Redis at {connection.address(reading.client())} does not answer as it should: {words.line(str(error), 300)}"
        ]
    return flask.jsonify({"ok": not wrong, "wrong": wrong}), 503 if wrong else 200


def _wrong() -> list[str]:
    redis = reading.client()
    found = reading.numbers(redis)
    wrong = []
    if found.enqueued and not found.processes:
        wrong.append(f"{words.jobs(found.enqueued)} waiting, and no worker process is running.")
    elif found.enqueued and all(process.stopping for process in found.processes):
        wrong.append(f"{words.jobs(found.enqueued)} waiting, and every worker process is quiet.")
    elif found.enqueued:
        fetched = {name for process in found.processes if not process.stopping for name in words.some(process["queues"])}
        for row in reading.queues(redis, most=MOST_QUEUES):
            if row.size and row.name not in fetched:
                name = words.line(row.name, 60)
                wrong.append(f"{words.jobs(row.size)} waiting in queue {name}, and no worker process fetches from it.")
    for process in found.processes:
        if abs(process["clock_off"]) > CLOCK_OFF:
            host, off = words.line(process["hostname"], 60), stretch(abs(process["clock_off"]))
            wrong.append(f"The clock of {host} differs from Redis's by {off}.")
    if abs(reading.clock_off()) > CLOCK_OFF:
        wrong.append(f"The clock of this server differs from Redis's by {stretch(abs(reading.clock_off()))}.")
    return list(dict.fromkeys(wrong))[:50]
