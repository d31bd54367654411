"""A job's life in order: what its entry in Redis says about it, and what will become of it.

The entry is all that Redis knows of a job. So of several failures only the first and the last have a time, and only the last
has an error. What is not known is not said.
"""

from __future__ import annotations

from typing import NamedTuple

from ..api import JobRecord, SortedEntry
from ..overview import Process
from ..retry import DEAD_FOR, DEAD_SIZE, DEFAULT_RETRIES, exhausted
from . import words
from .words import duration, jobs

AT_ONCE = 1.0  # seconds between two times of an entry that count as the same
MOST_WAITS = 200  # that are added up


class Event(NamedTuple):
    """Something in a job's life: when, in epoch seconds, if that is known; what; and why, or with which error."""

    at: float | None
    what: str
    more: str = ""
    kind: str = "past"
    """past; failed; next, what comes then; warning, what keeps that from coming."""


def of(record: JobRecord, place: str, processes: list[Process], *, now: float, ahead: int = 0) -> list[Event]:
    """The life of a job, earliest first.

    `place` is the name of its sorted set, or "queue"; `ahead` is how many jobs are before it in its queue.
    """
    past = sorted(_past(record), key=lambda event: event.at or 0)
    if not isinstance(record, SortedEntry):
        where = f"behind {jobs(ahead)}" if ahead else "as the next one"
        present = Event(now, f"Waits in the queue {_queue(record)}, {where}", "", "next")
    elif place == "dead":
        died = Event(record.score, "Moved to the dead", _why_it_died(record), "failed")
        sooner = f"Until then it can be retried. Of more than {DEAD_SIZE:,} dead jobs, the oldest are removed sooner."
        return [*past, died, Event(record.score + DEAD_FOR, "Is removed", sooner, "next")]
    else:
        present = _due(record, place, now)
    return [*past, present, *_obstacles(record, processes), _if_it_fails(record)]


def _past(record: JobRecord) -> list[Event]:
    created, enqueued, failed, retried, rescued = (
        record.at(f"{name}_at") for name in ("created", "enqueued", "failed", "retried", "rescued")
    )
    again = enqueued is not None and failed is not None and enqueued >= failed
    at_once = created is not None and enqueued is not None and abs(enqueued - created) < AT_ONCE and not again
    events = []
    if created is not None:
        events.append(Event(created, f"Pushed to the queue {_queue(record)}" if at_once else "Pushed"))
    if enqueued is not None and not at_once:
        events.append(Event(enqueued, f"Moved to the queue {_queue(record)}{' again' if again else ''}"))
    error = ": ".join(filter(None, (words.line(record["error_class"], 60), words.line(record["error_message"], 300))))
    if failed is not None:
        lost = "The entry keeps only the error of the last failure."
        events.append(Event(failed, "Ran and failed", error if retried is None else lost, "failed"))
    if retried is not None:
        times = _count(record["retry_count"]) + 1
        often = f": {times:,} failures by now" if times > 1 else ""
        events.append(Event(retried, f"Ran again and failed{often}", error, "failed"))
    if rescued is not None:
        times = _count(record["rescued"])
        often = f", {times:,} times by now" if times > 1 else ""
        events.append(Event(rescued, f"Its process died while it ran, and it was rescued{often}", "", "failed"))
    return events


def _due(record: SortedEntry, place: str, now: float) -> Event:
    """The moment for which a job waits, and why it is that one."""
    late = " It is late: a worker process moves what is due every few seconds." if record.score < now - 60 else ""
    if place == "schedule":
        return Event(record.score, f"Due to move to the queue {_queue(record)}", f"It was pushed for then.{late}", "next")
    count, since = _count(record["retry_count"]), record.at("retried_at") or record.at("failed_at")
    why = ""
    if since is not None and count >= 0:
        waits, least, most = record.score - since, count**4 + 15, count**4 + 15 + 10 * (count + 1)
        if least - AT_ONCE <= waits <= most + AT_ONCE:
            wait = f"{count:,}⁴ + 15 = {least:,} seconds"
            why = f"After failure {count + 1:,} a job waits {wait}, and by chance up to {most - least:,} more."
        else:
            usual = f"The usual wait is {duration(least)} to {duration(most)}"
            why = f"{usual}; the Worker’s retry_in chose this one, or somebody rescheduled the job."
    number, limit = count + 1, _limit(record)
    which = f", retry {number:,} of {limit:,}" if 0 < number <= limit and record["retry_for"] is None else ""
    return Event(record.score, f"Due to move to the queue {_queue(record)} for its next try{which}", f"{why}{late}", "next")


def _obstacles(record: JobRecord, processes: list[Process]) -> list[Event]:
    """What keeps a job from being run, if anything does."""
    queue = record.queue or "default"
    serving = [process for process in processes if queue in words.some(process["queues"])]
    if not processes:
        return [Event(None, "No worker process is running, so it goes on waiting", "", "warning")]
    if not serving:
        return [
            Event(None, f"No worker process serves the queue {_queue(record)}, so it goes on waiting there", "", "warning")
        ]
    if all(process.stopping for process in serving):
        return [
            Event(None, f"Each process that serves the queue {_queue(record)} is quiet: it fetches no jobs", "", "warning")
        ]
    return []


def _if_it_fails(record: JobRecord) -> Event:
    """What will become of it if it goes on failing."""
    if record["retry"] is False:
        return Event(None, "If it fails, it is gone", "It has no retries, and is not kept.", "next")
    since, span = record.at("failed_at"), record["retry_for"]
    fails = "If it fails" if since is None else "If it fails again"
    end = "deleted" if record["dead"] is False else "moved to the dead"
    if span is not None and since is not None:
        return Event(since + span, f"If it still fails then, it is {end}", f"It is retried for {duration(span)}.", "next")
    if span is not None:
        return Event(None, f"{fails}, it is retried for {duration(span)}", f"Then it is {end}.", "next")
    limit, used = _limit(record), max(0, _count(record["retry_count"]) + 1)
    if used >= limit:
        return Event(None, f"{fails}, it is {end}", "It has no more retries.", "next")
    spent = sum(count**4 + 15 + 5 * (count + 1) for count in range(used, min(limit, MOST_WAITS)))
    tries = f"{limit - used:,} more {'time' if limit - used == 1 else 'times'}"
    waits = f" The usual waits add up to {duration(spent)}." if limit <= MOST_WAITS else ""
    return Event(None, f"{fails}, it is tried up to {tries}", f"Then it is {end}.{waits}", "next")


def _why_it_died(record: SortedEntry) -> str:
    if record["error_class"] == "minijobs.PoisonPill":
        return "Each process that ran it died."
    if record.at("failed_at") is None:
        return "No failure is on record, so somebody or a program killed it."
    last = record.at("retried_at") or record.at("failed_at") or record.score
    if exhausted({**record.item, "retry_count": _count(record["retry_count"])}, now=last):
        return "Its retries were used up." if record["retry_for"] is None else "The time for its retries was over."
    return "It had retries left: its Worker’s retry_in gave it up, or somebody killed it."


def _queue(record: JobRecord) -> str:
    return words.line(record.queue or "default", 60)


def _limit(record: JobRecord) -> int:
    """How many retries it has; a job that does not say has as many as most."""
    retry = record["retry"]
    return DEFAULT_RETRIES if retry is True or retry is None else _count(retry)


def _count(value: object) -> int:
    """A number in a job; -1 if it is none."""
    return value if type(value) is int else -1
