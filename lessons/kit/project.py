"""A small project in a folder of its own: a lesson writes files into it, and pytest is run there, as you would run it.

Each time, pytest runs in a new process, so that what its tests leave behind ends with it. To start one takes a second, most
of it for imports. So one process imports everything, and a copy of it, a fork, is made for each run (see `pytest_process`).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from .show import Shown, Table

ROOT = Path(__file__).parents[2]

# What is set for pytest where the lesson runs must not lead it astray: a test of a lesson needs no plugin, and no Redis.
ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}
NOT_INHERITED = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONWARNINGS", "PYTHONSTARTUP", "PYTHONINSPECT", "REDIS_URL")

# How much is shown of what a test said.
WIDEST = 40


class Result(NamedTuple):
    """What became of a test."""

    test: str
    passed: bool
    said: str  # the first line of what it raised; empty if it passed

    @property
    def colour(self) -> str:
        """Green or red, as a word."""
        return "green" if self.passed else "RED"


class Project:
    """A folder with a few files. It is deleted when nobody has it any more."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="minijobs-project-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)
        self.write("pytest.ini", "[pytest]")  # otherwise pytest would look for its settings above this folder
        self._process: subprocess.Popen[str] | None = None
        self._start()  # while somebody reads

    def write(self, name: str, text: str) -> None:
        """Write a file into the folder. What it held before is gone."""
        (self.path / name).write_text(text.strip("\n") + "\n", encoding="utf-8")

    def add(self, name: str, text: str) -> None:
        """Write more at the end of a file; once: what it holds already is not written again."""
        held = self.read(name)
        more = "\n\n" + text.strip("\n") + "\n"
        if more not in held:
            (self.path / name).write_text(held + more, encoding="utf-8")

    def read(self, name: str) -> str:
        """What a file holds."""
        return (self.path / name).read_text(encoding="utf-8")

    def pytest(self, *which: str, times: int = 1, backwards: bool = False) -> TestRun:
        """Run the tests in these files, or in all of them, in a new process; several `times` in the same one, if you like.

        `backwards` runs the last test first.
        """
        run = {"files": {}, "which": which, "backwards": backwards, "afresh": False}
        return TestRun(self._run([run] * times))

    def against(self, name: str, versions: Mapping[str, str], *which: str) -> Versions:
        """Run the tests against each version of a file: `versions` maps the name of a version to what the file holds then.

        Afterwards the file holds what it held before.
        """
        before = self.read(name)
        runs = [{"files": {name: text}, "which": which, "backwards": False, "afresh": True} for text in versions.values()]
        try:
            return Versions(dict(zip(versions, self._run(runs), strict=True)))
        finally:
            self.write(name, before)

    def _run(self, runs: list[dict[str, Any]]) -> list[list[Result]]:
        """Do these runs in one new process. Raises RuntimeError if it came to no end."""
        told = self.path / ".told.json"
        told.unlink(missing_ok=True)
        process = self._process if self._process is not None and self._process.poll() is None else self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(runs) + "\n")
            process.stdin.flush()
            process.stdout.readline()  # it has been done
        except BaseException:  # Ctrl-C: nobody reads any more what it does
            process.kill()
            raise
        if not told.exists():
            said = self.path.joinpath(".said.txt").read_text(encoding="utf-8", errors="replace")
            raise RuntimeError(f"pytest came to no end. It said:\n{said[-2000:]}")
        return [[Result(*one) for one in results] for results in json.loads(told.read_text(encoding="utf-8"))]

    def _start(self) -> subprocess.Popen[str]:
        """Start the process that runs pytest in forks of itself. It ends when this one does, or has no project any more."""
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "lessons.kit.pytest_process"],
            cwd=self.path,
            env={**inherited, **ENVIRONMENT, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the lesson
        )
        weakref.finalize(self, _end, process)
        return process


def _end(process: subprocess.Popen[str]) -> None:
    """End the process, and wait for it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()


class TestRun(Shown):
    """The tests of one process, in the order in which they ran: green or red, and what a red one said."""

    __test__ = False  # pytest would take it for a class of tests, by its name

    def __init__(self, rounds: list[list[Result]]) -> None:
        self.rounds = rounds

    @property
    def colours(self) -> list[list[str]]:
        """The colours of the tests, for each time that they ran."""
        return [[result.colour for result in results] for results in self.rounds]

    def table(self) -> Table:
        """A row for each test that ran."""
        several = len(self.rounds) > 1
        says = any(result.said for results in self.rounds for result in results)
        headings = [*(["time"] if several else []), "test", "", *(["it said"] if says else [])]
        rows = [
            [*([number] if several else []), result.test, result.colour, *([shortened(result.said)] if says else [])]
            for number, results in enumerate(self.rounds, start=1)
            for result in results
        ]
        return Table(headings, rows or [[*([""] if several else []), "(pytest found no test)", ""]])

    def lines(self) -> list[str]:
        return self.table().lines()

    def html(self) -> str:
        return self.table().html()


class Versions(Shown):
    """The same tests against several versions of the code: tests down, versions across, each cell green or red."""

    def __init__(self, results: Mapping[str, Iterable[Result]]) -> None:
        self.results = {version: {result.test: result for result in found} for version, found in results.items()}

    @property
    def tests(self) -> list[str]:
        """The names of the tests."""
        return list(dict.fromkeys(test for found in self.results.values() for test in found))

    def red(self, *tests: str) -> list[str]:
        """The versions in which at least one of these tests is red."""
        return [
            version
            for version, found in self.results.items()
            if any(test in found and not found[test].passed for test in tests)
        ]

    def table(self) -> Table:
        """A row for each test, a column for each version."""
        rows = [
            [test.removeprefix("test_"), *(found[test].colour if test in found else "" for found in self.results.values())]
            for test in self.tests
        ]
        return Table(["", *self.results], rows)

    def lines(self) -> list[str]:
        return self.table().lines()

    def html(self) -> str:
        return self.table().html()


def shortened(text: str, most: int = WIDEST) -> str:
    """A text of one line, in so many letters at most.

    >>> shortened("assert 1 == 0"), shortened("a long story", 7)
    ('assert 1 == 0', 'a long…')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"
