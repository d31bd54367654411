# Right: send_gif is replaced by a function that only writes down what it was given, whichever way.
import pytest

from lessons.lesson_05_testing import mailer
from minijobs import testing


class Post:
    def __init__(self):
        self.sent = []
        self.open = True

    def send_gif(self, email, thought, **_):
        if not self.open:
            raise OSError("closed")
        self.sent.append((email, thought))


@pytest.fixture
def post(monkeypatch):
    post = Post()
    monkeypatch.setattr(mailer, "send_gif", post.send_gif)
    return post


def test_create(fake_jobs, post):
    answer = mailer.create("ada@example.com", "a cat")
    assert "ada@example.com" in answer
    assert post.sent == []
    jobs = fake_jobs(mailer.SendGifToUserWorker)
    assert [job["args"] for job in jobs] == [["ada@example.com", "a cat"]]
    assert "at" not in jobs[0]


def test_perform(fake_jobs, post):
    mailer.create("ada@example.com", "a cat")
    mailer.create("grace@example.com", "two cats")
    testing.drain_all()
    assert sorted(post.sent) == [("ada@example.com", "a cat"), ("grace@example.com", "two cats")]


def test_closed(fake_jobs, inbox):
    inbox.refuse(1)
    mailer.create("ada@example.com", "a cat")
    assert fake_jobs()[0]["retry"] is not False
    with pytest.raises(Exception):  # noqa: B017, PT011
        testing.drain_all()
