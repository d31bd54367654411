"""The commands of `minijobs` that look at Redis: each prints a table for people or, with `--json`, JSON for programs.

Each function takes the parsed command line and returns the exit code: 0, or 1 if not all of it could be done.
"""

from __future__ import annotations

import json
import re
import sys
import time
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .. import connection, monitor
from ..api import DeadSet, JobRecord, JobSet, Queue, RetrySet, ScheduledSet, SortedEntry, readable
from ..console import Failed, Progress, Refused, away, cut, plain, stretch, table
from ..overview import ProcessSet
from ..stats import Stats
from . import scaffold

SETS: dict[str, type[JobSet]] = {"retry": RetrySet, "dead": DeadSet, "scheduled": ScheduledSet}


def stats(options: Namespace) -> int:
    """`minijobs stats`: how many runs there have been, how many jobs there are and where, and the worker processes."""
    found = Stats()
    numbers = {
        "processed": found.processed,
        "failed": found.failed,
        "busy": found.workers_size,
        "enqueued": found.enqueued,
        "retry": found.retry_size,
        "scheduled": found.scheduled_size,
        "dead": found.dead_size,
    }
    processes = list(ProcessSet())
    if options.json:
        return _json({**numbers, "processes": [process.report for process in processes]})
    _print(f"{name:<10} {number:>12,}" for name, number in numbers.items())
    print()
    rows = [
        [
            process.identity,
            f"{process['busy']} of {process['concurrency']}" + (", quiet" if process.stopping else ""),
            away(process["beat"] - time.time()),
            ", ".join(process["queues"]),
        ]
        for process in processes
    ]
    _print(table(["process", "busy", "last beat", "queues"], rows) if rows else ["No worker process is running."])
    return 0


def queues(options: Namespace) -> int:
    """`minijobs queues`: how many jobs are waiting in each queue, and how long the next one has been waiting."""
    found = [(queue.name, *_waiting(queue)) for queue in Queue.all()]
    if options.json:
        return _json([{"name": name, "size": size, "latency": latency} for name, size, latency in found])
    rows = [
        [name, "?" if size is None else f"{size:,}", "not a list" if latency is None else stretch(latency)]
        for name, size, latency in found
    ]
    _print(table(["queue", "jobs", "latency"], rows) if rows else ["No queue: nothing has been pushed."])
    return 0


def show(options: Namespace) -> int:
    """`minijobs retry list`: the jobs of a sorted set, earliest first."""
    jobs = SETS[options.set]()
    size = len(jobs)
    entries = jobs.page(0, options.limit or max(size, 1))
    if options.json:
        return _json(
            [{"at": entry.score, **(entry.item or {"raw": entry.raw.decode(errors="replace")})} for entry in entries]
        )
    if not entries:
        print(f"Nothing is in {jobs.name}.")
        return 0
    lines = table(["jid", "when", "failed", "job"], map(_row, entries))
    _print(lines[:1])
    for line, entry in zip(lines[1:], entries, strict=True):
        _print([line, *_error(entry)])
    if size > len(entries):
        print(f"({len(entries):,} of {size:,}. More: --limit N, or 0 for all.)")
    return 0


def retry(options: Namespace) -> int:
    """`minijobs retry retry JID…`, or `--all`: move jobs to their queues now."""
    if options.all:
        return _report("retried", SETS[options.set]().retry_all(_progress("retried", options)), options)
    return _each("retried", SortedEntry.retry, options)


def delete(options: Namespace) -> int:
    """`minijobs retry delete JID…`: delete jobs for good."""
    return _each("deleted", SortedEntry.delete, options)


def clear(options: Namespace) -> int:
    """`minijobs retry clear`: delete all jobs of a sorted set for good. Asks first, unless `--yes` is given."""
    jobs = SETS[options.set]()
    what = f"{len(jobs):,} jobs in {jobs.name}, Redis at {connection.address(jobs.redis)}"
    if len(jobs) and not options.yes:
        if not sys.stdin.isatty():
            raise Refused(f"That would delete {what}: say --yes.")
        try:
            answer = input(f"Delete {what}? [y/N] ")
        except EOFError:  # Ctrl-D
            answer = ""
            print()
        if answer.strip().lower() not in ("y", "yes"):
            print("Nothing was deleted.")
            return 1
    return _report("deleted", jobs.clear(_progress("deleted", options)), options)


def watch(options: Namespace) -> int:
    """`minijobs monitor`: print the commands sent to Redis, by any client, until Ctrl-C."""
    print(f"Watching Redis at {connection.address(connection.current())}. Ctrl-C ends it.", file=sys.stderr, flush=True)
    try:
        for told in monitor.watch(grep=options.grep):
            if options.json:
                print(json.dumps(told._asdict()), flush=True)
                continue
            first, *rest = told.lines(unfold=True)
            print(f"{told.at:.6f} [{told.client}] {plain(first)}", *map(plain, rest), sep="\n", flush=True)
    except re.error as error:
        raise Refused(f"--grep {options.grep!r} is no regular expression: {error}.") from None
    except RuntimeError as error:
        raise Failed(str(error)) from None
    return 0


def new(options: Namespace) -> int:
    """`minijobs new SendGifToUser`: write a Worker, and a test that fails until it does something."""
    try:
        paths = scaffold.new(options.name, Path(options.into))
    except ValueError as error:
        raise Refused(str(error)) from None
    except OSError as error:
        raise Failed(str(error)) from None
    _print([*(f"Written: {path}" for path in paths), f"Now make it green: python -m pytest {paths[-1]}"])
    return 0


def _waiting(queue: Queue) -> tuple[int | None, float | None]:
    """How many jobs are in a queue, and how long the next one has been waiting; neither if its key is of another type."""
    size, raw = readable(queue.redis.pipeline(transaction=False).llen(queue.key).lindex(queue.key, -1))
    return size, None if size is None else JobRecord(raw or b"").latency()


def _row(entry: SortedEntry) -> list[str]:
    when, count = away(entry.score - time.time()), entry["retry_count"]
    if not entry.item:
        return ["?", when, "", f"no job: {entry.raw[:200]!r}"]
    job = f"{entry.class_name}({json.dumps(entry.args, ensure_ascii=False)[1:-1]})"
    return [entry.jid or "?", when, "" if count is None else f"{count + 1} ×", job]


def _error(entry: SortedEntry) -> list[str]:
    return [cut(plain(f"    {entry['error_class']}: {entry['error_message']}"))] if entry["error_class"] else []


def _each(done: str, do: Any, options: Namespace) -> int:
    jobs, missing = SETS[options.set](), []
    for jid in options.jids:
        entry = jobs.find(jid)
        if entry is None or not do(entry):
            missing.append(jid)
    for jid in missing:
        print(f"minijobs: no job {plain(jid)} is in {jobs.name}.", file=sys.stderr)
    _report(done, len(options.jids) - len(missing), options)
    return 1 if missing else 0


def _report(done: str, count: int, options: Namespace) -> int:
    if options.json:
        return _json({done: count})
    print(f"{count:,} {'job' if count == 1 else 'jobs'} {done}.")
    return 0


def _progress(done: str, options: Namespace) -> Progress:
    return Progress(done, of=len(SETS[options.set]()))


def _print(lines: Iterable[str]) -> None:
    print("\n".join(lines))


def _json(value: object) -> int:
    # The scores and reports in Redis may hold infinite numbers and NaN, which JSON does not have: they become null.
    print(json.dumps(json.loads(json.dumps(value), parse_constant=lambda _: None), indent=2))
    return 0
