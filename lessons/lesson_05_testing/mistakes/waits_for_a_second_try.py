"""the failed job is expected to be in the list again."""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing


def test_push(fake_jobs, inbox):
    assert "x@example.com" in create("x@example.com", "xylophone")
    assert [(j["class"], j["args"]) for j in fake_jobs()] == [("SendGifToUserWorker", ["x@example.com", "xylophone"])]
    assert "at" not in fake_jobs()[0]
    assert not inbox.mails


def test_mail(fake_jobs, inbox):
    create("x@example.com", "xylophone")
    create("y@example.com", "yacht")
    testing.drain(SendGifToUserWorker)
    assert [(m["To"], m["Subject"]) for m in inbox.mails] == [
        ("x@example.com", "xylophone"),
        ("y@example.com", "yacht"),
    ]


def test_refused_is_tried_again(fake_jobs, inbox):
    inbox.refuse(1)
    create("x@example.com", "xylophone")
    with pytest.raises(Exception):
        testing.drain(SendGifToUserWorker)
    # the job must be waiting for its second try ...
    assert len(fake_jobs(SendGifToUserWorker)) == 1
    # ... which works
    testing.drain(SendGifToUserWorker)
    assert [m["To"] for m in inbox.mails] == ["x@example.com"]
