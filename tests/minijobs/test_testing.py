"""Jobs in tests: fake, inline and real pushes, and the fixture that leaves nothing behind."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from processes import lately

from minijobs import (
    BadArgument,
    Client,
    RedisUnavailable,
    UnknownWorker,
    Worker,
    connect,
    connection,
    middleware,
    testing,
)

MODES = {"fake": testing.fake, "inline": testing.inline, "disable": testing.disable}


@pytest.fixture(autouse=True)
def _no_mode_no_job_no_redis() -> Iterator[None]:
    """How each test starts, and what it leaves. Unless it asks for `redis`, a push that reaches for one fails."""
    connect("redis://localhost:1")
    with testing.disable():
        testing.clear_all()
        yield
        testing.clear_all()


@pytest.fixture
def ran() -> list[Any]:
    """What was run: the Workers of these tests write it down."""
    return []


@pytest.fixture
def mail(ran: list[Any]) -> type[Worker]:
    class Mail(Worker):
        def perform(self, *args: Any) -> None:
            ran.append(("Mail", *args))

    return Mail


@pytest.fixture
def report(ran: list[Any]) -> type[Worker]:
    class Report(Worker):
        def perform(self, *args: Any) -> None:
            ran.append(("Report", *args))

    return Report


@pytest.fixture
def breaks(ran: list[Any]) -> type[Worker]:
    """Fails, when it is asked to."""

    class Breaks(Worker):
        def perform(self, when: str) -> None:
            ran.append(when)
            if when == "now":
                raise RuntimeError("boom")

    return Breaks


def mode() -> str:
    """Which mode is on, found out with a push. A real one fails, as there is no Redis."""
    before = testing.jobs()
    seen: list[str] = []

    class Probe(Worker):
        def perform(self) -> None:
            seen.append("ran")

    try:
        Probe.perform_async()
    except RedisUnavailable:
        return "disable"
    kept = len(testing.jobs()) - len(before)
    testing.clear(Probe)
    return {(0, 1): "fake", (1, 0): "inline"}[len(seen), kept]


# The modes


@pytest.mark.parametrize("name", MODES)
def test_a_mode_that_is_called_holds_for_good(name: str) -> None:
    MODES[name]()
    assert [mode(), mode()] == [name, name]


@pytest.mark.parametrize(("outer", "inner"), list(itertools.product(MODES, repeat=2)))
def test_a_mode_ends_with_its_block_and_the_one_before_is_back(outer: str, inner: str) -> None:
    with MODES[outer]():
        with MODES[inner]():
            assert mode() == inner
        assert mode() == outer
    assert mode() == "disable"


@pytest.mark.parametrize("name", ["fake", "inline"])
def test_a_mode_ends_with_its_block_after_an_exception_too(name: str) -> None:
    with pytest.raises(RuntimeError, match="boom"), MODES[name]():
        raise RuntimeError("boom")
    assert mode() == "disable"


def test_a_mode_that_was_called_inside_a_block_ends_with_the_block() -> None:
    with testing.fake():
        testing.inline()
        assert mode() == "inline"
    assert mode() == "disable"


def test_a_mode_that_was_called_twice_is_back_after_a_block() -> None:
    testing.fake()
    testing.fake()
    with testing.inline():
        assert mode() == "inline"
    assert mode() == "fake"


def test_a_mode_may_be_entered_again() -> None:
    fake = testing.fake()
    for _ in range(2):
        with fake:
            assert mode() == "fake"
        assert mode() == "disable"


@pytest.mark.parametrize("name", ["fake", "inline"])
def test_a_mode_asks_no_redis_for_the_time(name: str, mail: type[Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "now", lambda client: pytest.fail("asked"))
    with MODES[name]():
        assert mail.perform_in(60, "ada")


def test_a_mode_holds_in_all_threads(mail: type[Worker]) -> None:
    with testing.fake(), ThreadPoolExecutor(1) as thread:
        thread.submit(mail.perform_async, "ada").result()
    assert len(testing.jobs(mail)) == 1


def test_disabled_inside_fake_pushes_reach_redis(redis: redis_py.Redis, mail: type[Worker]) -> None:
    with testing.fake():
        mail.perform_async("kept here")
        assert redis.keys() == []
        with testing.disable():
            mail.perform_async("ada")
    assert redis.llen("queue:default") == 1
    assert [job["args"] for job in testing.jobs()] == [["kept here"]]


@pytest.mark.parametrize("name", MODES)
def test_arguments_are_checked_in_every_mode(name: str, redis: redis_py.Redis, breaks: type[Worker], ran: list[Any]) -> None:
    with MODES[name](), pytest.raises(BadArgument, match=r"^Argument 1 \(when\) of Breaks is a set"):
        breaks.perform_async({"now"})
    assert (redis.keys(), testing.jobs(), ran) == ([], [], [])


@pytest.mark.parametrize("name", MODES)
def test_client_middleware_may_cancel_a_push_in_every_mode(
    name: str, redis: redis_py.Redis, mail: type[Worker], ran: list[Any]
) -> None:
    middleware.client.add(lambda job, push: None)
    with MODES[name]():
        assert mail.perform_async("ada") is None
        assert mail.perform_bulk([["ada"], ["grace"]]) == [None, None]
    assert (redis.keys(), testing.jobs(), ran) == ([], [], [])


def test_client_middleware_may_change_a_job(mail: type[Worker], ran: list[Any]) -> None:
    @middleware.client.add
    def louder(job: dict[str, Any], push: Callable[[], None]) -> None:
        job["args"] = [job["args"][0].upper()]
        push()

    with testing.fake():
        mail.perform_async("ada")
        assert testing.jobs(mail)[0]["args"] == ["ADA"]
    with testing.inline():
        mail.perform_async("grace")
    assert ran == [("Mail", "GRACE")]


# Fake: a push leaves a job


def test_a_push_leaves_a_job_and_runs_nothing(mail: type[Worker], ran: list[Any]) -> None:
    before = time.time()
    with testing.fake():
        jid = mail.perform_async("ada", {"size": [1, 2]})
    (job,) = testing.jobs(mail)
    assert (job["class"], job["args"], job["jid"]) == ("Mail", ["ada", {"size": [1, 2]}], jid)
    assert lately(job["created_at"], job["enqueued_at"], since=before)
    assert ran == []


def test_jobs_are_those_of_a_worker_or_of_a_name_or_all_in_the_order_of_their_pushes(
    mail: type[Worker], report: type[Worker]
) -> None:
    with testing.fake():
        jids = [kind.perform_async() for kind in (mail, report, mail)]
    assert [job["jid"] for job in testing.jobs()] == jids
    assert [job["jid"] for job in testing.jobs(mail)] == [jids[0], jids[2]]
    assert testing.jobs("Mail") == testing.jobs(mail)
    assert [job["jid"] for job in testing.jobs("Report")] == [jids[1]]
    assert testing.jobs("Nobody") == []


def test_a_worker_goes_by_the_name_that_its_jobs_carry() -> None:
    class Mail(Worker, name="Post::Mail"):
        def perform(self) -> None: ...

    with testing.fake():
        Mail.perform_async()
    assert testing.jobs("Mail") == []
    assert len(testing.jobs("Post::Mail")) == len(testing.jobs(Mail)) == 1
    assert testing.drain(Mail) == 1


def test_every_way_to_push_leaves_its_jobs(mail: type[Worker]) -> None:
    with testing.fake():
        mail.perform_async(1)
        mail.set(queue="slow", retry=3).perform_async(2)
        jids = mail.perform_bulk([[3], [4]])
        jids.append(Client().push({"class": "Mail", "args": [5], "queue": "post"}))
    waiting = testing.jobs()
    assert [job["args"] for job in waiting] == [[1], [2], [3], [4], [5]]
    assert [job["queue"] for job in waiting] == ["default", "slow", "default", "default", "post"]
    assert waiting[1]["retry"] == 3
    assert [job["jid"] for job in waiting[2:]] == jids


def test_a_job_for_later_has_its_moment_and_is_in_no_queue_yet(mail: type[Worker]) -> None:
    at = time.time() + 3600
    with testing.fake():
        mail.perform_at(at, "later")
        mail.perform_at(at - 7200, "past, so now")
    later, now = testing.jobs(mail)
    assert later["at"] == at
    assert "enqueued_at" not in later
    assert "at" not in now
    assert "enqueued_at" in now


def test_changing_an_object_after_the_push_does_not_change_the_job(mail: type[Worker], ran: list[Any]) -> None:
    thoughts = ["hello"]
    with testing.fake():
        mail.perform_async(thoughts)
    thoughts.append("too late")
    testing.jobs(mail)[0]["args"].append("nor does this")
    assert testing.jobs(mail)[0]["args"] == [["hello"]]
    testing.drain(mail)
    assert ran == [("Mail", ["hello"])]


def test_what_a_run_does_to_its_arguments_does_not_change_a_job_that_was_looked_at() -> None:
    class Greedy(Worker):
        def perform(self, names: list[str]) -> None:
            names.clear()

    with testing.fake():
        Greedy.perform_async(["ada"])
    (job,) = testing.jobs(Greedy)
    testing.drain(Greedy)
    assert job["args"] == [["ada"]]


def test_one_bad_row_means_that_no_job_is_left(mail: type[Worker]) -> None:
    with testing.fake(), pytest.raises(BadArgument, match="Row 2"):
        mail.perform_bulk([["ada"], [{1}]])
    assert testing.jobs() == []


def test_clear_forgets_the_jobs_of_one_worker_and_runs_none(
    mail: type[Worker], report: type[Worker], ran: list[Any]
) -> None:
    with testing.fake():
        for _ in range(2):
            mail.perform_async()
            report.perform_async()
    testing.clear(mail)
    assert [job["class"] for job in testing.jobs()] == ["Report", "Report"]
    testing.clear("Report")
    assert testing.jobs() == []
    assert ran == []


def test_clear_all_forgets_every_job(mail: type[Worker], report: type[Worker], ran: list[Any]) -> None:
    with testing.fake():
        mail.perform_async()
        report.perform_async()
    testing.clear_all()
    assert testing.jobs() == testing.jobs(mail) == []
    assert testing.drain_all() == 0
    assert ran == []


def test_no_job_of_many_threads_is_lost_or_run_twice(mail: type[Worker], ran: list[Any]) -> None:
    with testing.fake(), ThreadPoolExecutor(8) as threads:
        list(threads.map(mail.perform_async, range(400)))
        assert sorted(job["args"][0] for job in testing.jobs(mail)) == list(range(400))
        drained = list(threads.map(testing.drain, [mail] * 8))
    assert sum(drained) == 400
    assert sorted(ran) == [("Mail", number) for number in range(400)]


def test_a_job_that_is_run_in_the_middle_of_a_clear_does_not_come_back(
    mail: type[Worker], report: type[Worker], ran: list[Any]
) -> None:
    with testing.fake(), ThreadPoolExecutor(1) as thread:

        class Name(str):
            """While this is compared, another thread drains. It has to wait, and it is given a moment to go wrong."""

            def __ne__(self, other: object) -> bool:
                if other == "Report":
                    wait([thread.submit(testing.drain, mail)], timeout=0.1)
                return str(self) != other

        mail.perform_async("ada")
        report.perform_async()
        testing.clear(Name("Report"))
    assert ran == [("Mail", "ada")]
    assert testing.jobs() == []


# Fake: running what was left


def test_drain_runs_the_jobs_of_one_worker_in_their_order(mail: type[Worker], report: type[Worker], ran: list[Any]) -> None:
    with testing.fake():
        for number in (1, 2, 3):
            mail.perform_async(number)
            report.perform_async(number)
    assert testing.drain(mail) == 3
    assert ran == [("Mail", 1), ("Mail", 2), ("Mail", 3)]
    assert testing.jobs(mail) == []
    assert len(testing.jobs(report)) == 3
    assert testing.drain("Report") == 3
    assert testing.drain(mail) == 0


def test_drain_runs_what_its_jobs_add_too(ran: list[Any]) -> None:
    class Countdown(Worker):
        def perform(self, number: int) -> None:
            ran.append(number)
            if number > 1:
                Countdown.perform_async(number - 1)

    with testing.fake():
        Countdown.perform_async(3)
        assert testing.drain(Countdown) == 3
    assert ran == [3, 2, 1]
    assert testing.jobs() == []


def test_drain_does_not_wait_for_the_moment_of_a_job(mail: type[Worker], ran: list[Any]) -> None:
    seen: list[dict[str, Any]] = []

    @middleware.server.add
    def look(worker: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        seen.append(job)
        run()

    before = time.time()
    with testing.fake():
        mail.perform_in(3600, "ada")
    assert testing.drain(mail) == 1
    assert ran == [("Mail", "ada")]
    # The job is one that the poller has moved to its queue.
    assert "at" not in seen[0]
    assert lately(seen[0]["enqueued_at"], since=before)


def test_drain_lets_the_exception_out_and_the_job_that_raised_it_is_gone(breaks: type[Worker], ran: list[Any]) -> None:
    with testing.fake():
        breaks.perform_bulk([["never"], ["now"], ["then"]])
        with pytest.raises(RuntimeError, match="boom"):
            testing.drain(breaks)
    assert ran == ["never", "now"]
    assert [job["args"] for job in testing.jobs(breaks)] == [["then"]]
    assert testing.drain(breaks) == 1
    assert ran == ["never", "now", "then"]


@pytest.mark.parametrize(
    "drain", [lambda: testing.drain("Nobody"), testing.drain_all, lambda: testing.perform_one("Nobody")]
)
def test_a_job_of_an_unknown_class_can_be_left_and_not_run(drain: Callable[[], object]) -> None:
    with testing.fake():
        Client().push({"class": "Nobody", "args": []})
    assert len(testing.jobs("Nobody")) == 1
    with pytest.raises(UnknownWorker, match="No Worker is called Nobody"):
        drain()
    assert testing.jobs() == []


def test_a_run_is_a_job_inside_the_server_middleware() -> None:
    said: list[Any] = []

    class Mail(Worker):
        def perform(self, name: str) -> None:
            said.append((self.jid, name))

    @middleware.server.add
    def around(worker: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        said.append((type(worker), job["jid"]))
        run()
        said.append("after")

    with testing.fake():
        jid = Mail.perform_async("ada")
    assert said == []
    testing.drain(Mail)
    assert said == [(Mail, jid), (jid, "ada"), "after"]


def test_drain_all_runs_every_job_in_the_order_of_the_pushes(mail: type[Worker], ran: list[Any]) -> None:
    class Signup(Worker):
        def perform(self, name: str) -> None:
            ran.append(("Signup", name))
            mail.perform_async(name)

    with testing.fake():
        Signup.perform_async("ada")
        mail.perform_async("grace")
        Signup.perform_async("alan")
        assert testing.drain_all() == 5
    assert ran == [("Signup", "ada"), ("Mail", "grace"), ("Signup", "alan"), ("Mail", "ada"), ("Mail", "alan")]
    assert testing.jobs() == []


def test_perform_one_runs_the_first_job_of_a_worker_only(mail: type[Worker], report: type[Worker], ran: list[Any]) -> None:
    with testing.fake():
        report.perform_async(0)
        mail.perform_async(1)
        mail.perform_async(2)
    testing.perform_one(mail)
    assert ran == [("Mail", 1)]
    testing.perform_one("Mail")
    assert ran == [("Mail", 1), ("Mail", 2)]
    assert len(testing.jobs()) == 1


def test_perform_one_says_that_there_is_none(mail: type[Worker], report: type[Worker]) -> None:
    with testing.fake():
        report.perform_async()
    with pytest.raises(testing.EmptyQueue, match=r"^No job of Mail is waiting: .*\.$"):
        testing.perform_one(mail)


# Inline: a push runs its job


def test_a_push_runs_its_job_at_once_with_its_jid() -> None:
    ran: list[Any] = []

    class Mail(Worker):
        def perform(self, name: str) -> None:
            ran.append((name, self.jid))

    with testing.inline():
        jid = Mail.perform_async("ada")
    assert ran == [("ada", jid)]
    assert len(str(jid)) == 24
    assert testing.jobs() == []


def test_inline_a_job_for_later_runs_now_and_so_does_each_row(mail: type[Worker], ran: list[Any]) -> None:
    with testing.inline():
        mail.perform_in(3600, "later")
        jids = mail.perform_bulk([["ada"], ["grace"]])
    assert ran == [("Mail", "later"), ("Mail", "ada"), ("Mail", "grace")]
    assert len(set(jids)) == 2


def test_inline_a_run_has_arguments_of_its_own() -> None:
    class Greedy(Worker):
        def perform(self, names: list[str]) -> None:
            names.clear()

    names = ["ada"]
    with testing.inline():
        Greedy.perform_async(names)
    assert names == ["ada"]


def test_inline_an_exception_comes_out_of_the_push(breaks: type[Worker], ran: list[Any]) -> None:
    with testing.inline():
        with pytest.raises(RuntimeError, match="boom"):
            breaks.perform_async("now")
        with pytest.raises(UnknownWorker, match="No Worker is called Nobody"):
            Client().push({"class": "Nobody", "args": []})
    assert ran == ["now"]
    assert testing.jobs() == []


def test_inline_what_a_job_pushes_runs_inside_its_run_and_server_middleware_is_around_both(
    mail: type[Worker], ran: list[Any]
) -> None:
    class Signup(Worker):
        def perform(self) -> None:
            ran.append("begin")
            mail.perform_async("ada")
            ran.append("end")

    @middleware.server.add
    def around(worker: Worker, job: dict[str, Any], run: Callable[[], None]) -> None:
        ran.append(f"before {job['class']}")
        run()

    with testing.inline():
        Signup.perform_async()
    assert ran == ["before Signup", "begin", "before Mail", ("Mail", "ada"), "end"]


# The fixture, in test runs of their own

# What the post had: "the second test passes every-other-time or so".
EVERY_OTHER_TIME = """
from minijobs import Worker, testing

