"""What watches `deploy`: which process it tells what, and how it waits. On its clock, a second is ten minutes."""

import os
import sys
import threading
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import lessons.kit
import minijobs
from lessons.course.rejection import ends_here
from lessons.course.witness import NeverEnds, Witness
from lessons.kit.stage import LONGEST_WAIT
from lessons.kit.worker_process import WorkerProcess

# How long deploy may wait for something, and how long one of its pauses really takes. Seconds.
PATIENCE = 15.0
NAP = 0.2

# By so much is the clock too fast that the answer looks at, and its pauses are too short: nobody knows how long a job takes,
# so a limit of an answer's own is over before the job is. A pause takes a moment all the same. Seconds.
HURRY = 600
MOMENT = 0.0005

# On a busy machine even so many short pauses take longer than a job. So a job is not over before an answer that pauses has
# paused so often, or has paused no more for a while. Pauses, and seconds.
MOST_COUNTED = 700
NO_PAUSE = 0.5

# So many new processes are more than any answer needs.
MOST_STARTS = 3

SIGNALS = {"SIGTSTP": "quiet", "SIGTERM": "stop", "SIGINT": "stop", "SIGKILL": "kill"}


@dataclass
class Measured:
    """Where an answer measures time, by lines: `limited` looked at a clock, or waited for so long and no longer; `paused`
    paused, which measures time if the pauses are counted. Both count from the last signal.
    """

    limited: int = 0
    paused: int = 0
    before: dict[tuple[str, str], int] = field(default_factory=dict)  # the last such line before this signal

    def until(self, who, told):
        """A process receives a signal: what was measured until now was measured before that."""
        self.before.setdefault((who, told), self.limited or self.paused)
        self.limited = self.paused = 0

    @property
    def ever(self):
        """Whether time was measured at all."""
        return bool(self.limited or self.paused or any(self.before.values()))


class Watching(Witness):
    """Watches an answer that tells real processes what to do, and waits for them.

    Its clock is fast from the "start", or only after the old process received "quiet", or never (None).
    """

    def __init__(self, answer, redis, *, hurried):
        super().__init__(answer, redis)
        self.day, self.busy, self._told = None, defaultdict(list), threading.local()
        self.measured = Measured()
        self._since, self._really = time.monotonic(), time.monotonic
        self._pauses, self._paused_at = 0, self._since  # since the last signal
        self._hurried, self._fast_since = hurried, self._since if hurried == "start" else None

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
            self.busy[process.name].append(ask(process))
            return self.busy[process.name][-1]

        for name in ("monotonic", "time", "perf_counter"):
            self._stack.enter_context(patch.object(time, name, self._clock(getattr(time, name))))
        wait_until = lessons.kit.wait_until
        self._stack.enter_context(patch.object(lessons.kit, "wait_until", self._waiting(wait_until)))
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
        """Record which signal or request a process receives, but not the calls that this makes itself."""
        inside, self._told.inside = getattr(self._told, "inside", False), True
        try:
            if not inside and who and told:
                self.note("process", (who, told[0]))
                self.measured.until(who, told[0])
                self._since, self._pauses = self._really(), 0
                if (who, *told) == ("old", self._hurried):
                    self._fast_since = self._since
            yield
        finally:
            self._told.inside = inside

    def still_pauses(self):
        """Whether the answer still pauses again and again, and may be counting its pauses."""
        counting = 0 < self._pauses < MOST_COUNTED and self._really() - self._paused_at < NO_PAUSE
        return counting and self._pace == HURRY

    @property
    def _pace(self):
        return 1 if self._fast_since is None else HURRY

    def _who(self, pid):
        return next((one.name.split()[0] for one in (self.day.old, *self.day.new) if one.pid == pid), None)

    def _sleep(self, really):
        def sleep(seconds):
            if sys._getframe(1).f_code.co_filename != self._file:
                return really(seconds)
            if seconds >= 2 * NAP:
                self.note("nap", seconds)
            self.measured.paused = sys._getframe(1).f_lineno
            if self._really() - self._since > PATIENCE:
                raise NeverEnds("it paused again and again, and did not end")
            self._pauses, self._paused_at = self._pauses + 1, self._really()
            return really(min(max(seconds / self._pace, MOMENT), NAP))

        return sleep

    def _clock(self, really):
        def clock():
            caller = sys._getframe(1)
            if caller.f_code.co_filename != self._file:
                return really()
            self.measured.limited = caller.f_lineno
            fast = 0 if self._fast_since is None else self._really() - self._fast_since
            return really() + fast * (HURRY - 1)

        return clock

    def _waiting(self, really):
        def wait_until(condition, seconds=None):
            frame = sys._getframe(1)
            if seconds is None and ends_here(self.answer, [(frame.f_lineno, frame.f_code.co_name)]):
                seconds = LONGEST_WAIT  # the answer catches what is raised then
            if seconds is not None:
                self.measured.limited = frame.f_lineno
                seconds /= self._pace
            return really(condition, seconds)

        return wait_until
