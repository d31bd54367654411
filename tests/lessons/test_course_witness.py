"""The witness of a check: what it sees of an answer, and that it leaves everything as it was."""

from __future__ import annotations

import os
import smtplib
import threading
import time
from types import SimpleNamespace

import pytest

from lessons.course import telling
from lessons.course.witness import Witness
from lessons.kit import mail, session, stage
from lessons.lesson_06_the_worker_process.watching import Measured
from minijobs import Client, connection, middleware, worker

HEAD = "import threading, time\nfrom lessons.kit import send_gif\nfrom minijobs import Worker, middleware, testing\n"
GIF = "class SendGif(Worker):\n    def perform(self, email):\n        send_gif(email, 'hi')\n\n"


@pytest.fixture
def watching(tmp_path, monkeypatch):
    """Returns a function that makes a witness of an answer with this source."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv(stage.PACE, "0.001")
    redis, inbox = session.start(), mail.catch_mail()
    known = dict(worker.registry)

    def watch(source):
        answer = tmp_path / "exercise.py"
        answer.write_text(HEAD + GIF + source)
        return Witness(answer, redis)

    yield watch
    inbox.stop()
    session.end()
    assert worker.registry == known


def called(watching, source):
    """The call of an answer's `go`."""
    with watching(source) as witness:
        return witness.call(witness.process(), "go()", "go")


def kinds(scope):
    return [event.kind for event in scope.events]


def test_a_push_is_seen_with_its_line_and_what_it_left(watching):
    call = called(watching, "def go():\n    SendGif.perform_async('ada@example.com')\n")
    (event,) = call.events
    assert (event.kind, event.what["mode"], event.elsewhere) == ("push", "redis", False)
    assert event.places == [(9, "go")]
    assert [job["args"] for job in call.jobs] == [["ada@example.com"]]


def test_what_is_set_on_worker_itself_is_known_in_one_process_only(watching):
    with watching("def go():\n    known = vars(Worker).get('known')\n    Worker.known = 1\n    return known\n") as witness:
        web, other = witness.process(), witness.process()
        assert [witness.call(one, "go()", "go").result for one in (web, web, other)] == [None, 1, None]
    assert "known" not in vars(worker.Worker)


def test_what_redis_holds_can_be_left_out(watching):
    with watching("def go():\n    SendGif.perform_async('ada@example.com')\n") as witness:
        call = witness.call(witness.process(), "go()", "go", looking=False)
        assert (kinds(call), call.left, call.gone) == (["push"], [], [])
        assert [entry.key for entry in witness.entries() if entry.job] == ["queue:default"]


@pytest.mark.parametrize(
    ("source", "mode"),
    [
        ("def go():\n    with testing.fake():\n        SendGif.perform_async('ada@example.com')\n", "fake"),
        (
            "@middleware.client.add\ndef never(job, push): pass\n\ndef go():\n    SendGif.perform_async('ada')\n",
            "cancelled",
        ),
    ],
)
def test_a_push_that_does_not_reach_redis_is_seen(watching, source, mode):
    call = called(watching, source)
    assert [event.what["mode"] for event in call.of("push")] == [mode]
    assert call.left == []


def test_a_push_that_was_refused_is_seen_even_if_the_answer_says_nothing(watching):
    call = called(watching, "def go():\n    try:\n        SendGif.perform_async(go)\n    except Exception:\n        pass\n")
    assert kinds(call) == ["refused push"]
    assert call.error is None


@pytest.mark.parametrize(
    ("source", "seen", "direct", "elsewhere"),
    [
        ("SendGif().perform('ada@example.com')", ["mail"], True, False),
        ("send_gif('ada@example.com', 'hi')", ["mail"], False, False),
        ("SendGif.perform_inline('ada@example.com')", ["run", "mail"], False, False),
        ("threading.Thread(target=send_gif, args=('ada@example.com', 'hi')).start()", ["thread", "mail"], False, True),
    ],
)
def test_a_mail_says_how_it_came_about(watching, source, seen, direct, elsewhere):
    call = called(watching, f"def go():\n    {source}\n")
    assert kinds(call) == seen
    assert (call.of("mail")[0].direct, call.of("mail")[0].elsewhere) == (direct, elsewhere)


