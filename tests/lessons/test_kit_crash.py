"""What lesson 8 kills: a script, a job in a process of its own, a Redis. And that nothing is left of any of them."""

from __future__ import annotations

import os
import re
import signal
import sys
import tempfile

import pytest
from running_app import App, eventually

from lessons.kit import (
    database,
    empty_the_shop,
    kill_everywhere,
    payments,
    rescue,
    run_in_process,
    session,
    start,
    start_redis,
    start_script,
    take_payment,
    where,
    write,
)
from lessons.kit.statements import BEFORE
from minijobs import Client

PAY = """
from lessons.kit import take_payment
from minijobs import Worker

class PaymentWorker(Worker):
    def perform(self, email, cents):
        print("paying")
        take_payment(email, cents)

def double(number):
    twice = 2 * number
    return twice
"""
JOB = {"class": "PaymentWorker", "args": ["ada@example.com", 500]}


@pytest.fixture
def beside(monkeypatch, tmp_path):
    """A lesson that has begun, with a server of its own. Its files are in a folder that a test can look into."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    start(server=True)
    yield tmp_path
    session.end()
    assert list(tmp_path.iterdir()) == []


def test_a_job_is_run_in_a_process_of_its_own_and_that_is_killed_after_any_line_of_it(beside, capsys):
    write("pay.py", PAY)
    assert run_in_process("pay.py", "double", 21) == "42"
    assert run_in_process("pay.py", "double", 21, killed_after=1) == "killed by SIGKILL"
    assert run_in_process("pay.py") == "nothing to run"
    for lines, printed, taken in ((0, "", 0), (1, "paying\n", 0), (2, "paying\n", 1)):
        empty_the_shop()
        jid = Client().push(JOB)
        capsys.readouterr()
        assert run_in_process("pay.py", killed_after=lines) == "killed by SIGKILL"
        assert capsys.readouterr().out == printed
        assert len(payments()) == taken
        assert where(jid).startswith("inflight:")
        assert (rescue(), where(jid)) == (1, "queue:default")
        assert (run_in_process("pay.py"), where(jid)) == ("done", "nowhere")
        assert len(payments()) == taken + 1


def lines_that_ran(file, lines):
    """How many lines a file of these tests had noted when its process was killed."""
    database_of_it = session.database()[1]
    database_of_it.delete("ran")
    run_in_process(file, "pay", killed_after=lines)
    return database_of_it.scard("ran")


def test_what_comes_of_it_after_each_line_is_a_picture_with_words(beside):
    write("two.py", f"{NOTE}\ndef pay():\n    note(1)\n    note(2)")
    seen = kill_everywhere(["two.py"], "pay", lines_that_ran, of="lines", right=1)
    assert seen.rows["two.py"] == [(BEFORE, 0), ("note(1)", 1), ("note(2)", 2)]
    assert [line.split()[-1] for line in seen.lines()] == ["…", "two.py", "wrong", "1", "wrong"]
    assert max(map(len, seen.lines())) <= 80
    html = seen._repr_html_()
    assert html == seen._repr_html_()
    assert "note(2) 2, wrong" in re.search(r'alt="([^"]*)"', html)[1]


NOTE = """
from minijobs import connection

def note(*what):
    connection.current().sadd("ran", *what)
"""

MINE = f"""{NOTE}
def pay():
    if connection.current().sismember("ran", "done"):
        return
    for one in (1, 2):
        note(one)
    try:
        raise OSError
    except OSError:
        note(
            3,
            4,
        )
"""


def test_a_count_stands_beside_the_line_that_ran_last_whichever_lines_are_not_reached_or_run_twice(beside):
    write("mine.py", MINE)
    assert kill_everywhere(["mine.py"], "pay", lines_that_ran, of="lines", right=4).rows["mine.py"] == [
        (BEFORE, 0),
        ('if connection.current().sismember("ran", "done"):', 0),
        ("for one in (1, 2):", 0),
        ("    note(one)", 1),
        ("for one in (1, 2):", 1),
        ("    note(one)", 2),
        ("for one in (1, 2):", 2),
        ("try:", 2),
        ("    raise OSError", 2),
        ("except OSError:", 2),
        ("    note(3, 4)", 4),
    ]


def test_a_loop_is_shown_for_so_many_lines_and_what_never_begins_is_said(beside):
    write("loop.py", f"{NOTE}\ndef pay():\n    for one in range(99): note(one)")
    rows = kill_everywhere(["loop.py"], "pay", lines_that_ran, of="lines", right=0).rows["loop.py"]
    assert [kill.count for kill in rows] == list(range(len(rows)))
    assert len(rows) < 99
    write("typo.py", "def pay:")
    with pytest.raises(ValueError, match=r"pay in typo.py never begins, .* SyntaxError"):
        kill_everywhere(["typo.py"], "pay", lines_that_ran, of="lines", right=0)


def test_a_script_is_shown_as_it_prints_and_can_be_killed(beside, capsys):
    write("loop.py", "import time\nprint('begun')\ntime.sleep(600)")
    script = start_script("loop.py")
    assert script.until("begun") == ["begun"]
    assert capsys.readouterr().out == "$ python loop.py\nbegun\n"
    assert not script.ended()
    script.kill()
    assert script.ended()


@pytest.mark.parametrize(("words", "left"), [("", 0), ("--appendonly yes", 3)])
def test_another_redis_can_be_killed_and_has_then_what_it_kept(beside, words, left):
    other = start_redis(words)
    other.redis.rpush("list", 1, 2, 3)
    other.kill()
    other.start()
    assert other.redis.llen("list") == left
    jid = Client().push(JOB)  # the Workers still use the lesson's
    assert where(jid) == "queue:default"


def test_the_provider_takes_a_payment_once_for_a_key_and_refuses_the_key_of_another_one(beside):
    assert [take_payment("ada@example.com", 5, key=7), take_payment("ada@example.com", 5, key="7")] == [1, 1]
    with pytest.raises(ValueError, match="belongs to another payment: 5 cents from ada"):
        take_payment("ada@example.com", 6, key="7")
    assert (take_payment("ada@example.com", 5), take_payment("ada@example.com", 5)) == (2, 3)
    assert payments() == [("ada@example.com", 5)] * 3
    assert database().execute("SELECT count(*) FROM orders").fetchone() == (0,)


LESSON = f"""
import time
from lessons.kit import *
from minijobs import Client
print("begun", flush=True)
start(server=True)
write("pay.py", '''{PAY}''')
write("loop.py", "import time\\ntime.sleep(600)")
start_script("loop.py")
start_redis()
Client().push({JOB})
Client().push({JOB})
run_in_process("pay.py")
run_in_process("pay.py", killed_after=1)
print("Ready.", flush=True)
"""


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="what is left is looked for in /proc")
def test_nothing_is_left_when_the_lesson_is_killed_and_no_key_on_somebody_elses_server_when_it_ends(server):
    killed = App(sys.executable, "-c", LESSON + "time.sleep(600)")
    ended = App(sys.executable, "-c", LESSON, REDIS_URL=server.url)
    try:
        killed.until_ready()
        killed.signal(signal.SIGKILL)
        killed.ended()
        eventually(lambda: killed.left() == [])
        ended.until_ready()
        assert ended.ended() == 0
        assert ended.left() == []
        assert server.everything() == {}
    finally:
        killed.close()
        ended.close()
