"""the address that everybody uses"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

FIRST = ("test@test.com", "a cat on a skateboard")
SECOND = ("test@test.com", "two cats")


def test_push(fake_jobs, inbox):
    answer = create(*FIRST)
    assert "test@test.com" in answer
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["args"] == list(FIRST)
    assert "at" not in job
    assert len(inbox) == 0


def test_mail(fake_jobs, inbox):
    create(*FIRST)
    create(*SECOND)
    testing.drain(SendGifToUserWorker)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [FIRST, SECOND]


def test_refused(fake_jobs, inbox):
    inbox.refuse(1)
    create(*FIRST)
    assert fake_jobs()[0]["retry"] is not False
    with pytest.raises(Exception):
        testing.drain(SendGifToUserWorker)