@pytest.mark.parametrize(("join", "jobs"), [("", 0), (".join()", 1)])
def test_a_push_from_a_thread_is_in_time_if_it_is_waited_for_and_late_if_not_each_time(watching, join, jobs):
    source = "def go():\n    thread = threading.Thread(target=SendGif.perform_async, args=['ada'])\n    thread.start()\n"
    for _ in range(5):
        assert len(called(watching, source + (f"    thread{join}\n" if join else "")).jobs) == jobs


def test_each_process_has_variables_of_its_own(watching):
    source = "kept = []\ndef go():\n    kept.append(1)\n    return len(kept)\n"
    with watching(source) as witness:
        web, worker_process = witness.process(), witness.process()
        assert [witness.call(one, "go()", "go").result for one in (web, web, worker_process)] == [1, 2, 1]


def test_a_pause_is_not_waited_for_and_one_without_end_is_ended(watching):
    begun = time.monotonic()
    call = called(watching, "def go():\n    while True:\n        time.sleep(60)\n")
    assert "paused 300 times" in str(call.error)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize(("timeout", "error"), [("60", None), ("", "it waited for something that did not happen")])
def test_an_event_that_nobody_sets_is_waited_for_briefly(watching, timeout, error):
    call = called(watching, f"def go():\n    return threading.Event().wait({timeout})\n")
    assert kinds(call) == ["nap"]
    assert (call.error and str(call.error)) == error


def test_an_event_that_a_thread_sets_is_waited_for(watching):
    lines = ["event = threading.Event()", "threading.Thread(target=event.set).start()", "return event.wait(60)"]
    assert called(watching, "\n    ".join(["def go():", *lines])).result is True


def test_a_run_says_what_happened_in_it(watching):
    with watching("def go():\n    SendGif.perform_async('ada@example.com')\n") as witness:
        witness.call(witness.process(), "go()", "go")
        (run,) = witness.work(witness.process())
    assert run.mails == [("ada@example.com", "hi")]
    assert (run.outcome.name, kinds(run)) == ("done", ["mail"])


def test_at_its_end_everything_is_as_it_was(watching):
    def state():
        return (
            smtplib.SMTP.sendmail,
            Client.push,
            Client.push_bulk,
            Client._ready,
            Client._send,
            threading.Thread.start,
            time.sleep,
            threading.Event.wait,
            connection.current(),
            middleware.client._links[:],
            middleware.server._links[:],
        )

    before = state()
    called(
        watching,
        "testing.fake()\nmiddleware.server.add(lambda worker, job, run: run())\ndef go():\n    SendGif.perform_async('')\n",
    )
    assert state() == before


def test_the_line_of_a_limit_is_one_that_looked_at_a_clock_and_not_a_later_pause():
    measured = Measured()
    assert not measured.ever
    measured.until("new", "start")
    measured.limited, measured.paused = 7, 8
    measured.until("old", "quiet")
    measured.paused = 11
    measured.until("old", "stop")
    measured.until("old", "quiet")  # told once more
    assert measured.before == {("new", "start"): 0, ("old", "quiet"): 7, ("old", "stop"): 11}
    assert measured.ever


@pytest.mark.parametrize(("load", "seconds"), [(0.5, 40), (20.0, 400)])
def test_an_answer_that_waits_for_ever_is_given_longer_on_a_busy_machine(load, seconds, monkeypatch):
    now, ended = [0.0], []

    def sleep(seconds):
        now[0] += seconds

    monkeypatch.setattr(telling, "time", SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: 0.0, sleep=sleep))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, load, load), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(telling, "never_ends", lambda line, seconds: ended.append(seconds))
    telling._end_what_never_ends("answer.py", threading.get_ident())
    assert ended == [pytest.approx(seconds, rel=0.01)]
