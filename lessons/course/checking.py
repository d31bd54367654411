"""Checking an answer: pytest runs in a process of its own, and what it finds is told in plain words."""

from __future__ import annotations

import json
import linecache
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import progress
from .catalogue import LESSONS, Lesson, saved, unreadable
from .console import at_work, hang, how, say

# The process of the check ends by itself when an answer does not (see `telling`). This is for one that prevents even that.
LONGEST_CHECK = 600

# What is said if none of the answer's lines was running when the check was stopped.
UNDECIDED = "\nLook:        check again, in case your machine was busy. If it says the same, look for what waits for ever."

# What an answer may print. One that prints without end fills the disk otherwise. Bytes.
MOST_OUTPUT = 1_000_000

# Of pytest's plugins a check needs none, and whichever are installed take up to a second to load. Nor must what the learner
# has set for pytest or Python lead it astray.
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
NOT_FOR_A_CHECK = (
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "PYTHONWARNINGS",
    "PYTHONINSPECT",
    "PYTHONSTARTUP",
    "PYTHONASYNCIODEBUG",
)


@dataclass
class Result:
    """What a check found: the requirements that are met, and the first one that is not, with the reason.

    The check of an application goes on after that: `open` are all that are not met, with their reasons.
    """

    met: list[str] = field(default_factory=list)
    unmet: str | None = None
    reason: str = ""
    open: dict[str, str] = field(default_factory=dict)
    holding: dict[str, str] = field(default_factory=dict)  # the misconceptions that there is evidence for, told or not

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.unmet is None


def examine(lesson: Lesson, answer: Path, start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen) -> Result:
    """Check `answer` as the answer to a lesson's exercise, in another process, which `start` starts."""
    if why := unreadable(answer):
        return Result(unmet="The exercise can be read.", reason=f"{why}\nTo start over: {how('reset', lesson.number)}")
    with tempfile.TemporaryDirectory(prefix="minijobs-check-") as folder:
        told = Path(folder) / "told.jsonl"
        told.touch()
        command = [sys.executable, "-m", "pytest", str(lesson.check), f"--answer={answer}", "-qs", "--assert=plain"]
        command += [] if lesson.is_an_application else ["-x"]
        command += ["-p", "lessons.course.telling", "-p", "no:cacheprovider", "-o", "filterwarnings=", "-o", "addopts="]
        command += ["-p", "no:unraisableexception"]  # at the end it looks at every object there is, several times
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_FOR_A_CHECK}
        own = {"MINIJOBS_CHECK_TELLS": str(told), "MINIJOBS_CHECK_OF": str(answer)}
        process = start(
            command,
            cwd=LESSONS.parent,
            env={**inherited, **ENVIRONMENT, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        printed, ending = _printed(process)
        events = [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]
        return _result(events, printed, ending, answer)


def _printed(process: subprocess.Popen[bytes]) -> tuple[str, str]:
    """Wait for the end of a check. Returns what it printed, and why it had to be ended, if it had to be."""
    output = bytearray()

    def read() -> None:
        assert process.stdout is not None
        with process.stdout as pipe:
            while piece := pipe.read1():  # type: ignore[attr-defined]
                output.extend(piece)
                if len(output) > MOST_OUTPUT:
                    process.kill()
                    return

    reader = threading.Thread(target=read, daemon=True)  # a process that the check leaves behind may hold the pipe open
    reader.start()
    ending = ""
    try:
        process.wait(LONGEST_CHECK)
    except BaseException as error:  # also if somebody interrupts it
        process.kill()
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        ending = "never ends"
    reader.join(1)
    return output.decode(errors="replace"), "prints" if len(output) > MOST_OUTPUT else ending


def check(
    lesson: Lesson, *, watching: bool = False, start: Callable[..., subprocess.Popen[bytes]] = subprocess.Popen
) -> bool:
    """Check the learner's exercise, say what was found, and remember it. Returns whether it passed.

    `start` is as for `examine`.
    """
    with at_work(f"Checking {progress.relative(lesson.exercise)}"):
        result = examine(lesson, lesson.exercise, start)
    for requirement in result.met:
        hang("  ok  ", requirement, style="green")
    if result.passed:
        say(f"Right. A solution, explained: {how('solution', lesson.number)}")
        say(f"What is next: {how('progress')}")
        progress.note(lesson, passed=True, solved=True)
        return True
    hang("  no  ", result.unmet or "", style="bold red")
    here = result.reason.replace(f"make try-{lesson.number}", how("try", lesson.number))
    for line in here.splitlines():
        label, _, text = line.partition(":")
        known = label in ("Expected", "Instead", "Python said", "At", "Looks like", "Seen", "Look")
        hang(f"      {label + ':':13}" if known else "      ", text.strip() if known else line)
    for requirement in list(result.open)[1:]:
        hang("  no  ", requirement, style="bold red")
    say("")
    say(f"A hint: {how('hint', lesson.number)}")
    if not watching:
        say(f"Check on each save: {how('watch', lesson.number)}")
    progress.note(lesson, passed=False)
    about = (result.unmet or "").partition(":")[0]
    if about in lesson.parts:
        progress.note(lesson, about=about)
    return False


def watch(lesson: Lesson) -> None:
    """Check again whenever the exercise is saved, until it passes or somebody presses Ctrl-C."""
    seen = now = None
    while True:
        with suppress(FileNotFoundError):  # some editors take the file away for a moment
            now = saved(lesson.exercise)
        if now != seen:
            seen = now
            if check(lesson, watching=True):
                return
            say("Waiting for you to save the exercise (Ctrl-C ends this) …")
            say("")
        time.sleep(0.3)


def _result(told: list[dict[str, Any]], printed: str, ending: str, answer: Path) -> Result:
    result, line, long = Result(), None, f"after {LONGEST_CHECK} seconds"
    for one in told:
        if one["event"] == "begin":
            result.unmet, result.reason = one["requirement"], ""
        elif one["event"] == "holding":
            result.holding = one["rows"]
        elif one["event"] == "never ends":
            ending, line = "never ends", one["line"]
            long = (
                f"when no part of it had ended for {one['seconds']:.0f} seconds" if one["seconds"] else "after a long time"
            )
        elif one["reason"]:
            result.open[one["requirement"]] = one["reason"]
            result.unmet = None
        else:
            result.met.append(one["requirement"])
            result.unmet = None
    if result.open:
        result.unmet, result.reason = next(iter(result.open.items()))
        return result
    if ending == "never ends":
        # The requirement that was being looked at is not the one to blame if nothing of the answer was running.
        result.unmet = (line and result.unmet) or "The check comes to an end."
        at = f"line {line} of {answer.name}: {linecache.getline(str(answer), line).strip()}" if line else answer.name
        result.reason = (
            f"Expected:    the check ends.\nInstead:     it was still running {long}, and was stopped.\n"
            f"At:          {at}"
            f"{'' if line else UNDECIDED}"
        )
    elif ending == "prints":
        result.unmet = result.unmet or "The check comes to an end."
        result.reason = (
            "Expected:    your code prints a few lines, if any.\n"
            f"Instead:     it printed more than {MOST_OUTPUT:,} characters, and was ended."
        )
    elif not told:
        result.unmet, result.reason = "The check can start.", printed.strip()[-2000:]
    elif result.unmet:  # begun, and never told how it ended
        result.reason = (
            "Expected:    the check comes to its end.\nInstead:     the process of the check ended in the middle.\n"
            "Looks like:  something in your exercise ends the process, such as os._exit."
        )
    return result
