"""The application of lesson 9, running: how it is started and looked at, and that nothing is left of it."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import sys
import tempfile

import pytest
from running_app import App, eventually

from lessons.kit import keys, session, start
from lessons.lesson_09_the_app.running import STUB, Application, DoesNotStart, copy_of_stub, procfile
from lessons.lesson_09_the_app.tools import addresses, play, push_commands, tickets

in_proc = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="what is left is looked for in /proc")

# All of it in a process of its own, and a job that is in the middle of waiting for the mail server.
LESSON = """
import time
from lessons.kit import start, wait_until
from lessons.lesson_09_the_app.tools import open_app
print("begun", flush=True)
start(server=True)
app = open_app()
waits = app.inbox.waits()
waits.__enter__()
app.press("newsletter", email="ada@example.com")
app.press("goodbye", name="grace")
wait_until(lambda: app.inbox.waiting)
print("Ready.", flush=True)
"""


@pytest.fixture
def lesson():
    started = []

    def begin(end="time.sleep(600)", **environment):
        started.append(App(sys.executable, "-c", LESSON + end, **environment))
        return started[-1]

    yield begin
    for app in started:
        app.close()


def get(app, path):
    connection = http.client.HTTPConnection("127.0.0.1", app.port, timeout=30)
    connection.request("GET", path, headers={"Host": f"localhost:{app.port}"})
    response = connection.getresponse()
    try:
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_it_can_be_looked_at_changed_and_restarted_and_nothing_is_left_of_it(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(server=True)
    app = Application(copy_of_stub())
    assert [address for _, address in addresses(app).rows] == [app.url, f"{app.url}/jobs/", app.inbox_url]
    assert get(app, "/")[0] == 200
    assert "Dashboard" in get(app, "/")[1]

    # A run that goes well, while the worker process stands still and after that.
    with app.standing_still(), app.monitor() as told:
        assert repr(app.press("goodbye", name="linus")) == "200 Your account is closed, linus."
        ((key, job),) = app.jobs("GoodbyeWorker")
        assert app.busy()
        assert len(app.inbox) == 0
    assert (key.partition(":")[0], job["args"]) in [("queue", ["linus@example.com"]), ("inflight", ["linus@example.com"])]
    assert re.findall(r"^\w+ queue:\w+", str(push_commands(told)), re.MULTILINE) == ["LPUSH queue:default"]
    assert app.settle()
    assert app.jobs() == []
    assert [line.partition(":")[0] for line in app.log[-2:]] == ["GoodbyeWorker", "GoodbyeWorker"]
    assert str(app.inbox.show()).splitlines()[1:] == ["linus@example.com  Goodbye"]
    assert get(app, "/jobs/")[0] == 200

    # What goes wrong in the page is in its own log, without the names of folders.
    app.inbox.refuse(1)
    assert app.press("thoughts", email="ada@example.com", thought="hello").status == 500
    assert app.traceback()[0].startswith('  File "web.py", line ')
    assert app.traceback()[-1].startswith("smtplib.SMTPDataError: (451")
    assert not keys("retry").changes()

    # A deploy.
    app.change("web.py", "Your account is closed", "Goodbye")
    app.restart()
    assert repr(app.press("goodbye", name="grace")) == "200 Goodbye, grace."
    assert app.later()
    play(app, 3)
    play(app, 9)
    printed = capsys.readouterr().out
    assert "- Redis held 1 job in newsletters\n- the worker process takes jobs from default, newsletter\n" in printed
    assert printed.endswith("There are tickets 1 to 6.\n")

    # What cannot be started says why, and what is there already ends with the lesson.
    app.stop_processes()
    app.change("workers.py", "import database\n", "import datenbank\n")
    with pytest.raises(DoesNotStart, match="No module named 'datenbank'"):
        app.start()
    ports = [app.inbox.port, app.pictures.site.port, int(app.inbox_url.rpartition(":")[2])]
    session.end()
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert list(tmp_path.iterdir()) == []


@in_proc
@pytest.mark.parametrize("name", ["SIGINT", "SIGKILL"])
def test_nothing_is_left_when_it_is_interrupted_or_killed_in_the_middle_of_a_job(lesson, name):
    app = lesson().until_ready()
    assert len(app.processes()) == 5  # itself, the leash, Redis, the page and the worker process
    app.signal(getattr(signal, name))
    app.ended()
    eventually(lambda: app.left() == [])


@in_proc
def test_on_somebody_elses_server_no_key_is_left(lesson, server):
    server.database(0).set("theirs", "precious")
    before = server.everything()
    app = lesson("pass", REDIS_URL=server.url).until_ready()
    assert app.ended() == 0
    assert server.everything() == before
    assert app.left() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "The Procfile cannot be read: No such file or directory."),
        ("web: 'python", 'The Procfile cannot be read: "web: \'python": No closing quotation.'),
        ("# nothing\nweb:\n", "The Procfile cannot be read: 'web:' names no command."),
    ],
)
def test_a_procfile_that_cannot_be_read_says_why(tmp_path, text, why):
    if text is not None:
        (tmp_path / "Procfile").write_text(text)
    with pytest.raises(DoesNotStart) as error:
        procfile(tmp_path)
    assert str(error.value) == why


def test_a_procfile_names_processes():
    named = procfile(STUB)
    assert list(named) == ["release", "web", "worker"]
    assert named["worker"] == [["minijobs", "worker", "-r", "workers.py", "-q", "default", "-q", "newsletter"]]


def test_the_tickets_are_told_without_marks(capsys):
    tickets(1, 6)
    printed = capsys.readouterr().out
    assert re.findall(r"^Ticket (\d)\.", printed, re.MULTILINE) == list("123456")
    assert not re.search("[*`#]", printed)
    assert max(map(len, printed.splitlines())) <= 78
