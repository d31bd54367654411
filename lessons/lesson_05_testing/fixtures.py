"""The fixtures of exercise 5."""

from __future__ import annotations

from collections.abc import Iterator

import fakeredis
import pytest

import minijobs
from lessons.kit import mail
from minijobs.testing import fake_jobs

__all__ = ["embedded_redis", "fake_jobs", "inbox"]

_served: mail.Inbox | None = None  # starting a mail server takes longer than a test, so all tests have the same one


@pytest.fixture
def inbox() -> mail.Inbox:
    """An empty inbox behind a real mail server, which refuses nothing."""
    global _served
    if _served is None or not _served.running:
        _served = mail.catch_mail()
    mail.use(_served)
    _served.empty()
    _served.refuse(0)
    return _served


@pytest.fixture(autouse=True, scope="session")
def embedded_redis() -> Iterator[None]:
    """A push without a mode goes to a Redis inside this process, and not to one that may be in use."""
    before = minijobs.connection._current
    minijobs.connect(fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 0))))
    yield
    minijobs.connection._current = before
