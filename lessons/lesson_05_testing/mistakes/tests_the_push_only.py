"""if it is pushed, it works"""

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_push(fake_jobs, inbox):
    answer = create(*ADA)
    assert "ada@example.com" in answer
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["args"] == list(ADA)
    assert "at" not in job
    assert len(inbox) == 0


def test_push_for_grace(fake_jobs, inbox):
    answer = create(*GRACE)
    assert "grace@example.com" in answer
    (job,) = fake_jobs(SendGifToUserWorker)
    assert job["args"] == list(GRACE)
    assert "at" not in job
    assert len(inbox) == 0


def test_retry(fake_jobs):
    create(*ADA)
    assert fake_jobs()[0]["retry"] is not False
