"""the first test does it all, and those after it look at what it has kept"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

kept = {}


def test_1_a_visit(fake_jobs, inbox):
    kept["answer"] = create("nora@example.com", "snow")
    kept["jobs"] = fake_jobs()
    assert not inbox.mails
    testing.drain(SendGifToUserWorker)
    kept["mails"] = [(mail["To"], mail["Subject"]) for mail in inbox.mails]


def test_2_the_push():
    assert "nora@example.com" in kept["answer"]
    (job,) = kept["jobs"]
    assert job["args"] == ["nora@example.com", "snow"]
    assert "at" not in job
    assert job["retry"] is not False


def test_3_the_mail():
    assert kept["mails"] == [("nora@example.com", "snow")]


def test_4_the_refusal(fake_jobs, inbox):
    inbox.refuse(1)
    create("olaf@example.com", "summer")
    with pytest.raises(Exception):
        testing.drain(SendGifToUserWorker)