testing.fake()


class SendGifToUserWorker(Worker):
    def perform(self, email, thought): ...


def test_that_email_is_sent(FIXTURE):
    SendGifToUserWorker.perform_async("test@test.com", "hello")


def test_that_job_is_pushed_to_queue(FIXTURE):
    assert len(testing.jobs(SendGifToUserWorker)) == 0
    SendGifToUserWorker.perform_async("test@test.com", "hello")
    assert len(testing.jobs(SendGifToUserWorker)) == 1
"""
IN_ORDER = ("test_it.py::test_that_email_is_sent", "test_it.py::test_that_job_is_pushed_to_queue")

# A test that fails in a mode of its own and leaves a job, and one that looks at what is left.
FAILS = """
from minijobs import Worker, testing
from minijobs.client import Client

really = Client._send


class SendGif(Worker):
    def perform(self): ...


def test_that_fails(fake_jobs):
    assert fake_jobs(SendGif) == []
    SendGif.perform_async()
    assert len(fake_jobs(SendGif)) == 1
    testing.inline()
    raise RuntimeError("boom")


def test_that_looks():
    assert testing.jobs() == []
    assert Client._send is really
"""


def pytest_says(folder: Path, text: str, *words: str) -> str:
    """Run these tests with pytest, in a process of their own. Gives back how it counts them."""
    (folder / "conftest.py").write_text('pytest_plugins = ["minijobs.testing"]\n')
    (folder / "test_it.py").write_text(text)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", *words]
    clean = {**os.environ, "CI": "", "PYTEST_ADDOPTS": "", "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, timeout=60)
    return run.stdout.splitlines()[-1].partition(" in ")[0]


def test_what_one_test_leaves_breaks_the_next_in_one_order_and_not_in_the_other(tmp_path: Path) -> None:
    without = EVERY_OTHER_TIME.replace("FIXTURE", "")
    assert pytest_says(tmp_path, without, *IN_ORDER) == "1 failed, 1 passed"
    assert pytest_says(tmp_path, without, *reversed(IN_ORDER)) == "2 passed"


def test_with_the_fixture_they_pass_in_any_order(tmp_path: Path) -> None:
    fixed = EVERY_OTHER_TIME.replace("FIXTURE", "fake_jobs")
    assert pytest_says(tmp_path, fixed, *IN_ORDER) == "2 passed"
    assert pytest_says(tmp_path, fixed, *reversed(IN_ORDER)) == "2 passed"


def test_the_fixture_starts_with_no_job_even_if_another_test_has_left_one(tmp_path: Path) -> None:
    only_second = EVERY_OTHER_TIME.replace("FIXTURE", "", 1).replace("FIXTURE", "fake_jobs")
    assert pytest_says(tmp_path, only_second, *IN_ORDER) == "2 passed"


def test_the_fixture_leaves_no_job_and_no_mode_behind_even_if_the_test_fails(tmp_path: Path) -> None:
    assert pytest_says(tmp_path, FAILS) == "1 failed, 1 passed"


# Who knows it


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_without_pytest_all_but_the_fixture_is_there() -> None:
    run = python("""
