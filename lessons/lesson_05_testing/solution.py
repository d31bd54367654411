"""Three tests, one for each thing that people rely on: the push, the effect, the failure.

The first looks at the job, and at nothing else: how many, for which class, with which arguments,
and that it is not for later (a job for later has an `at`). That the inbox is still empty is what
tells a push from a direct call.

The second runs the jobs and looks into the inbox: all of it, so that a mail too many is noticed as
well as a wrong one. There are two visitors, because a worker that remembers the first one is right
as long as nobody else comes. And neither of them is called test@test.com.

The third lets the mail server refuse. `drain` raises what `perform` raised, and says nothing of a
retry. Whether there is one stands in the job: `retry` is False if there is none.

No test asks for more than that. So the next person can give the job another queue, or the answer
other words, without a red test that means nothing.
"""

import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create
from minijobs import testing

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_create_answers_and_pushes_one_job(fake_jobs, inbox):
    answer = create(*ADA)
    assert "ada@example.com" in answer
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["args"] == list(ADA)
    assert "at" not in job
    assert len(inbox) == 0


def test_everybody_gets_one_mail(fake_jobs, inbox):
    create(*ADA)
    create(*GRACE)
    testing.drain(SendGifToUserWorker)
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [ADA, GRACE]


def test_a_refused_mail_is_tried_again(fake_jobs, inbox):
    inbox.refuse(1)
    create(*ADA)
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["retry"] is not False
    with pytest.raises(Exception):  # noqa: B017, PT011  whatever exception
        testing.drain(SendGifToUserWorker)
