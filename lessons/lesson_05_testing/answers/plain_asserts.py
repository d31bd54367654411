# Right: no fixture at all. Each test clears up before it begins, and has an inbox of its own.
from lessons.kit import catch_mail
from lessons.lesson_05_testing.mailer import create
from minijobs import testing


def start():
    testing.clear_all()
    return catch_mail()


def mails(inbox):
    return [(mail["To"], mail["Subject"]) for mail in inbox.mails]


def test_push():
    inbox = start()
    with testing.fake():
        answer = create("ada@example.com", "a cat")
    assert "ada@example.com" in answer
    jobs = testing.jobs("SendGifToUserWorker")
    assert len(jobs) == 1
    assert jobs[0]["args"] == ["ada@example.com", "a cat"]
    assert jobs[0].get("at") is None
    assert mails(inbox) == []


def test_mail():
    inbox = start()
    for visitor in ("ada", "grace"):
        with testing.fake():
            create(f"{visitor}@example.com", f"for {visitor}")
            testing.drain_all()
    assert mails(inbox) == [("ada@example.com", "for ada"), ("grace@example.com", "for grace")]


def test_refusal():
    inbox = start()
    inbox.refuse(1)
    with testing.fake():
        create("ada@example.com", "a cat")
        assert testing.jobs()[0]["retry"]
        try:
            testing.drain_all()
        except Exception:
            raised = True
        else:
            raised = False
    assert raised
