"""What the checks of the exercises share. `pytest lessons/lesson_01_the_wait/test_exercise.py` works by itself too."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from lessons.course.catalogue import load
from lessons.kit import mail, session, stage
from minijobs import worker


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--answer", help="the answer to check, instead of the exercise.py beside the check")


@pytest.fixture(autouse=True)
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty Redis of the check's own, embedded; the five-second mail takes a moment."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv(stage.PACE, "0.01")
    known = dict(worker.registry)
    yield session.start()
    session.end()
    worker.registry.clear()
    worker.registry.update(known)


@pytest.fixture
def inbox() -> Iterator[mail.Inbox]:
    """An empty inbox behind a real mail server."""
    box = mail.catch_mail()
    yield box
    box.stop()


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch, answer: Path) -> list[float]:
    """The pauses that the answer itself makes. They are noted, not waited for."""
    naps: list[float] = []
    sleep = time.sleep

    def note(seconds: float) -> None:
        if sys._getframe(1).f_code.co_filename == str(answer):
            naps.append(seconds)
        else:
            sleep(seconds)

    monkeypatch.setattr(time, "sleep", note)
    return naps


@pytest.fixture
def answer(request: pytest.FixtureRequest) -> Path:
    """The file that is checked."""
    given = request.config.getoption("--answer")
    return Path(given).resolve() if given else Path(request.path).parent / "exercise.py"


@pytest.fixture
def exercise(redis: Any, answer: Path) -> ModuleType:
    """The answer, loaded afresh, so that no test sees what another one left in it."""
    return load(answer)