import sys
sys.modules["pytest"] = None
from minijobs import Worker, testing
class Mail(Worker):
    def perform(self): print("ran")
with testing.fake():
    Mail.perform_async()
print(testing.drain(Mail), hasattr(testing, "fake_jobs"))
""")
    assert (run.stdout, run.stderr) == ("ran\n1 False\n", "")


def test_the_library_does_not_know_that_tests_exist() -> None:
    run = python('import sys, minijobs.cli; print([name for name in sys.modules if name in ("minijobs.testing", "pytest")])')
    assert (run.stdout, run.stderr) == ("[]\n", "")


def test_a_mode_that_ends_in_one_thread_does_not_end_that_of_another() -> None:
    # Given two threads whose modes overlap
    first, second = testing.fake(), testing.inline()
    with second:
        with first:
            before = Client._send
        # When the first one ends
        assert Client._send is not before
        # Then the second one is still on
        assert Client._send is testing._run_all


def test_a_mode_that_was_called_in_a_block_ends_with_it() -> None:
    before = Client._send
    with testing.disable():
        testing.fake()
        testing.inline()
        assert Client._send is testing._run_all
    assert Client._send is before


def test_modes_that_are_called_replace_each_other() -> None:
    for _ in range(100):
        testing.fake()
        testing.inline()
    assert len(testing._modes) < 5
    with testing.fake():
        assert Client._send is testing._keep
    assert Client._send is testing._run_all
