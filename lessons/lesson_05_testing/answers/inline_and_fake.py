# Right: the push in fake mode, the effect in inline mode.
import pytest

from lessons.lesson_05_testing.mailer import create
from minijobs import testing


@pytest.fixture(autouse=True)
def _nothing_is_left():
    testing.clear_all()
    yield
    testing.clear_all()


def test_what_is_pushed(inbox):
    with testing.fake():
        assert "lin@example.com" in create("lin@example.com", "tea")
    (job,) = testing.jobs()
    assert (job["class"], job["args"], job.get("at")) == ("SendGifToUserWorker", ["lin@example.com", "tea"], None)
    assert job["retry"] is not False
    assert len(inbox) == 0


@pytest.mark.parametrize("name", ["ada", "grace"])
def test_what_is_sent(inbox, name):
    with testing.inline():
        create(f"{name}@example.com", f"dear {name}")
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [(f"{name}@example.com", f"dear {name}")]


def test_what_is_refused(inbox):
    inbox.refuse(1)
    with testing.inline(), pytest.raises(Exception):  # noqa: B017, PT011
        create("lin@example.com", "tea")
