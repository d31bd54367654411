"""Pytest where a process can start no other one: it runs in this process, which afterwards is as it was before."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from lessons.course import telling
from lessons.course.checking import MOST_OUTPUT
from lessons.kit import pytest_process
from lessons.kit.project import ENVIRONMENT, NOT_INHERITED, Project, Result

# What a test may import of ours. `lessons.browser` is what runs here meanwhile.
OURS, NOT_OURS = ("minijobs", "lessons"), "lessons.browser"


class Ended:
    """What stands in the place of the process of a check: it has ended already."""

    def __init__(self, printed: str) -> None:
        self.stdout = io.BytesIO(printed.encode(errors="replace"))

    def wait(self, timeout: float | None = None) -> int:
        """It has ended."""
        return 0

    def kill(self) -> None:
        """It has ended."""


def check(command: list[str], *, env: Mapping[str, str], **_: Any) -> Ended:
    """Run the pytest of a check, as `subprocess.Popen` would in a process of its own."""
    for name in ("exercise", "test_exercise", "conftest"):  # each lesson has one
        sys.modules.pop(name, None)
    printed = Printed()
    with (
        patch.object(telling, "_tell", telling._tell),
        patch.dict(os.environ, env, clear=True),
        patch.object(os, "_exit", _exit),
        redirect_stdout(printed),
        suppress(pytest.exit.Exception),  # of what pytest itself prints afterwards
    ):
        pytest.main(command[command.index("pytest") + 1 :])
    return Ended(printed.getvalue())


class Printed(io.StringIO):
    """What an answer prints. One that prints without end is ended."""

    def write(self, text: str) -> int:
        if self.tell() > MOST_OUTPUT:
            _end("it printed too much")
        return super().write(text)


def _exit(code: int) -> None:
    _end(f"the process ended with {code}")


def _end(why: str) -> None:
    """End the check. Even if the answer catches this, no more results are recorded, as with a process that has ended."""
    telling._tell = lambda **_: None
    pytest.exit(why)


def run(project: Project, runs: list[dict[str, Any]]) -> list[list[Result]]:
    """What `Project._run` does."""
    before = Path.cwd()
    os.chdir(project.path)
    nowhere = io.StringIO()
    try:
        with _as_a_new_process(project.path), redirect_stdout(nowhere), redirect_stderr(nowhere):
            return [[Result(*one) for one in pytest_process.run_once(project.path, **run)] for run in runs]
    finally:
        os.chdir(before)


@contextmanager
def _as_a_new_process(folder: Path) -> Iterator[None]:
    """Meanwhile nothing of ours has been imported: a test imports it anew, and with it all variables."""
    ours = {name: module for name, module in sys.modules.items() if name.split(".")[0] in OURS and NOT_OURS not in name}
    path, environment = list(sys.path), {name: text for name, text in os.environ.items() if name not in NOT_INHERITED}
    for name in ours:
        del sys.modules[name]
    try:
        with patch.dict(os.environ, {**environment, **ENVIRONMENT}, clear=True):
            yield
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] in OURS and NOT_OURS not in name]:
            del sys.modules[name]
        pytest_process.forget(folder)
        sys.modules.update(ours)
        sys.path[:] = path
