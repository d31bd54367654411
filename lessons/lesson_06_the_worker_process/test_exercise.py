"""What the exercise of lesson 6 must do. It is seen on two real worker processes, while jobs come in."""

import json
import os
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest

import minijobs
from lessons.course.seen import Call
from lessons.course.witness import NeverEnds, Witness
from lessons.kit import session, stage
from lessons.kit.busy_day import BusyDay
from lessons.kit.worker_process import WorkerProcess
from lessons.lesson_06_the_worker_process.misconceptions import GAP, JOBS, SWITCH

LOOK = "make try-6, then day = busy_day(), deploy(day.old, day.start_new), and day, which says how it went."

# How long deploy may wait for something, and how long one of its pauses really takes. Seconds.
PATIENCE = 15.0
NAP = 0.2

# So many new processes are more than any answer needs.
MOST_STARTS = 3

SIGNALS = {"SIGTSTP": "quiet", "SIGTERM": "stop", "SIGINT": "stop", "SIGKILL": "kill"}


@dataclass
class Seen:
    """What was seen: what deploy told the processes, and what became of the jobs."""

    answer: object
    call: Call
    told: list[tuple[str, str]]  # which process, and what it was told, in this order
    busy: dict[str, int]  # what busy() said last, by the process
    pushed: int
    never_ended: list[int]
    gone: int  # of those: how many are in no queue and not in flight, and were never begun
    begun_twice: list[int]
    failed: int
    gap: float | None
    old_at_return: bool
    new_ones: int  # how many new processes run and take jobs
    naps: list = field(default_factory=list)  # long pauses: the events


class Watching(Witness):
    """Watches an answer that tells real processes what to do, and waits for them."""

    def __init__(self, answer, redis):
        super().__init__(answer, redis)
        self.day, self.busy, self._told = None, {}, threading.local()
        self._paused = 0.0

    def __enter__(self):
        super().__enter__()
        for name in ("quiet", "stop", "kill", "terminate"):
            told = "stop" if name == "terminate" else name
            self._watch(WorkerProcess, name, told, lambda process: process.name.split()[0])
        for name in ("quiet", "stop"):
            self._watch(minijobs.Process, name, name, lambda process: self._who(process["pid"]))
        really, ask = os.kill, WorkerProcess.busy

        def kill(pid, number):
            names = [name for sign, name in SIGNALS.items() if number == getattr(__import__("signal"), sign, None)]
            with self._telling(self._who(pid), *names):
                really(pid, number)

        def busy(process):
            self.busy[process.name] = ask(process)
            return self.busy[process.name]

        self._stack.enter_context(patch.object(os, "kill", kill))
        self._stack.enter_context(patch.object(WorkerProcess, "busy", busy))
        return self

    def start_new(self):
        if len(self.day.new) == MOST_STARTS:
            raise NeverEnds("it started one process after another, and did not end")
        with self._telling("new", "start"):
            return self.day.start_new()

    def _watch(self, owner, name, told, who):
        really = getattr(owner, name)

        def watched(process, *args, **kwargs):
            with self._telling(who(process), told):
                return really(process, *args, **kwargs)

        self._stack.enter_context(patch.object(owner, name, watched))

    @contextmanager
    def _telling(self, who, *told):
        """Write down that a process is told something; not what that calls in its turn."""
        inside, self._told.inside = getattr(self._told, "inside", False), True
        try:
            if not inside and who and told:
                self.note("process", (who, told[0]))
            yield
        finally:
            self._told.inside = inside

    def _who(self, pid):
        return next((one.name.split()[0] for one in (self.day.old, *self.day.new) if one.pid == pid), None)

    def _sleep(self, really):
        def sleep(seconds):
            if sys._getframe(1).f_code.co_filename != self._file:
                return really(seconds)
            if seconds >= 2 * NAP:
                self.note("nap", seconds)
            self._paused += min(seconds, NAP)
            if self._paused > PATIENCE:
                raise NeverEnds("it paused again and again, and did not end")
            return really(min(seconds, NAP))

        return sleep


@pytest.fixture(scope="module")
def seen(answer):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stage, "LONGEST_WAIT", PATIENCE)
        redis = session.start(server=True)
        try:
            with Watching(answer, redis) as watching:
                process = watching.process()
                day = watching.day = BusyDay()
                watching.busy.clear()  # the day has asked, too
                call = watching.call(process, "deploy", "deploy", day.old, watching.start_new)
                day.finish()
                return _what_was_seen(answer, call, watching, redis)
        finally:
            session.end()


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
        not (seen.never_ended or seen.begun_twice or seen.failed),
        JOBS,
        expected="all jobs run to their end, each begun once.",
        instead=f"of {seen.pushed} jobs, {len(seen.begun_twice)} {_was(seen.begun_twice)} begun twice, "
        f"{len(seen.never_ended)} never ended, and {seen.failed} failed.",
        scopes=[seen.call],
    )


def test_there_is_always_a_process_that_takes_jobs(seen, judge):
    """There is always a process that takes jobs: the gap is under a second."""
    judge(
        seen.gap is not None and seen.gap < 1,
        GAP,
        expected="there is always a process that takes jobs: the gap is under a second.",
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
