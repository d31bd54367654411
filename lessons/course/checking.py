"""Checking an answer: pytest runs in a process of its own, and what it finds is told in plain words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import progress
from .catalogue import LESSONS, Lesson
from .console import hang, how, say

# An answer that loops for ever must not keep its writer waiting for ever. Seconds.
LONGEST_CHECK = 30

# Of pytest's plugins a check needs none, and whichever are installed take up to a second to load.
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1"}


@dataclass
class Result:
    """What a check found: the requirements that are met, and the first one that is not, with the reason."""

    met: list[str] = field(default_factory=list)
    unmet: str | None = None
    reason: str = ""

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.unmet is None


def examine(lesson: Lesson, answer: Path) -> Result:
    """Check `answer` as the answer to a lesson's exercise, in another process."""
    with tempfile.TemporaryDirectory(prefix="minijobs-check-") as folder:
        told = Path(folder) / "told.jsonl"
        told.touch()
        command = [sys.executable, "-m", "pytest", str(lesson.check), "--answer", str(answer), "-x", "-q"]
        command += ["-p", "lessons.course.telling", "-p", "no:cacheprovider", "-o", "filterwarnings="]
        try:
            run = subprocess.run(
                command,
                cwd=LESSONS.parent,
                env={**os.environ, **ENVIRONMENT, "MINIJOBS_CHECK_TELLS": str(told)},
                capture_output=True,
                text=True,
                timeout=LONGEST_CHECK,
                stdin=subprocess.DEVNULL,
            )
            ended = run.stdout + run.stderr
        except subprocess.TimeoutExpired:
            ended = None
        return _result([json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()], ended)


def check(lesson: Lesson, *, watching: bool = False) -> bool:
    """Check the learner's exercise, say what was found, and remember it. Gives back whether it passed."""
    say(f"Checking {progress.relative(lesson.exercise)} …")
    result = examine(lesson, lesson.exercise)
    for requirement in result.met:
        hang("  ok  ", requirement, style="green")
    if result.passed:
        progress.note(lesson, passed=True, solved=True)
        say(f"Right. A solution, and why: {how('solution', lesson.number)}")
        say(f"What is next: {how('progress')}")
        return True
    progress.note(lesson, passed=False)
    hang("  no  ", result.unmet or "", style="bold red")
    for line in result.reason.splitlines():
        label, _, text = line.partition(":  ")
        known = label in ("Expected", "Instead", "Looks like", "Look")
        hang(f"      {label + ':':13}" if known else "      ", text.strip() if known else line)
    say("")
    say(f"A hint: {how('hint', lesson.number)}")
    if not watching:
        say(f"Check on each save: {how('watch', lesson.number)}")
    return False


def watch(lesson: Lesson) -> None:
    """Check again whenever the exercise is saved, until it passes or somebody presses Ctrl-C."""
    seen = now = None
    while True:
        with suppress(FileNotFoundError):  # some editors take the file away for a moment
            now = lesson.exercise.stat().st_mtime_ns
        if now != seen:
            seen = now
            if check(lesson, watching=True):
                return
            say("Waiting for you to save the exercise (Ctrl-C ends this) …")
            say("")
        time.sleep(0.3)


def _result(told: list[dict[str, Any]], ended: str | None) -> Result:
    result = Result()
    for one in told:
        if one["event"] == "begin":
            result.unmet, result.reason = one["requirement"], ""
        elif one["reason"]:
            result.reason = one["reason"]
            return result
        else:
            result.met.append(one["requirement"])
            result.unmet = None
    if ended is None:
        result.unmet = result.unmet or "The check comes to an end."
        result.reason = (
            f"Expected:    the check ends within {LONGEST_CHECK} seconds.\nInstead:     it is still running.\n"
            "Looks like:  something in your exercise never ends, such as a loop that tries again and again."
        )
    elif not told:
        result.unmet, result.reason = "The check can start.", ended.strip()[-2000:]
    elif result.unmet:  # begun, and never told how it ended
        result.reason = (
            "Expected:    the check comes to its end.\nInstead:     the process of the check ended in the middle.\n"
            "Looks like:  something in your exercise ends the process, such as os._exit."
        )
    return result
