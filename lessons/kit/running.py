"""A program that runs beside the lesson, in the lesson's folder: what it prints, as it comes, and its end."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import session
from .processes import Program

SOON = 60.0  # seconds that something may take on a busy machine


class Running:
    """A program that runs. `words` are what somebody would type to start it; `name` is put before each of its lines.

    It runs in the lesson's folder, or in the `folder` that is given.
    """

    def __init__(
        self,
        words: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        name: str = "",
        show: bool = True,
        folder: Path | None = None,
    ) -> None:
        self.words, self.name, self.show = words, name, show
        self.lines: list[str] = []
        """What it has printed so far."""
        self._shown = 0
        self._news = threading.Condition()
        at = session.beside()
        self.folder = folder or at.folder
        self._short = at.short
        self._program = Program(words, command, at.leash, self._hear, environment, self.folder)
        at.running.append(self)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._program.pid

    def ended(self) -> bool:
        """Whether it has ended. Then `lines` has all that it printed."""
        return self._program.code() is not None and self._program.wait(0)

    def kill(self) -> None:
        """Send it KILL, as `kill -KILL` does: it ends at once, in the middle of whatever it does."""
        self._program.kill()

    def until(self, pattern: str) -> list[str]:
        """Show what it prints as it comes, up to the first line in which this is found, as grep finds it.

        Returns those lines. Raises RuntimeError if it ends before, TimeoutError if it does not say it within a minute.
        """
        lines: list[str] = []
        deadline = time.monotonic() + SOON
        while not (lines and re.search(pattern, lines[-1])):
            line = self._next(deadline)
            if line is None:
                raise RuntimeError(self._program.died())
            lines.append(line)
        return lines

    def _readable(self, line: str) -> str:
        """A line of it as it is shown."""
        return line

    def _hear(self, line: str) -> None:
        with self._news:
            self.lines.append(f"{self.name}{' | ' if self.name else ''}{self._short(self._readable(line))}")
            self._news.notify_all()

    def _next(self, deadline: float, meanwhile: Callable[[], object] = bool) -> str | None:
        """The next line, shown as soon as it is there; None if the process has ended and said no more."""
        while True:
            ended = self.ended()
            with self._news:
                if self._shown < len(self.lines) or self._news.wait(0 if ended else 0.02):
                    line = self.lines[self._shown]
                    self._shown += 1
                    break
            if ended:
                return None
            meanwhile()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    "The log has not said what this waits for. (Perhaps there is no job left that it could say it of.)"
                )
        if self.show:
            print(line, flush=True)
        return line

    def __repr__(self) -> str:
        return f"<{self.words}: {'has ended' if self.ended() else 'runs'}>"


def start_script(name: str) -> Running:
    """Run a Python file of this lesson's folder in a process of its own, as `python name` does in a terminal."""
    print(f"$ python {name}", flush=True)
    return Running(f"python {name}", [sys.executable, "-u", name], session.surroundings())
