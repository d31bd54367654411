"""Jobs on real worker processes, measured: each writes down in Redis when it was pushed, when it began and when it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

from minijobs import Client, ProcessSet

from . import session
from .beside import write
from .command_line import plans
from .runs import Coming, Ran, Runs
from .stage import wait_until
from .worker_process import WorkerProcess, start_worker

RAN = "ran"  # the list in Redis in which the jobs write that down
LOOK_EVERY = 0.004  # seconds between two looks at the length of the queues; the longer it takes, the more
LOOKS = 500  # of which each half of the time that it takes has about as many: looking must not take what the jobs need
NO_PROGRESS = 20.0  # seconds without a job that ends, after which nothing more is expected

# What a job does whose arguments say for how long it waits and computes.
TASKS = """
import time
from minijobs import Worker

class TaskWorker(Worker):
    def perform(self, waits, computes, number):
        time.sleep(waits)
        until = time.thread_time() + computes
        while time.thread_time() < until:
            pass
"""

# A second file that each process loads. When it runs jobs, it logs warnings only: two lines a job would be measured, too.
NOTING = """
import json
import socket
import time

from minijobs import connection, log, middleware


@middleware.server.add
def note(worker, job, run):
    log.logger.setLevel("WARNING")
    begun = time.time()
    run()
    told = [job["args"][-1], job["enqueued_at"], begun, time.time(), socket.gethostname()]
    connection.current().rpush("ran", json.dumps(told))
"""
OPTIONS = "-r noting.py --heartbeat 0.5"


class NobodyRanThem(RuntimeError):
    """Some jobs have not run, and nothing moves any more."""

    def __init__(self, runs: Runs, left: list[Coming]) -> None:
        super().__init__(f"{len(left)} of {len(left) + len(runs.ran)} jobs have not run, and nothing moves any more.")
        self.runs, self.left = runs, left


_running: dict[tuple[str, ...], list[WorkerProcess]] = {}


def measure(words: str | Sequence[str], coming: Iterable[Coming]) -> Runs:
    """Start `minijobs worker` with these words, once for each, push these jobs at their moments, and wait till all have run.

    A process that already runs, because the last call was for the same words, is used again. Raises NobodyRanThem.
    """
    lines = (words,) if isinstance(words, str) else tuple(words)
    started(lines)
    coming = sorted(coming)
    _, redis, will_make = session.database()
    will_make({RAN, *(f"queue:{job.queue}" for job in coming)})
    redis.delete(RAN)
    lengths = _push(Client(redis), redis, coming)
    notes = [json.loads(one) for one in redis.lrange(RAN, 0, -1)]
    ran = {int(number): Ran(coming[int(number)], *moments) for number, *moments in notes}
    runs = Runs(ran.values(), sum(plan.threads for plan in plans(lines)), lengths)
    if left := [job for number, job in enumerate(coming) if number not in ran]:
        raise NobodyRanThem(runs, left)
    return runs


def started(lines: Sequence[str]) -> list[WorkerProcess]:
    """The processes that these words start, ready to take jobs. Others are stopped."""
    workers = _running.get(tuple(lines), [])
    if not workers or any(worker.ended() or worker not in session.beside().workers for worker in workers):
        _running.clear()
        write("noting.py", NOTING)
        workers = []
        for number, line in enumerate(lines, start=1):
            options: dict[str, Any] = {"wait": False, "show": False, "beside": number > 1}
            workers.append(start_worker(f"{line} {OPTIONS}", name=str(number), **options))
        _running[tuple(lines)] = workers
        redis = session.database()[1]
        wait_until(lambda: len(ProcessSet(redis)) >= len(plans(lines)) or any(worker.ended() for worker in workers))
        for worker in workers:
            if worker.ended():
                worker.start()  # which says why it could not
        for process in ProcessSet(redis):
            workers[0].will_make(process.identity, process["queues"])
    return workers


def _push(client: Client, redis: Any, coming: list[Coming]) -> list[tuple[float, int]]:
    """Push them, each at its moment, and look at the queues until all have ended. Returns what was seen at each look."""
    names, lengths = sorted({f"queue:{job.queue}" for job in coming}), []
    begin = progress = time.monotonic()
    ended, number = 0, 0
    while ended < len(coming) and time.monotonic() - progress < NO_PROGRESS:
        due = number
        while due < len(coming) and coming[due].at <= time.monotonic() - begin:
            due += 1
        _push_some(client, list(enumerate(coming[number:due], start=number)))
        number = due
        with redis.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.llen(name)
            *queued, now_ended = pipe.llen(RAN).execute()
        lengths.append((time.monotonic() - begin, sum(queued)))
        if now_ended != ended or number < len(coming):
            ended, progress = now_ended, time.monotonic()
        taken = time.monotonic() - begin
        pause = max(LOOK_EVERY, taken / LOOKS)
        time.sleep(max(0.0, min(pause, coming[number].at - taken)) if number < len(coming) else pause)
    return lengths


def _push_some(client: Client, numbered: list[tuple[int, Coming]]) -> None:
    kinds: dict[tuple[str, str], list[list[float]]] = {}
    for number, job in numbered:
        kinds.setdefault((job.worker, job.queue), []).append([job.waits, job.computes, number])
    for (worker, queue), rows in kinds.items():
        client.push_bulk({"class": worker, "queue": queue, "retry": 0, "args": rows})
