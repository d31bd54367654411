"""What the tests can ask for: a browser, a list for the jobs, a list for the mails."""

import pytest

import database
import services
import web
from minijobs.testing import fake_jobs

__all__ = ["browser", "fake_jobs", "outbox"]


@pytest.fixture
def browser(tmp_path, monkeypatch):
    """Somebody in front of the page, with a database of their own."""
    monkeypatch.setattr(database, "FILE", str(tmp_path / "test.db"))
    database.prepare()
    return web.app.test_client()


@pytest.fixture
def outbox(monkeypatch):
    """The mails that were sent: to whom, and with which subject."""
    mails = []
    monkeypatch.setattr(services, "send_mail", lambda to, subject, text: mails.append((to, subject)))
    return mails
