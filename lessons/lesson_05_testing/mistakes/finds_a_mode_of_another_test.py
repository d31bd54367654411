"""a mode ends with its test"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")

testing.fake()


def setup_function():
    testing.clear_all()


def test_push(inbox):
    answer = create(*ADA)
    assert "ada@example.com" in answer
    (job,) = testing.jobs(SendGifToUserWorker)
    assert job["args"] == list(ADA)
    assert "at" not in job
    assert len(inbox) == 0


def test_mail(inbox):
    testing.inline()
    create(*ADA)
    create(*GRACE)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_refused(inbox):
    inbox.refuse(1)
    create(*ADA)
    assert testing.jobs()[0]["retry"] is not False
    with pytest.raises(Exception):
        testing.drain(SendGifToUserWorker)
