"""A screenful at a time: a reader who has to scroll back has lost the point."""

from __future__ import annotations

import os
import re
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TextIO

from lessons.kit import stage

# Rows of the terminal that are kept free: for the question, and for the row after it.
KEPT_FREE = 2

# A cell that has printed nothing for so long is said to be still running. Seconds.
SILENT = 3.0

COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Pages:
    """Standard output that waits whenever the terminal is full, until somebody has read it. `wait` does the waiting."""

    def __init__(self, terminal: TextIO, wait: Callable[[], None]) -> None:
        self._terminal, self._wait = terminal, wait
        self._rows = 0  # since somebody was last asked something
        self._column = 0  # in the row that has begun
        self._questions = stage.questions
        self._waits = True
        self._writing = threading.Lock()
        self._written_at = 0.0
        self._said = ""  # that it is still running, in a row that the next output takes

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)

    def write(self, text: str) -> int:
        """Write, and wait each time that the terminal is full and more is to come."""
        for line in text.splitlines(keepends=True):
            self._note_questions()
            empty = line == "\n" and not self._column
            if empty and self._rows >= self._height():
                continue  # an empty row is not worth a page
            # Nor does one take any of the page above what comes first: it may scroll away.
            rows = 0 if empty and not self._rows else self._rows_of(line)
            if self._rows and self._rows + rows > self._height():
                self._pause()
            with self._writing:
                self._take_back()
                self._terminal.write(line)
                self._written_at = time.monotonic()
            self._column += len(COLOUR.sub("", line.rstrip("\n")))
            if line.endswith("\n"):
                self._rows, self._column = self._rows + rows, 0
        return len(text)

    def keep_together(self, rows: int) -> None:
        """Wait first, if so many rows do not fit below what is there, but fit on a page of their own."""
        self._note_questions()
        if self._rows and self._rows + rows > self._height() >= rows:
            self._pause()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Meanwhile a cell runs. Whenever it has been silent for a while, the terminal says for how long it has run."""
        over = threading.Event()
        teller = threading.Thread(target=self._say_that_it_runs, args=(over, time.monotonic()), daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()
            with self._writing:
                self._take_back()

    def _say_that_it_runs(self, over: threading.Event, since: float) -> None:
        while not over.wait(0.2):
            now = time.monotonic()
            with self._writing:
                silent = now - max(self._written_at, since) > SILENT
                if silent and self._waits and not self._column and not stage.asking:
                    said = f"… {now - since:.0f} s"
                    if said != self._said:
                        self._said = said
                        self._terminal.write(f"\r{said}")
                        self._terminal.flush()

    def _take_back(self) -> None:
        if self._said:
            self._terminal.write(f"\r{' ' * len(self._said)}\r")
            self._said = ""

    def _rows_of(self, line: str) -> int:
        """The rows that it takes, with what stands before it: the terminal breaks a long line."""
        length = self._column + len(COLOUR.sub("", line.rstrip("\n")))
        return max(1, -(-length // shutil.get_terminal_size((80, 24)).columns))

    def _note_questions(self) -> None:
        if self._questions != stage.questions:
            self._rows, self._column, self._questions = 0, 0, stage.questions

    def _height(self) -> int:
        return shutil.get_terminal_size((80, 24)).lines - KEPT_FREE

    def _pause(self) -> None:
        if self._waits and threading.current_thread() is threading.main_thread():  # a job's thread has nobody to ask
            with self.waiting_for_nobody():
                self._wait()
            self._note_questions()

    @contextmanager
    def waiting_for_nobody(self) -> Iterator[None]:
        """Meanwhile, everything is written at once: somebody types at a prompt."""
        before, self._waits = self._waits, False
        try:
            yield
        finally:
            self._waits = before


@contextmanager
def paged(wait: Callable[[], None]) -> Iterator[Pages]:
    """Standard output is paged meanwhile."""
    terminal = sys.stdout
    pages = Pages(terminal, wait)
    sys.stdout = pages  # type: ignore[assignment]
    try:
        yield pages
    finally:
        sys.stdout = terminal


def running() -> AbstractContextManager[None]:
    """Meanwhile a cell runs; see `Pages.running`. In a hurry, nothing is said of it."""
    hurried = stage.PACE in os.environ
    return sys.stdout.running() if isinstance(sys.stdout, Pages) and not hurried else nullcontext()


def keep_together(rows: int) -> None:
    """What is printed next has so many rows, which are better seen at once."""
    if isinstance(sys.stdout, Pages):
        sys.stdout.keep_together(rows)


def unpaged() -> AbstractContextManager[None]:
    """Meanwhile, everything is written at once."""
    return sys.stdout.waiting_for_nobody() if isinstance(sys.stdout, Pages) else nullcontext()
