# Right: the same tests for several visitors, one after the other.
import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

VISITORS = [("ada@example.com", "a cat"), ("grace@example.com", "two cats"), ("simone@example.com", "")]

each_visitor = pytest.mark.parametrize(("email", "thought"), VISITORS)


@each_visitor
def test_the_job(fake_jobs, inbox, email, thought):
    assert email in create(email, thought)
    assert [(job["class"], job["args"]) for job in fake_jobs()] == [("SendGifToUserWorker", [email, thought])]
    assert not any("at" in job for job in fake_jobs())
    assert not inbox.mails


@each_visitor
def test_the_mail(fake_jobs, inbox, email, thought):
    create(email, thought)
    testing.drain(SendGifToUserWorker)
    assert [(mail["To"], mail["Subject"] or "") for mail in inbox.mails] == [(email, thought)]


@pytest.mark.parametrize("times", [1, 2])
def test_refused(fake_jobs, inbox, times):
    inbox.refuse(times)
    for _ in range(times):
        create("ada@example.com", "a cat")
    assert all(job["retry"] is not False for job in fake_jobs())
    for _ in range(times):
        with pytest.raises(Exception):  # noqa: B017, PT011
            testing.perform_one(SendGifToUserWorker)
    assert len(inbox) == 0
