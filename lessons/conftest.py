"""What the checks of the exercises share. `pytest lessons/lesson_01_the_wait/test_exercise.py` works by itself too."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lessons.course.rejection import Judge
from lessons.course.witness import Witness
from lessons.kit import mail, people, session, stage


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--answer", help="the answer to check, instead of the exercise.py beside the check")


@pytest.fixture(scope="module")
def answer(request: pytest.FixtureRequest) -> Path:
    """The file that is checked."""
    given = request.config.getoption("--answer")
    return Path(given).resolve() if given else Path(request.path).parent / "exercise.py"


@pytest.fixture(scope="module")
def inbox() -> Iterator[mail.Inbox]:
    """An empty inbox behind a real mail server."""
    box = mail.catch_mail()
    yield box
    box.stop()


@pytest.fixture(scope="module")
def witness(answer: Path, inbox: mail.Inbox) -> Iterator[Witness]:
    """Watches the answer, on an embedded Redis of the check's own. The five-second mail takes a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("REDIS_URL", raising=False)
        patch.setenv(stage.PACE, "0.001")
        people.as_they_were()
        redis = session.start()
        with Witness(answer, redis) as watching:
            yield watching
        session.end()
        people.as_they_were()
        sys.modules.pop("exercise", None)


@pytest.fixture
def judge(request: pytest.FixtureRequest, answer: Path, seen: Any) -> Judge:
    """Accepts what was seen, or says no."""
    return Judge(answer, seen, request.module.LOOK)
