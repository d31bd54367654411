"""there is a job"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_push(fake_jobs, inbox):
    answer = create(*ADA)
    assert "ada@example.com" in answer
    job = fake_jobs(SendGifToUserWorker)[0]
    assert job["args"] == list(ADA)
    assert "at" not in job
    assert len(inbox) == 0


def test_mail(fake_jobs, inbox):
    for visitor in (ADA, GRACE):
        create(*visitor)
        testing.perform_one(SendGifToUserWorker)
        testing.clear_all()
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_refused(fake_jobs, inbox):
    inbox.refuse(1)
    create(*ADA)
    assert fake_jobs()[0]["retry"] is not False
    with pytest.raises(Exception):
        testing.drain(SendGifToUserWorker)
