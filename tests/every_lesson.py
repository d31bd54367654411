"""Each lesson is played, and its stub and its solution are checked, as on a learner's machine: python tests/every_lesson.py

It needs no make, no Redis, and of what tests need only what a learner has too. So it also runs on Windows and macOS, where
the workflow runs it. Numbers after it: only these lessons.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from lessons.course import catalogue, checking  # noqa: E402
from lessons.course.catalogue import Lesson  # noqa: E402

SURROUNDINGS = {"MINIJOBS_LESSON_PACE": "0.02", "PYTHONUTF8": "0"}  # in a hurry; and with the machine's own encoding


def main(numbers: list[str]) -> int:
    """Returns the exit code: 0 if all went well."""
    chosen = [one for one in catalogue.lessons() if not numbers or str(one.number) in numbers]
    went = list(map(goes_well, chosen))  # each of them, also after one that went wrong
    return int(not all(went))


def goes_well(lesson: Lesson) -> bool:
    """Whether it can be played, and its check tells right from wrong. Prints what went wrong."""
    if lesson.starts_processes and os.name == "nt":
        print(f"{lesson.number}: left out. It needs a Redis server, and none comes along on Windows.")
        return True
    command = [sys.executable, "-m", "lessons", "play", str(lesson.number)]
    played = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **SURROUNDINGS}, stdin=subprocess.DEVNULL, capture_output=True, timeout=300
    )
    right, wrong = checking.examine(lesson, lesson.solution), checking.examine(lesson, lesson.stub)
    well = played.returncode == 0 and right.passed and not wrong.passed
    print(f"{lesson.number}: {'well' if well else 'WRONG'}", flush=True)
    if not well:
        print((played.stdout[-2000:] + played.stderr).decode(errors="replace"), right.reason, f"stub passed: {wrong.passed}")
    return well


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
