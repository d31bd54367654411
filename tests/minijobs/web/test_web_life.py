"""A job's page tells its life in order: what was, what is next and why then, and what will become of it."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import pytest
import redis as redis_py
from visitors import Visitor, a_job, failed

from minijobs import Fetcher, Heartbeat, Processor, RetrySet, Worker, overview, scheduled
from minijobs.api import JobRecord, ScheduledSet, SortedEntry
from minijobs.web import life

NOW = 1_795_460_000.0
THEN = "Then it is moved to the dead."
LEFT = "It had retries left: its Worker’s retry_in gave it up, or somebody killed it."


def told(visitor: Visitor, page: str) -> list[str]:
    """The life of the first job on this page, an event a line."""
    [link, *_] = visitor.links(page, r"/[0-9a-f]{24}-|/queue/job")
    [events] = re.findall(r'<ol class="life">(.*?)</ol>', visitor.get(link).text, re.DOTALL)
    whats = re.findall(r'<span class="what">(.*?)</span>\s*</li>', events, re.DOTALL)
    return [html.unescape(re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", what))).strip() for what in whats]


def life_of(job: str, place: str, at: float, processes: list[overview.Process] | None = None) -> list[life.Event]:
    entry = JobRecord(job.encode()) if place == "queue" else SortedEntry(job.encode(), at, ScheduledSet(redis_py.Redis()))
    return life.of(entry, place, serving("mail") if processes is None else processes, now=NOW)


def serving(*queues: str, quiet: str = "false") -> list[overview.Process]:
    return [overview.Process({"identity": "web-1:7:abc", "queues": list(queues), "quiet": quiet}, None)]


def test_from_the_push_to_the_dead_a_job_that_goes_on_failing_is_told_of(redis: redis_py.Redis, visitor: Visitor) -> None:
    class Fails(Worker):
        queue, retry = "mail", 1

        def perform(self, email: str) -> None:
            raise OSError(f"no route to {email}")

    processor = Processor(Fetcher("mail", identity="web-1:7:abc"))
    Heartbeat(processor).beat()
    Fails.perform_async("ada")
    assert told(visitor, "/queue?name=mail") == [
        "Pushed to the queue mail",
        "Waits in the queue mail, as the next one",
        "If it fails, it is tried up to 1 more time Then it is moved to the dead. The usual waits add up to 20 s.",
    ]

    processor.process_one()
    assert told(visitor, "/retries") == [
        "Pushed to the queue mail",
        "Ran and failed OSError: no route to ada",
        "Due to move to the queue mail for its next try, retry 1 of 1 "
        "After failure 1 a job waits 0⁴ + 15 = 15 seconds, and by chance up to 10 more.",
        "If it fails again, it is moved to the dead It has no more retries.",
    ]

    [entry] = RetrySet()
    entry.reschedule(time.time() + 5000)
    assert told(visitor, "/retries")[2].endswith("the Worker’s retry_in chose this one, or somebody rescheduled the job.")

    entry.reschedule(time.time() - 1)  # clocks may differ by some milliseconds
    scheduled.poll()
    assert told(visitor, "/queue?name=mail") == [
        "Pushed",
        "Ran and failed OSError: no route to ada",
        "Moved to the queue mail again",
        "Waits in the queue mail, as the next one",
        "If it fails again, it is moved to the dead It has no more retries.",
    ]

    processor.process_one()
    assert told(visitor, "/dead")[-3:] == [
        "Ran again and failed: 2 failures by now OSError: no route to ada",
        "Moved to the dead Its retries were used up.",
        "Is removed Until then it can be retried. Of more than 10,000 dead jobs, the oldest are removed sooner.",
    ]


def test_events_are_in_the_order_in_which_they_were() -> None:
    times = {"created_at": NOW - 900, "enqueued_at": NOW - 100, "failed_at": NOW - 800, "retried_at": NOW - 90}
    events = life_of(failed(1, retry_count=2, rescued_at=NOW - 500, rescued=2, **times), "retry", NOW + 60)
    assert [(event.at, event.what) for event in events] == [
        (NOW - 900, "Pushed"),
        (NOW - 800, "Ran and failed"),
        (NOW - 500, "Its process died while it ran, and it was rescued, 2 times by now"),
        (NOW - 100, "Moved to the queue mail again"),
        (NOW - 90, "Ran again and failed: 3 failures by now"),
        (NOW + 60, "Due to move to the queue mail for its next try, retry 3 of 25"),
        (None, "If it fails again, it is tried up to 22 more times"),
    ]
    assert [event.more for event in events if event.kind == "failed"] == [
        "The entry keeps only the error of the last failure.",
        "",
        "OSError: no route to host 1",
    ]


@pytest.mark.parametrize(
    ("fields", "what", "more"),
    [
        ({"retry": False}, "If it fails, it is gone", "It has no retries, and is not kept."),
        ({"retry": 0}, "If it fails, it is moved to the dead", "It has no more retries."),
        ({"retry": 0, "dead": False}, "If it fails, it is deleted", "It has no more retries."),
        ({"retry": 2}, "If it fails, it is tried up to 2 more times", f"{THEN} The usual waits add up to 46 s."),
        ({}, "If it fails, it is tried up to 25 more times", f"{THEN} The usual waits add up to 20 days."),
        ({"retry": 2**31 - 1}, "If it fails, it is tried up to 2,147,483,647 more times", THEN),
        ({"retry_for": 7200}, "If it fails, it is retried for 2 hours", THEN),
        (
            {"retry_for": 7200, "failed_at": NOW - 60},
            "If it still fails then, it is moved to the dead",
            "It is retried for 2 hours.",
        ),
    ],
)
def test_what_becomes_of_it_if_it_fails_is_said(fields: dict[str, Any], what: str, more: str) -> None:
    last = life_of(a_job(1, **fields), "queue", 0)[-1]
    assert (last.what, last.more) == (what, more)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"retry": 5, "retry_count": 5, "failed_at": NOW}, "Its retries were used up."),
        ({"retry": 5, "retry_count": 4, "failed_at": NOW}, LEFT),
        (
            {"retry_for": 60, "retry_count": 1, "failed_at": NOW - 90, "retried_at": NOW},
            "The time for its retries was over.",
        ),
        ({"error_class": "minijobs.PoisonPill"}, "Each process that ran it died."),
        ({}, "No failure is on record, so somebody or a program killed it."),
    ],
)
def test_why_it_died_is_said(fields: dict[str, Any], why: str) -> None:
    [died] = [event for event in life_of(a_job(1, **fields), "dead", NOW) if event.what == "Moved to the dead"]
    assert (died.at, died.more) == (NOW, why)


@pytest.mark.parametrize("place", ["queue", "retry", "schedule"])
@pytest.mark.parametrize(
    ("processes", "says"),
    [
        ([], "No worker process is running, so it goes on waiting"),
        (serving("low"), "No worker process serves the queue mail, so it goes on waiting there"),
        (serving("mail", quiet="true"), "Each process that serves the queue mail is quiet: it fetches no jobs"),
        (serving("low", "mail"), None),
    ],
)
def test_what_keeps_it_from_being_run_is_said(processes: list[overview.Process], says: str | None, place: str) -> None:
    warnings = [event.what for event in life_of(a_job(), place, NOW, processes) if event.kind == "warning"]
    assert warnings == ([says] if says else [])


def test_a_job_for_later_says_when_and_that_it_is_late_if_it_is() -> None:
    for at, late in ((NOW + 3600, False), (NOW - 3600, True)):
        [due] = [event for event in life_of(a_job(), "schedule", at) if event.at == at]
        assert due.what == "Due to move to the queue mail"
        assert due.more.startswith("It was pushed for then.")
        assert ("It is late" in due.more) == late


def test_how_many_jobs_are_before_it_is_said(some: redis_py.Redis, visitor: Visitor) -> None:
    link = visitor.links("/queue?name=mail", "/queue/job")[2]
    assert "Waits in the queue mail, behind 2 jobs" in visitor.get(link).text
    some.rpop("queue:mail")
    assert "Waits in the queue mail, behind 1 job<" in visitor.get(link).text


@pytest.mark.parametrize("score", [float("inf"), float("-inf"), -1.5, 1e300])
@pytest.mark.parametrize("number", [-1, 2**31 - 1, 10**299, "x", None, True, 1e299, [1]])
def test_whatever_a_job_says_its_page_is_there(redis: redis_py.Redis, visitor: Visitor, number: Any, score: float) -> None:
    names = (
        "retry",
        "retry_count",
        "retry_for",
        "rescued",
        "rescued_at",
        "failed_at",
        "retried_at",
        "created_at",
        "enqueued_at",
    )
    job = json.dumps({"class": "X", "args": [], "jid": "a", "queue": "mail"} | dict.fromkeys(names, number))
    for key, page in (("retry", "/retries"), ("schedule", "/scheduled"), ("dead", "/dead")):
        redis.zadd(key, {job: score})
        assert told(visitor, page)
    redis.sadd("queues", "mail")
    redis.lpush("queue:mail", job)
    assert told(visitor, "/queue?name=mail")
