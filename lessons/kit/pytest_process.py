"""What runs in the process in which a lesson's `Project` has its tests run: pytest, once or several times.

Each line of its standard input asks for some runs, one after the other in one new process. What became of the tests is
written into a file of the folder; then a line on the standard output says that it has been done.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

import minijobs.testing  # noqa: F401  once, before there are forks

# A test of a lesson takes a moment. One that takes so long never ends. Seconds.
LONGEST = 60

OPTIONS = ("-q", "--tb=short", "--color=no", "-p", "no:cacheprovider")


class Results:
    """A plugin of pytest's: it writes down what became of each test."""

    def __init__(self, *, backwards: bool = False) -> None:
        self.found: list[tuple[str, bool, str]] = []
        self._backwards = backwards

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self._backwards:
            items.reverse()

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported has no tests; it is red itself."""
        if report.failed:
            self.found.append((report.nodeid, False, said(report)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A test has three reports: before it a fixture may fail, after it another one."""
        test = report.nodeid.rpartition("::")[2]
        if report.failed and (not self.found or self.found[-1][0] != test or report.when != "teardown"):
            self.found.append((test, False, said(report)))
        elif report.passed and report.when == "call":
            self.found.append((test, True, ""))


def said(report: pytest.TestReport | pytest.CollectReport) -> str:
    """The first line of what a test raised, or a file; an assertion is told by itself."""
    crash = getattr(report.longrepr, "reprcrash", None)
    unknown = getattr(report.longrepr, "errorstring", "")  # a fixture that is not there
    lines = (crash.message if crash is not None else unknown or str(report.longrepr).strip()).splitlines()
    raised = [line.removeprefix("E").strip() for line in lines if line.startswith("E ")]  # in a file that is no Python
    lines = raised[-1:] or lines
    return lines[0].removeprefix("AssertionError: ").replace(f"{Path.cwd()}{os.sep}", "") if lines else ""


def forget(folder: Path) -> None:
    """Nothing has been imported from this folder: its files may hold something else by now."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and Path(file).parent == folder:
            del sys.modules[name]
    importlib.invalidate_caches()


def main() -> None:
    """Do what is asked for, in a fork for each request: a new process, as far as a test can tell."""
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    for line in sys.stdin:
        if not hasattr(os, "fork"):  # Windows: this process serves once, and the next request has a new one
            serve(json.loads(line))
        elif (child := os.fork()) == 0:
            try:
                signal.alarm(LONGEST)
                serve(json.loads(line))
            finally:
                os._exit(0)
        else:
            os.waitpid(child, 0)
        try:
            print("done", file=reply, flush=True)
        except BrokenPipeError:  # the lesson has ended meanwhile
            break
        if not hasattr(os, "fork"):
            return
    shutil.rmtree(Path.cwd(), ignore_errors=True)  # the lesson has ended, perhaps without a chance to do that


def serve(runs: list[dict[str, Any]]) -> None:
    """Do these runs, and tell what was found in each. What pytest prints goes into a file."""
    folder = Path.cwd()
    said = os.open(folder / ".said.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(said, 1)
    os.dup2(said, 2)
    found = [run_once(folder, **run) for run in runs]
    new = folder / ".told.new"
    new.write_text(json.dumps(found), encoding="utf-8")
    os.replace(new, folder / ".told.json")


def run_once(folder: Path, files: dict[str, str], which: list[str], backwards: bool, afresh: bool) -> list[Any]:
    """Run the tests once in this process. `afresh` imports everything in the folder again, with `files` in it."""
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    if afresh:
        forget(folder)
    results = Results(backwards=backwards)
    pytest.main([*OPTIONS, *(which or ["."])], plugins=[results])
    return results.found


if __name__ == "__main__":
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    main()
