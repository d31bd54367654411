"""What is done, and what is next: kept in a file that git ignores.

Where the project's folder cannot be written to, as with a copy that several people share, each has a file at home.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .catalogue import LESSONS, Lesson, lessons
from .console import how, say

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FILE = LESSONS / ".progress.json"
AT_HOME = ".minijobs-lessons.json"


def note(lesson: Lesson, **what: Any) -> None:
    """Remember something about a lesson. Where that cannot be written, say so: nothing else depends on it."""
    file = _file()
    if file != FILE and not file.exists():
        say(f"This project's folder cannot be written to. So your progress is kept in {file}.")
    try:
        with _alone(file):
            now = kept()
            now.setdefault(str(lesson.number), {}).update(what)
            new = file.with_suffix(".new")
            new.write_text(json.dumps(now, indent=1), encoding="utf-8")
            os.replace(new, file)  # whole or not at all
    except OSError as error:
        say(f"Your progress could not be saved in {file.name}: {error.strerror or error}.")


def _file() -> Path:
    return FILE if os.access(FILE.parent, os.W_OK) else Path.home() / AT_HOME


@contextmanager
def _alone(file: Path) -> Iterator[None]:
    """Nobody else notes anything meanwhile: two terminals may be at work."""
    with file.with_suffix(".lock").open("a") as lock:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def of(lesson: Lesson) -> dict[str, Any]:
    """What is remembered about a lesson: played, passed, solved once, hints."""
    return dict(kept().get(str(lesson.number), {}))


def report() -> str:
    """All lessons, with what is done and what to do next."""
    lines = []
    following = None
    for lesson in lessons():
        done = of(lesson)
        solved = done.get("solved") or done.get("passed")  # once is enough, whatever was tried afterwards
        state = "exercise done" if solved else "played" if done.get("played") else "not played yet"
        lines.append(f"{lesson.number}  {lesson.heading().question}  {state}")
        if following is None and not solved:
            following = how("check" if done.get("played") else "lesson", lesson.number)
    lines.append(f"Next: {following}" if following else "All done.")
    return "\n".join(lines)


def relative(path: Path) -> str:
    """A path as it is typed from where the project lies."""
    return path.relative_to(LESSONS.parent).as_posix()


def kept() -> dict[str, dict[str, Any]]:
    """All that is remembered, by the lessons' numbers, as text."""
    try:
        found = json.loads(_file().read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):  # none yet, or damaged: nothing that cannot be done again
        return {}
    return {number: done for number, done in found.items() if isinstance(done, dict)} if isinstance(found, dict) else {}
