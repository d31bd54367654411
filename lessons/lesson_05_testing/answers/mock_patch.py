# Right: no mail server. What would speak to it is replaced, where every mail passes.
import smtplib
from unittest import mock

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing


@pytest.fixture
def send(inbox):
    with mock.patch("smtplib.SMTP.send_message", return_value={}) as send:
        yield send


def mails(send):
    return [(call.args[0]["To"], call.args[0]["Subject"]) for call in send.call_args_list]


def test_the_push_sends_nothing(fake_jobs, send):
    assert "ada@example.com" in create("ada@example.com", "a cat")
    send.assert_not_called()
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["args"] == ["ada@example.com", "a cat"]
    assert "at" not in job


def test_the_run_sends(fake_jobs, send):
    create("ada@example.com", "a cat")
    create("grace@example.com", "two cats")
    testing.drain(SendGifToUserWorker)
    assert mails(send) == [("ada@example.com", "a cat"), ("grace@example.com", "two cats")]


def test_a_refusal(fake_jobs, send):
    send.side_effect = smtplib.SMTPDataError(451, b"busy")
    create("ada@example.com", "a cat")
    assert fake_jobs()[0]["retry"] is not False
    with pytest.raises(Exception):  # noqa: B017, PT011
        testing.drain(SendGifToUserWorker)
    assert send.call_count == 1
