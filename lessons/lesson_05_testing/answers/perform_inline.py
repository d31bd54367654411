# Right: the push and the Worker apart. The job that create has pushed says what perform is called with.
import pytest

from lessons.lesson_05_testing.mailer import SendGifToUserWorker, create

ADA, GRACE = ["ada@example.com", "a cat"], ["grace@example.com", "two cats"]


class TestCreate:
    def test_pushes(self, fake_jobs, inbox):
        assert "ada@" in create(*ADA)
        assert "grace@" in create(*GRACE)
        jobs = fake_jobs(SendGifToUserWorker)
        assert [job["args"] for job in jobs] == [ADA, GRACE]
        assert {"at"} & {field for job in jobs for field in job} == set()
        assert all(job["retry"] is True or job["retry"] > 0 for job in jobs)
        assert inbox.mails == []


class TestPerform:
    def test_mails(self, inbox):
        SendGifToUserWorker.perform_inline(*ADA)
        SendGifToUserWorker().perform(*GRACE)
        assert [[mail["To"], mail["Subject"]] for mail in inbox.mails] == [ADA, GRACE]

    def test_raises(self, inbox):
        inbox.refuse(1)
        with pytest.raises(Exception):  # noqa: B017, PT011
            SendGifToUserWorker.perform_inline(*ADA)
