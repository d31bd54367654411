"""What a person, or a program, gets from the command `minijobs`."""

from __future__ import annotations

import io
import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from minijobs import Client, DeadSet, Fetcher, Heartbeat, Processor, Queue, RetrySet, ScheduledSet, Worker
from minijobs.cli import main
from minijobs.console import Progress, away, plain, table

JOB = {"class": "Mail", "args": ["ada@example.com", "hello"]}
SETS = [("retry", "retry"), ("dead", "dead"), ("scheduled", "schedule")]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Say words to `minijobs`: the exit code, what it printed, and what it complained of."""
    monkeypatch.setenv("COLUMNS", "80")

    def say(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(list(words))
        out, err = capsys.readouterr()
        return code, out, err

    return say


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A person at the terminal who types this."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    return lambda typed: monkeypatch.setattr(sys, "stdin", Terminal(typed))


def failed(args: list[Any], error: str = "no route to host", count: int = 0, **fields: Any) -> str:
    job = {"class": "Mail", "args": args, "jid": f"{args[0]:0>24}", "retry_count": count}
    return json.dumps({**job, "error_class": "OSError", "error_message": error, **fields})


# The numbers


def test_before_anything_happened_the_numbers_are_0(redis: redis_py.Redis, say: Callable) -> None:
    code, out, _ = say("stats")
    assert code == 0
    assert [line.split() for line in out.splitlines()[:7]] == [
        [name, "0"] for name in ("processed", "failed", "busy", "enqueued", "retry", "scheduled", "dead")
    ]
    assert out.endswith("No worker process is running.\n")


@pytest.fixture
def some(redis: redis_py.Redis) -> redis_py.Redis:
    """Jobs everywhere, runs, and a process that has beaten."""

    class Mail(Worker):
        def perform(self, *args: Any) -> None:
            if args == ("fail",):
                raise OSError("no route to host")

    processor = Processor(Fetcher("default", "mail", identity="web-1:7:abc"))
    for arguments in (["ok"], ["fail"]):
        Client().push({**JOB, "args": arguments})
    while processor.process_one():
        pass
    Client().push_bulk({**JOB, "queue": "mail", "args": [["ada"]] * 1_234})
    Client().push({**JOB, "at": time.time() + 3600})
    redis.zadd("dead", {failed(["1"]): time.time() - 60})
    Heartbeat(processor, concurrency=5).beat()
    return redis


def test_the_numbers_and_the_processes_are_told(some: redis_py.Redis, say: Callable) -> None:
    _, out, _ = say("stats")
    told = dict(line.split() for line in out.splitlines()[:7])
    expected = {"processed": "2", "failed": "1", "busy": "0", "enqueued": "1,234"}
    assert told == {**expected, "retry": "1", "scheduled": "1", "dead": "1"}
    headings, process = out.splitlines()[8:]
    assert headings.split("  ")[0] == "process"
    assert re.fullmatch(r"web-1:7:abc  0 of 5  (now|\d+ s ago) +default, mail", process)


def test_a_program_gets_the_same_as_json(some: redis_py.Redis, say: Callable) -> None:
    told = json.loads(say("stats", "--json")[1])
    assert (told["enqueued"], told["processed"], told["failed"], told["busy"]) == (1_234, 2, 1, 0)
    [process] = told["processes"]
    assert (process["identity"], process["queues"], process["concurrency"]) == ("web-1:7:abc", ["default", "mail"], 5)


def test_a_quiet_process_is_told_to_be_quiet(redis: redis_py.Redis, say: Callable) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("default")), concurrency=5)
    heartbeat.quiet = True
    heartbeat.beat()
    assert "0 of 5, quiet" in say("stats")[1]


def test_queues_are_told_with_how_long_the_next_job_has_waited(redis: redis_py.Redis, say: Callable) -> None:
    assert say("queues")[1] == "No queue: nothing has been pushed.\n"
    Client().push({**JOB, "queue": "mail"})
    redis.sadd("queues", "default")
    redis.lpush("queue:default", json.dumps({**JOB, "jid": "1", "enqueued_at": time.time() - 7200}))
    assert say("queues")[1].splitlines() == ["queue    jobs  latency", "default  1     2 hours", "mail     1     0 s"]
    [default, mail] = json.loads(say("queues", "--json")[1])
    assert (default["name"], default["size"], mail["name"], mail["size"]) == ("default", 1, "mail", 1)
    assert 7200 <= default["latency"] < 7300


@pytest.mark.parametrize("info", ['{"queues":5}', '{"queues":[1,null]}', '{"queues":null}', "[1,null]", "null"])
def test_a_process_that_tells_nonsense_is_no_traceback(redis: redis_py.Redis, say: Callable, info: str) -> None:
    redis.sadd("processes", "h:1:a")
    redis.hset("h:1:a", "info", info)
    assert say("stats")[0] == 0
    assert [process["queues"] for process in json.loads(say("stats", "--json")[1])["processes"]] in ([[]], [])


def test_a_queue_whose_key_is_of_another_type_hides_no_other(redis: redis_py.Redis, say: Callable) -> None:
    Client().push({**JOB, "queue": "mail"})
    redis.sadd("queues", "broken")
    redis.set("queue:broken", "not ours")
    code, out, _ = say("queues")
    assert (code, out.splitlines()) == (0, ["queue   jobs  latency", "broken  ?     not a list", "mail    1     0 s"])
    [broken, mail] = json.loads(say("queues", "--json")[1])
    assert broken == {"name": "broken", "size": None, "latency": None}
    assert (mail["name"], mail["size"]) == ("mail", 1)


# The jobs of a set


@pytest.mark.parametrize(("word", "key"), SETS)
def test_an_empty_set_says_so(redis: redis_py.Redis, say: Callable, word: str, key: str) -> None:
    assert say(word, "list") == (0, f"Nothing is in {key}.\n", "")
    assert json.loads(say(word, "list", "--json")[1]) == []


@pytest.mark.parametrize(("word", "key"), SETS)
def test_jobs_are_listed_the_earliest_first_and_fit_a_terminal(
    redis: redis_py.Redis, say: Callable, word: str, key: str
) -> None:
    now = time.time()
    redis.zadd(key, {failed(["2", "x" * 200], count=4): now + 3600.5, failed(["1"]): now - 60})
    _, out, _ = say(word, "list")
    headings, first, why, second, _ = out.splitlines()
    assert headings.split() == ["jid", "when", "failed", "job"]
    assert re.fullmatch(r'0{23}1  \d+ s ago +1 × +Mail\("1"\)', first)
    assert why == "    OSError: no route to host"
    assert second.startswith("0" * 23 + '2  60 minutes from now  5 ×     Mail("2", "xx')
    assert max(map(len, out.splitlines())) <= 80


def test_only_so_many_are_listed_and_it_says_so(redis: redis_py.Redis, say: Callable) -> None:
    redis.zadd("retry", {failed([str(number)]): number for number in range(30)})
    out = say("retry", "list")[1]
    assert out.count("Mail(") == 25
    assert out.endswith("(25 of 30. More: --limit N, or 0 for all.)\n")
    assert say("retry", "list", "--limit", "2")[1].count("Mail(") == 2
    assert say("retry", "list", "--limit", "0")[1].count("Mail(") == 30


def test_a_program_gets_the_whole_job(redis: redis_py.Redis, say: Callable) -> None:
    redis.zadd("retry", {failed(["1"], tags=["é"]): 5})
    assert json.loads(say("retry", "list", "--json")[1]) == [{"at": 5.0, **json.loads(failed(["1"], tags=["é"]))}]


@pytest.mark.parametrize("score", [math.inf, -math.inf])
def test_a_program_gets_null_for_a_number_that_json_does_not_have(
    redis: redis_py.Redis, say: Callable, score: float
) -> None:
    redis.zadd("retry", {'{"class":"Mail","args":[1e999],"jid":"1"}': score})
    redis.sadd("processes", "web-1:7:abc")
    redis.hset("web-1:7:abc", "info", '{"started_at":NaN}')
    # When they are read by a parser that takes nothing else than JSON
    [job] = json.loads(say("retry", "list", "--json")[1], parse_constant=pytest.fail)
    [process] = json.loads(say("stats", "--json")[1], parse_constant=pytest.fail)["processes"]
    assert (job["at"], job["args"], process["started_at"]) == (None, [None], None)


def test_what_is_no_job_is_listed_too(redis: redis_py.Redis, say: Callable) -> None:
    redis.zadd("dead", {b"\xff hello": 1})
    assert "no job: b'\\xff hello'" in say("dead", "list")[1]
    assert json.loads(say("dead", "list", "--json")[1]) == [{"at": 1.0, "raw": "\N{REPLACEMENT CHARACTER} hello"}]


@pytest.mark.parametrize("sign", ["\x1b[2J", "\n", "\r", "\N{RIGHT-TO-LEFT OVERRIDE}", "\x9b1m", "\x00"])
def test_nothing_in_a_job_commands_the_terminal(redis: redis_py.Redis, say: Callable, sign: str) -> None:
    redis.sadd("queues", f"q{sign}")
    redis.zadd("retry", {failed(["1", f"a{sign}b"], error=f"c{sign}d", **{"class": f"e{sign}f"}): 1})
    for words in (["retry", "list"], ["queues"], ["retry", "delete", sign]):
        for printed in say(*words)[1:]:
            assert sign not in printed.replace("\n", "") if sign != "\n" else "q\n" not in printed
            assert len(printed.splitlines()) <= 3


@pytest.mark.parametrize(("word", "key"), SETS)
def test_one_job_is_put_back_or_deleted_by_its_jid(redis: redis_py.Redis, say: Callable, word: str, key: str) -> None:
    redis.zadd(key, {failed([str(number)]): number for number in range(4)})
    assert say(word, "retry", f"{1:0>24}", f"{2:0>24}") == (0, "2 jobs retried.\n", "")
    assert [record.args for record in Queue()] == [["1"], ["2"]]
    assert say(word, "delete", f"{3:0>24}")[:2] == (0, "1 job deleted.\n")
    assert redis.zrange(key, 0, -1) == [failed(["0"]).encode()]


def test_who_is_not_there_is_named_and_the_others_are_done(redis: redis_py.Redis, say: Callable) -> None:
    redis.zadd("retry", {failed(["1"]): 1})
    code, out, err = say("retry", "delete", "nobody", f"{1:0>24}")
    assert (code, out, err) == (1, "1 job deleted.\n", "minijobs: no job nobody is in retry.\n")
    assert json.loads(say("retry", "delete", "nobody", "--json")[1]) == {"deleted": 0}


@pytest.mark.parametrize(("word", "key"), SETS)
def test_all_are_put_back_at_once(redis: redis_py.Redis, say: Callable, word: str, key: str) -> None:
    redis.zadd(key, {failed([str(number)]): number for number in range(1_500)})
    assert say(word, "retry", "--all")[:2] == (0, "1,500 jobs retried.\n")
    assert (len(Queue()), redis.zcard(key)) == (1_500, 0)


def test_to_put_back_neither_some_nor_all_is_refused(redis: redis_py.Redis) -> None:
    for words in (["retry", "retry"], ["retry", "retry", "--all", "1"], ["retry", "delete"]):
        with pytest.raises(SystemExit) as refused:
            main(words)
        assert refused.value.code == 2


def test_nobody_is_asked_where_nobody_is_and_nothing_is_deleted(
    redis: redis_py.Redis, say: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    redis.zadd("dead", {failed(["1"]): 1})
    code, _, err = say("dead", "clear")
    assert code == 2
    assert err.startswith("minijobs: That would delete 1 jobs in dead, Redis at ")
    assert err.endswith(": say --yes.\n")
    assert len(DeadSet()) == 1
    assert say("dead", "clear", "--yes")[:2] == (0, "1 job deleted.\n")
    assert len(DeadSet()) == 0


@pytest.mark.parametrize(("typed", "left"), [("y\n", 0), ("yes\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_a_person_is_asked_first(redis: redis_py.Redis, say: Callable, terminal: Callable, typed: str, left: int) -> None:
    redis.zadd("schedule", {failed(["1"]): 1})
    terminal(typed)
    code, out, _ = say("scheduled", "clear")
    assert len(ScheduledSet()) == left
    assert code == left
    assert ("Nothing was deleted." in out) is bool(left)


def test_an_empty_set_is_cleared_without_a_question(redis: redis_py.Redis, say: Callable) -> None:
    assert say("dead", "clear")[:2] == (0, "0 jobs deleted.\n")


# What cannot be done


def test_redis_away_is_one_sentence(monkeypatch: pytest.MonkeyPatch, say: Callable) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://localhost:1")
    for words in (["stats"], ["retry", "list"], ["retry", "retry", "--all"], ["monitor"]):
        code, out, err = say(*words)
        assert (code, out) == (1, "")
        assert "minijobs: No Redis at localhost:1, database 0, so this was not done: " in err
        assert "Traceback" not in err


def test_an_address_that_is_none_is_one_sentence(monkeypatch: pytest.MonkeyPatch, say: Callable) -> None:
    monkeypatch.setenv("REDIS_URL", "localhost:6379")
    code, _, err = say("stats")
    assert code == 1
    assert err.startswith("minijobs: REDIS_URL is no address of a Redis: ")
    assert err.count("\n") == 1


def test_a_key_of_another_type_is_one_sentence(redis: redis_py.Redis, say: Callable) -> None:
    redis.set("retry", "not ours")
    code, _, err = say("retry", "clear", "--yes")
    assert code == 1
    assert "WRONGTYPE" in err
    assert redis.get("retry") == b"not ours"


def test_the_embedded_redis_cannot_be_watched_and_says_so(say: Callable) -> None:
    import fakeredis

    from minijobs import connect

    connect(fakeredis.FakeRedis())
    code, _, err = say("monitor")
    assert code == 1
    assert "Redis embedded in this process cannot be watched" in err


@pytest.mark.parametrize("pattern", ["(", "*", "[a"])
def test_a_pattern_that_is_none_is_one_sentence(redis: redis_py.Redis, say: Callable, pattern: str) -> None:
    code, _, err = say("monitor", "--grep", pattern)
    assert code == 2
    assert err.splitlines()[-1].startswith(f"minijobs: --grep {pattern!r} is no regular expression: ")


def test_new_says_what_it_wrote_and_what_comes_next(say: Callable, tmp_path: Path) -> None:
    code, out, _ = say("new", "SendGifToUser", "--into", str(tmp_path))
    test = tmp_path / "tests" / "test_send_gif_to_user_worker.py"
    assert code == 0
    assert f"Written: {tmp_path / 'workers' / 'send_gif_to_user_worker.py'}\nWritten: {test}\n" in out
    assert out.endswith(f"Now make it green: python -m pytest {test}\n")
    code, _, err = say("new", "SendGifToUser", "--into", str(tmp_path))
    assert (code, "is there already, so nothing was written" in err) == (1, True)
    assert say("new", "1", "--into", str(tmp_path))[0] == 2


# Watching


@pytest.fixture
def watching(real_redis_url: str, tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen, Path]]]:
    """`minijobs monitor` as a process that watches already, and the file that it prints to."""
    started = []

    def start(*words: str) -> tuple[subprocess.Popen, Path]:
        file = tmp_path / f"monitor-{len(started)}"
        with file.open("w") as out:
            command = [sys.executable, "-m", "minijobs", "monitor", *words]
            environment = {**os.environ, "REDIS_URL": real_redis_url}
            started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=subprocess.PIPE, text=True))
        client = redis_py.Redis.from_url(real_redis_url)
        deadline = time.monotonic() + 30
        while not any(one["cmd"] == "monitor" for one in client.client_list()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return started[-1], file

    yield start
    for process in started:
        process.kill()
        process.communicate()


def printed(process: subprocess.Popen, file: Path, what: str) -> str:
    """What it has printed, once this is in it; then Ctrl-C."""
    deadline = time.monotonic() + 30
    while what not in file.read_text():
        assert time.monotonic() < deadline, file.read_text()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said.startswith("Watching Redis at ")
    assert said.count("\n") == 1
    return file.read_text()


def test_it_shows_what_the_seed_saw_with_grep(real: redis_py.Redis, watching: Callable) -> None:
    process, file = watching("--grep", "hset|lpush")
    jid = Client().push({**JOB, "class": "SendGifToUserWorker", "args": ["flip", "flop"]})
    first, *rest = printed(process, file, "enqueued_at").splitlines()
    assert first.split("] ")[1] == "LPUSH queue:default"
    assert rest[:3] == ['  { class: "SendGifToUserWorker"', '    args: ["flip", "flop"]', "    retry: true"]
    assert rest[4] == f'    jid: "{jid}"'
    assert rest[-1].endswith(" }")
    assert "SADD" not in file.read_text()


def test_without_a_filter_it_shows_everything_also_what_is_no_text(real: redis_py.Redis, watching: Callable) -> None:
    process, file = watching()
    real.execute_command("SET", "a key\n", b"\x1b[2J \xff " + '"é" \\'.encode())
    real.ping()
    line = printed(process, file, "PING").splitlines()[0]
    assert line.split("] ", 1)[1] == 'SET a key\\n \\x1b[2J \\xff "é" \\'


def test_a_program_gets_a_line_of_json_each(real: redis_py.Redis, watching: Callable) -> None:
    process, file = watching("--json", "--grep", "rpush")
    real.rpush("somewhere", "a b")
    told = json.loads(printed(process, file, "somewhere"))
    assert told["words"] == ["RPUSH", "somewhere", "a b"]
    assert abs(told["at"] - time.time()) < 60


def test_when_the_reader_has_seen_enough_it_ends(real: redis_py.Redis, real_redis_url: str) -> None:
    command = [sys.executable, "-m", "minijobs", "monitor"]
    environment = {**os.environ, "REDIS_URL": real_redis_url}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        deadline = time.monotonic() + 30
        while not any(one["cmd"] == "monitor" for one in real.client_list()):
            assert time.monotonic() < deadline
        process.stdout.close()
        while process.poll() is None:
            real.ping()
            assert time.monotonic() < deadline
        assert process.returncode == 0
        assert "Traceback" not in process.stderr.read()


# As a process: the terminal, the streams, TERM


@pytest.fixture
def shell(real: redis_py.Redis, real_redis_url: str) -> Callable[..., subprocess.CompletedProcess]:
    """Says words to `minijobs` through a shell, which knows how to close a stream: `stats >&-`."""

    def shell(words: str, **environment: str) -> subprocess.CompletedProcess:
        command = f"{sys.executable} -m minijobs {words}"
        settings = {**os.environ, "REDIS_URL": real_redis_url, **environment}
        return subprocess.run(command, shell=True, env=settings, capture_output=True, text=True, timeout=30)

    return shell


def test_its_version_is_told(say: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        say("--version")
    assert ended.value.code == 0
    assert re.fullmatch(r"minijobs \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_a_terminal_that_lacks_a_sign_gets_an_escape(real: redis_py.Redis, shell: Callable) -> None:
    real.zadd("retry", {failed(["1", "\N{SNOWMAN}"]): 1})
    told = shell("retry list", PYTHONIOENCODING="ascii")
    assert (told.returncode, told.stderr) == (0, "")
    assert "\\u2603" in told.stdout


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("stats >&-", 0, ""),
        ("stats <&- >&- 2>&-", 0, ""),
        ("stats >/dev/full", 1, "minijobs: [Errno 28] No space left on device\n"),
        ("retry clear <&-", 2, "say --yes.\n"),
    ],
)
def test_a_stream_that_is_closed_or_full_is_no_traceback(
    real: redis_py.Redis, shell: Callable, words: str, code: int, says: str
) -> None:
    real.zadd("retry", {failed(["1"]): 1})
    told = shell(words)
    assert told.returncode == code
    assert told.stderr.endswith(says)
    assert told.stderr.count("\n") == bool(says)
    assert len(RetrySet()) == 1


@pytest.mark.parametrize(("words", "code"), [(["monitor"], 143), (["web", "--port", "0"], 0)])
@pytest.mark.parametrize("first", [False, True], ids=["anywhere", "as the first process of a container"])
def test_term_ends_what_runs_until_told(
    real: redis_py.Redis, real_redis_url: str, words: list[str], code: int, first: bool
) -> None:
    new = ["unshare", "--pid", "--fork", "--kill-child"] if first else []
    if first and subprocess.run([*new, "true"], capture_output=True).returncode:
        pytest.skip("no right to make a container")
    command = [*new, sys.executable, "-m", "minijobs", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, env={**os.environ, "REDIS_URL": real_redis_url}, **pipes) as process:  # type: ignore[call-overload]
        try:
            assert process.stdout.readline().split()[0] in ("Watching", "The")
            pid = process.pid
            if first:
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text())
            os.kill(pid, signal.SIGTERM)
            assert process.wait(30) == code
            assert "Traceback" not in process.stdout.read()
        finally:
            process.kill()


# What is printed, in itself


def test_a_table_is_cut_at_the_width_and_no_cell_breaks_it() -> None:
    lines = table(["a", "b"], [["x", "y" * 100], ["\n", ""]], width=20)
    assert lines == ["a   b", "x   " + "y" * 15 + "…", "\\n"]


def test_visible_signs_stay_as_they_are() -> None:
    assert plain('é😀 "\\ x') == 'é😀 "\\ x'


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "now"), (59, "59 s from now"), (-119, "119 s ago"), (7200, "2 hours from now"), (-200_000, "2 days ago")],
)
def test_a_moment_is_told_in_the_largest_unit_of_which_there_are_two(seconds: float, words: str) -> None:
    assert away(seconds) == words


def test_progress_is_shown_to_a_person_and_to_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for kind, shown in ((Terminal, "\rdeleted 1,000 of 2,500\rdeleted 2,500 of 2,500\n"), (io.StringIO, "")):
        error = kind()
        monkeypatch.setattr(sys, "stderr", error)
        progress = Progress("deleted", of=2_500)
        progress(1_000)
        progress(2_500)
        assert error.getvalue() == shown


def test_long_work_on_the_command_line_shows_how_far_it_is(redis: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    redis.zadd("retry", {failed([str(number)]): number for number in range(2_500)})
    error = io.StringIO()
    error.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr(sys, "stderr", error)
    main(["retry", "retry", "--all"])
    assert error.getvalue() == "\rretried 1,000 of 2,500\rretried 2,000 of 2,500\rretried 2,500 of 2,500\n"
    assert len(RetrySet()) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["worker", "-q", "\udcff"],
        ["worker", "-r", "\udcff"],
        ["worker", "-r", "\udcff.py"],
        ["retry", "delete", "\udcff"],
        ["retry", "retry", "\udcff"],
        ["retry", "list", "--limit", "\udcff"],
        ["web", "--host", "\udcff"],
        ["new", "\udcff"],
    ],
)
def test_a_word_that_is_no_text_is_refused_in_a_sentence(real_redis_url: str, words: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "minijobs", *words]
    run = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "REDIS_URL": real_redis_url}, capture_output=True, text=True
    )
    assert run.returncode in (1, 2)
    assert "Traceback" not in run.stderr
    assert r"\udcff" in run.stderr
