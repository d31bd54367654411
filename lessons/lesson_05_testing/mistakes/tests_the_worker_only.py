"""a Worker's test calls perform"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_mail(inbox):
    SendGifToUserWorker().perform(*ADA)
    SendGifToUserWorker().perform(*GRACE)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_refused(inbox):
    inbox.refuse(1)
    with pytest.raises(Exception):
        SendGifToUserWorker().perform(*ADA)
