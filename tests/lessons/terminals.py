"""A terminal with somebody in front of it, and the environment of the processes that the tests of the lessons start."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from lessons.kit import stage
from lessons.kit.others import FOLDER

ROOT = Path(__file__).parents[2]

# A lesson, a check or a kernel that hangs must fail a test, not stop the run. Seconds. Lesson 10 measures for half a minute,
# and the first time it makes the environments of other libraries; nothing else needs a tenth of it.
DEADLINE = 300


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a process that a test starts: hurried, 80 columns wide, and this checkout's minijobs."""
    without = {"REDIS_URL", stage.PACE, "FORCE_COLOR", "MINIJOBS_CHECK_TELLS"}
    known = {name: value for name, value in os.environ.items() if name not in without}
    ours = {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", stage.PACE: "0.02"}
    # The environments of other libraries are made once, and not in each copy of the course.
    return {FOLDER: str(ROOT / ".others"), **known, **ours, **more}


class Terminal:
    """A process with somebody in front of it, who reads what it prints and types."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self.text = self.raw = ""
        self._decoded = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end in the middle of a letter
        self._read_to = 0
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)

    def until(self, *awaited: str) -> str:
        """Read until one of these words comes after all that was read before. Returns which."""
        deadline = time.monotonic() + DEADLINE
        while True:
            new = self.text[self._read_to :]
            found = [(new.index(word) + len(word), word) for word in awaited if word in new]
            if found:
                self._read_to += min(found)[0]
                return min(found)[1]
            assert self._more(deadline), f"The process ended, and never said {awaited}:\n{new}"

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        """Read to the end. Returns the exit code."""
        deadline = time.monotonic() + DEADLINE
        while self._more(deadline):
            pass
        return self.process.wait(timeout=DEADLINE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"Nothing more came within {DEADLINE} seconds:\n{self.text[-2000:]}"
        try:
            raw = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        new = self._decoded.decode(raw)
        self.raw += new
        self.text += re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", new).replace("\r", "")
        return bool(raw)
