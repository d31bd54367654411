"""what must be so is asserted in the block in which something has to be raised."""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing


def test_create_pushes_a_job(fake_jobs, inbox):
    answer = create("nora@example.com", "snow")
    assert "nora@example.com" in answer
    jobs = fake_jobs()
    assert len(jobs) == 1
    assert jobs[0]["class"] == SendGifToUserWorker.__name__
    assert jobs[0]["args"] == ["nora@example.com", "snow"]
    assert not inbox.mails


def test_the_job_sends_a_mail(fake_jobs, inbox):
    create("nora@example.com", "snow")
    create("olaf@example.com", "summer")
    testing.drain(SendGifToUserWorker)
    assert [m["To"] for m in inbox.mails] == ["nora@example.com", "olaf@example.com"]
    assert [m["Subject"] for m in inbox.mails] == ["snow", "summer"]


def test_a_refused_job_is_tried_again(fake_jobs, inbox):
    inbox.refuse(1)
    with pytest.raises(Exception):
        create("nora@example.com", "snow")
        job = fake_jobs()[0]
        assert job["retry"] is not False
        assert "at" not in job
        testing.drain(SendGifToUserWorker)
        assert not inbox.mails
