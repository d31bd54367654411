"""if the mail is there, all is well"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_mail(fake_jobs, inbox):
    assert "ada@example.com" in create(*ADA)
    create(*GRACE)
    testing.drain(SendGifToUserWorker)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_refused(fake_jobs, inbox):
    inbox.refuse(1)
    with pytest.raises(Exception):
        create(*ADA)
        testing.drain(SendGifToUserWorker)
