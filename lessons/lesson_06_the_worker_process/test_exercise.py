"""What the exercise of lesson 6 must do. It is seen on two real worker processes, while jobs come in."""

import json
from dataclasses import dataclass, field

import pytest

import minijobs
from lessons.course.seen import Call
from lessons.kit import session, stage
from lessons.kit.busy_day import BusyDay
from lessons.lesson_06_the_worker_process.misconceptions import GAP, JOBS, SWITCH
from lessons.lesson_06_the_worker_process.watching import PATIENCE, Measured, Watching

LOOK = "make try-6, then day = busy_day(), deploy(day.old, day.start_new), and day, which says how it went."


@dataclass
class Seen:
    """What was seen: what deploy told the processes, and what became of the jobs."""

    answer: object
    call: Call
    told: list[tuple[str, str]]  # which process, and what it was told, in this order
    busy: dict[str, list[int]]  # what busy() said, each time, by the process
    pushed: int
    never_ended: list[int]
    gone: int  # of those: how many are in no queue and not in flight, and were never begun
    begun_twice: list[int]
    failed: int
    gap: float | None
    old_at_return: bool
    new_ones: int  # how many new processes run and take jobs
    naps: list = field(default_factory=list)  # long pauses: the events
    measured: Measured = field(default_factory=Measured)
    only_hurried: bool = False  # whether all goes well if a second is a second


@pytest.fixture(scope="module")
def seen(answer):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stage, "LONGEST_WAIT", PATIENCE)
        seen = _a_day(answer, hurried="start")
        if _gives_up_and_says_so(seen) and ("old", "quiet") not in seen.told:
            seen = _a_day(answer, hurried="quiet")  # what it does later has not been seen yet
        if seen.measured.ever and not _goes_well(seen):
            unhurried = _a_day(answer, hurried=None)
            if _gives_up_and_says_so(seen):
                return unhurried
            seen.only_hurried = _goes_well(unhurried)
        return seen


def _a_day(answer, *, hurried):
    redis = session.start(server=True)
    try:
        with Watching(answer, redis, hurried=hurried) as watching:
            process = watching.process()
            day = watching.day = BusyDay()
            watching.busy.clear()  # the day has asked, too
            day.holds = watching.still_pauses
            call = watching.call(process, "deploy", "deploy", day.old, watching.start_new)
            day.finish()
            return _what_was_seen(answer, call, watching, redis)
    finally:
        session.end()


def _jobs_suffer(seen):
    return bool(seen.never_ended or seen.begun_twice or seen.failed)


def _long_gap(seen):
    return seen.gap is None or seen.gap >= 1


def _gives_up_and_says_so(seen):
    """Whether it raised something after a while, and has cut nothing off."""
    return seen.measured.ever and seen.call.error is not None and not _jobs_suffer(seen)


def _goes_well(seen):
    return seen.call.error is None and not (_jobs_suffer(seen) or _long_gap(seen) or seen.old_at_return)


def _what_was_seen(answer, call, watching, redis):
    day = watching.day
    held = _held(redis)
    begun = {one["number"] for one in day.story if one["what"] == "begin"}
    processes = [process for process in minijobs.ProcessSet() if not process.stopping]
    return Seen(
        answer=answer,
        call=call,
        told=[event.what for event in call.of("process")],
        busy=watching.busy,
        pushed=len(day.pushed),
        never_ended=day.never_ended,
        gone=sum(number not in begun and number not in held for number in day.never_ended),
        begun_twice=day.begun_twice,
        failed=day.failed,
        gap=day.gap,
        old_at_return=day.old_at_return,
        new_ones=sum(one.ready() and any(p["pid"] == one.pid for p in processes) for one in day.new),
        naps=call.of("nap"),
        measured=watching.measured,
    )


def _held(redis):
    """The numbers of the jobs that wait, or are in flight: a process may have been killed before it began its job.

    The queue is read twice, since a job may be rescued meanwhile.
    """
    flight = redis.scan_iter("inflight:*", _type="list")
    keys = ["queue:default", *flight, "queue:default"]
    return {json.loads(entry)["args"][0] for key in keys for entry in redis.lrange(key, 0, -1)}


def test_every_job_runs_to_its_end_and_none_is_begun_twice(seen, judge):
    """Every job runs to its end, and none is begun twice."""
    judge(
        not _jobs_suffer(seen),
        JOBS,
        expected="all jobs run to their end, each begun once.",
        instead=f"of {seen.pushed} jobs, {len(seen.begun_twice)} {_was(seen.begun_twice)} begun twice, "
        f"{len(seen.never_ended)} never ended, and {seen.failed} failed.",
        scopes=[seen.call],
    )


def test_there_is_always_a_process_that_takes_jobs(seen, judge):
    """Jobs are taken all the time: no gap is longer than a second."""
    judge(
        not _long_gap(seen),
        GAP,
        expected="jobs are taken all the time: no gap is longer than a second.",
        instead="no process took jobs any more." if seen.gap is None else f"for {seen.gap:.1f} seconds nobody took jobs.",
        scopes=[seen.call],
    )


def test_when_deploy_returns_the_old_process_has_ended(seen, judge):
    """When `deploy` returns, the old process has ended, and one new process takes the jobs."""
    judge(
        seen.call.error is None and not seen.old_at_return and seen.new_ones == 1,
        SWITCH,
        expected="when deploy returns, the old process has ended, and one new process takes the jobs.",
        instead=f"{_returned(seen.call)}, the old process {'was still there' if seen.old_at_return else 'had ended'}, and "
        f"{_several(seen.new_ones)}.",
        scopes=[seen.call],
    )


def _was(some):
    return "was" if len(some) == 1 else "were"


def _returned(call):
    return f"when deploy had raised {type(call.error).__name__}" if call.error else "when deploy returned"


def _several(count):
    return "1 new process takes jobs" if count == 1 else f"{count or 'no'} new processes take jobs"
