"""inline mode is enough"""

import pytest

from lessons.lesson_05_testing.mailer import create
from minijobs import testing

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_mail(inbox):
    with testing.inline():
        assert "ada@example.com" in create(*ADA)
        create(*GRACE)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_refused(inbox):
    inbox.refuse(1)
    with testing.inline(), pytest.raises(Exception):
        create(*ADA)
