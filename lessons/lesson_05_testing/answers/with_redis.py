# Right: no mode at all. A Redis inside the process, and the steps of a worker process.
import fakeredis
import pytest

import minijobs
from lessons.lesson_05_testing.mailer import create
from minijobs import Fetcher, Processor, Queue, RetrySet


@pytest.fixture(autouse=True)
def redis():
    return minijobs.connect(fakeredis.FakeRedis(server=fakeredis.FakeServer()))


def waiting():
    return [job for queue in Queue.all() for job in queue]


def work():
    return Processor(Fetcher(*(queue.name for queue in Queue.all()))).process_one()


def test_push(inbox):
    assert "ada@example.com" in create("ada@example.com", "a cat")
    assert [(job.class_name, job.args) for job in waiting()] == [("SendGifToUserWorker", ["ada@example.com", "a cat"])]
    assert len(inbox) == 0


def test_run(inbox):
    create("ada@example.com", "a cat")
    create("grace@example.com", "two cats")
    assert [work().name, work().name] == ["done", "done"]
    assert [(mail["To"], mail["Subject"]) for mail in inbox.mails] == [
        ("ada@example.com", "a cat"),
        ("grace@example.com", "two cats"),
    ]
    assert not waiting()


def test_refused(inbox):
    inbox.refuse(1)
    create("ada@example.com", "a cat")
    assert work().name == "retry"
    assert len(RetrySet()) == 1
