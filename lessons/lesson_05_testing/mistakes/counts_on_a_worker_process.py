"""a second is enough for the job"""

import time

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_push(fake_jobs, inbox):
    answer = create(*ADA)
    assert "ada@example.com" in answer
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["args"] == list(ADA)
    assert "at" not in job
    assert len(inbox) == 0


def test_mail(inbox):
    create(*ADA)
    create(*GRACE)
    time.sleep(1)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_refused(fake_jobs, inbox):
    inbox.refuse(1)
    create(*ADA)
    assert fake_jobs()[0]["retry"] is not False
    with pytest.raises(Exception):
        testing.drain(SendGifToUserWorker)
