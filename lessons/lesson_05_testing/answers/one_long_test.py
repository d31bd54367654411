# Right: one test that plays the whole story, as some like it.
import smtplib

from lessons.lesson_05_testing.mailer import create
from minijobs import testing


def test_the_whole_story(fake_jobs, inbox):
    # Two visitors come, and are answered at once.
    assert "ada@example.com" in create("ada@example.com", "a cat")
    assert "grace@example.com" in create("grace@example.com", "two cats")
    assert len(inbox) == 0, "nobody should wait for a mail"
    first, second = fake_jobs()
    assert first["args"] == ["ada@example.com", "a cat"]
    assert second["args"] == ["grace@example.com", "two cats"]
    assert first["class"] == second["class"] == "SendGifToUserWorker"
    assert "at" not in first
    # The mail server is busy, and then it is not.
    inbox.refuse(1)
    try:
        testing.perform_one("SendGifToUserWorker")
        assert False, "the run should have failed"  # noqa: B011, PT015
    except (smtplib.SMTPException, RuntimeError) as error:
        print("as it should be:", error)
    assert first["retry"] is not False
    testing.drain("SendGifToUserWorker")
    create("ada@example.com", "a cat")
    testing.drain("SendGifToUserWorker")
    assert {(mail["To"], mail["Subject"]) for mail in inbox.mails} == {
        ("ada@example.com", "a cat"),
        ("grace@example.com", "two cats"),
    }
    assert len(inbox) == 2
