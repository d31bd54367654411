"""`minijobs worker` as a real process on a real server: signals, crashes, outages."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time

import pytest
from processes import SOON, eventually

from minijobs import Client, Queue, RetrySet


def push(name: str, *args: object) -> str:
    return str(Client().push({"class": name, "args": list(args)}))


def began(redis) -> list[tuple[int, str]]:
    return [(int(pid), jid) for pid, jid in (line.decode().split() for line in redis.lrange("test:began", 0, -1))]


def in_flight(redis) -> list[bytes]:
    """The in-flight lists that hold something; of one that was left, a string stays for a while, its seal."""
    return list(redis.scan_iter("inflight:*", _type="list"))


def test_it_runs_jobs_and_ends_cleanly_when_told(real, start):
    process = start("-c", "2")
    jid = push("Slow", 0)
    eventually(lambda: real.lrange("test:ended", 0, -1) == [jid.encode()])
    process.signal("TERM")
    assert process.exit_code() == 0
    assert "Workers: Answer, Anything, Count, " in process.said()
    assert f"Slow JID-{jid} INFO: start" in process.said()
    assert "nothing was left unfinished" in process.said()
    assert real.smembers("processes") == set()
    assert (in_flight(real), real.smembers("inflight")) == ([], set())


def test_a_killed_process_loses_nothing_and_another_one_finishes_its_jobs(real, start):
    doomed = start("-c", "3", "--heartbeat", "0.3")
    jids = {push("Slow", 0.5) for _ in range(3)}
    eventually(lambda: len(began(real)) == 3)
    doomed.signal("KILL")
    doomed.exit_code()
    assert len(Queue("default")) == 0
    start("-c", "3", "--heartbeat", "0.3")
    eventually(lambda: {jid.decode() for jid in real.lrange("test:ended", 0, -1)} >= jids)
    eventually(lambda: not in_flight(real))
    assert len(RetrySet()) == 0


def test_quiet_finishes_what_runs_and_takes_nothing_more(real, start):
    process = start("-c", "1")
    first = push("Slow", 0.3)
    eventually(lambda: began(real))
    process.signal("TSTP")
    eventually(lambda: "quiet" in process.said())
    second = push("Slow", 0)
    eventually(lambda: real.lrange("test:ended", 0, -1) == [first.encode()])
    assert [job.jid for job in Queue("default")] == [second]
    process.signal("TERM")
    assert process.exit_code() == 0
    assert [job.jid for job in Queue("default")] == [second]


def test_what_is_unfinished_at_the_end_goes_back_and_that_is_no_failure(real, start):
    process = start("-c", "1", "--timeout", "0.2")
    jid = push("Slow", 60)
    eventually(lambda: began(real))
    process.signal("TERM")
    assert process.exit_code() == 0
    assert "not everything was finished" in process.said()
    assert [job.jid for job in Queue("default")] == [jid]
    assert len(RetrySet()) == 0


def test_the_second_interrupt_ends_it_at_once(real, start):
    process = start("-c", "1", "--timeout", "3600")
    jid = push("Slow", 3600)
    eventually(lambda: began(real))
    process.signal("INT")
    eventually(lambda: "quiet" in process.said())
    process.signal("INT")
    assert process.exit_code() == 0
    assert [job.jid for job in Queue("default")] == [jid]


def test_closing_its_terminal_is_no_crash(real, start):
    process = start("-c", "1", "--timeout", "0")
    jid = push("Slow", 3600)
    eventually(lambda: began(real))
    process.signal("HUP")
    assert process.exit_code() == 0
    assert [job.jid for job in Queue("default")] == [jid]  # and not in flight, until somebody rescues it, which is counted


def test_it_prints_where_every_thread_is(real, start):
    process = start()
    eventually(lambda: real.scard("processes"))
    process.signal("TTIN")
    eventually(lambda: "most recent call last" in process.said())
    process.signal("TERM")
    assert process.exit_code() == 0


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-r", "no.such.module"], 1, "no.such.module cannot be loaded: ModuleNotFoundError"),
        (["-q", "default,lots"], 2, "-q default,lots: a queue's name, and perhaps a weight"),
        (["-q", ",3"], 2, "-q ,3"),
        (["-c", "0"], 2, "-c 0: it must be at least 1"),
        (["-r", "no/such/file.py"], 1, "no/such/file.py cannot be loaded"),
        (["-r", "."], 1, "-r .: the name of a module, such as app.workers, or a file"),
        (["-r", "app/"], 1, "-r app/: the name of a module"),
        (["-r", "app:Mail"], 1, "-r app:Mail: the name of a module"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(start, words, code, says):
    process = start(*words)
    assert process.exit_code() == code
    assert says in process.said()
    assert "Traceback" not in process.said()


def commands(redis) -> int:
    """How many commands the server has been told so far."""
    return sum(figures["calls"] for figures in redis.info("commandstats").values())


MANY = [*(f"queue-{number}" for number in range(600)), "default"]


@pytest.mark.parametrize(("queues", "most"), [(["default"], 20), (["high", "default", "low"], 100), (MANY, 100)])
def test_an_idle_process_needs_next_to_nothing(real, start, record_property, queues, most):
    process = start(*(word for queue in queues for word in ("-q", queue)))
    push("Slow", 0)
    eventually(lambda: real.llen("test:ended"))
    time.sleep(0.5)
    began, used, told = time.monotonic(), process.cpu_seconds(), commands(real)
    time.sleep(2)
    seconds = time.monotonic() - began
    share, rate = (process.cpu_seconds() - used) / seconds, (commands(real) - told) / seconds
    print(f"idle with {len(queues)} queues: {share:.1%} of a processor, {rate:.0f} commands a second")
    record_property("share of a processor", share)
    record_property("commands a second", rate)
    assert share < 0.1
    assert rate < most
    assert not process.ended()


# Signals


def test_two_signals_at_nearly_the_same_time_end_it(real, start):
    processes = [start("-c", "1") for _ in range(4)]
    eventually(lambda: real.scard("processes") == 4)
    for process in processes:
        process.signal("TERM")
        time.sleep(random.uniform(0, 0.0003))
        process.signal("INT")
    assert [process.exit_code() for process in processes] == [0] * 4


def test_a_signal_that_comes_while_a_lock_is_taken_is_obeyed_afterwards():
    # In a process of its own, for it would hang: the handler would wait for the lock of the code that it interrupts.
    program = """
import signal, fakeredis, minijobs
server = minijobs.Server(redis=fakeredis.FakeRedis())
server.handle_signals()
with server._stop._cond:
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert not server._stop.is_set()
assert server._stop.wait(20)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=SOON)


WORKERS = """
import atexit, logging, logging.config, multiprocessing, os, sys, time
from minijobs import Worker, connection

class Child(Worker):
    def perform(self):
        fork = multiprocessing.get_context("fork")
        child = fork.Process(target=time.sleep, args=(60,))
        child.start()
        child.terminate()
        child.join(20)
        connection.current().rpush("test:said", str(child.exitcode))
        child.kill()

class Pool(Worker):
    def perform(self):
        with multiprocessing.get_context("fork").Pool(2) as pool:
            total = sum(pool.map(abs, range(10)))
        connection.current().rpush("test:said", str(total))

class ChildTalks(Worker):
    def perform(self):
        child = multiprocessing.get_context("fork").Process(target=talk, args=(11_000,))
        child.start()
        child.join(20)
        connection.current().rpush("test:said", str(child.exitcode))
        child.kill()

class Talk(Worker):
    def perform(self, lines):
        talk(lines)
        connection.current().rpush("test:said", "talked")

class Forks(Worker):
    def perform(self):
        for way in (lambda: sys.exit(3), lambda: None, lambda: 1 / 0, lambda: os.kill(os.getpid(), 15)):
            child = os.fork()
            if child == 0:
                return way()
            connection.current().rpush("test:said", str(os.waitpid(child, 0)[1]))

class ForksInAHook(Worker):
    def perform(self):
        raise OSError("no network")

    @staticmethod
    def retry_in(count, error):
        child = os.fork()
        if child == 0:
            sys.exit(0)
        connection.current().rpush("test:said", str(os.waitpid(child, 0)[1]))
        return 50

class Do(Worker):
    def perform(self, what):
        exec(what, globals())

class Print(Worker):
    def perform(self):
        print("a word of a job", end="")
        connection.current().rpush("test:said", "printed")

def talk(lines):
    for number in range(lines):
        logging.getLogger("minijobs").info("line %d", number)

"""


@pytest.fixture
def run(tmp_path, real, real_redis_url):
    """Starts `minijobs worker` with these Workers and waits until it beats. It does not outlive the test."""
    started = []

    def run(more="", shell="", wait=True, options=(), **settings):
        (tmp_path / "its_workers.py").write_text(WORKERS + more)
        command = [sys.executable, "-m", "minijobs", "worker", "-c", "2", "-r", str(tmp_path / "its_workers.py"), *options]
        if shell:
            command = ["sh", "-c", f'exec "$@" {shell}', "sh", *command]
        environment = {**os.environ, "REDIS_URL": real_redis_url}
        started.append(subprocess.Popen(command, env=environment, **settings))
        if wait:
            eventually(lambda: real.scard("processes"))
        return started[-1]

    yield run
    for popen in started:
        popen.kill()
        popen.communicate()


def said_in_redis(real, number=1):
    return eventually(lambda: real.llen("test:said") >= number and real.lrange("test:said", 0, -1))


def ended(popen):
    popen.terminate()
    return popen.wait(SOON)


def test_a_child_of_a_job_can_be_terminated(real, run):
    popen = run()
    push("Child")
    assert said_in_redis(real) == [b"-15"]
    assert ended(popen) == 0


def test_a_pool_of_processes_ends(real, run):
    popen = run()
    for _ in range(8):
        push("Pool")  # two at a time
    assert said_in_redis(real, 8) == [b"45"] * 8
    assert ended(popen) == 0


def test_a_child_that_a_job_forks_is_no_worker_process(real, run, tmp_path):
    with (tmp_path / "log").open("w") as log:
        popen = run(stderr=log)
        jid = push("Forks")
        assert said_in_redis(real, 4) == [b"%d" % status for status in (3 << 8, 0, 1 << 8, 15)]
        eventually(lambda: not in_flight(real))
        assert (real.scard("processes"), real.zcard("retry")) == (1, 0)
        assert ended(popen) == 0
    assert real.get("stat:processed") == b"1"
    said = (tmp_path / "log").read_text()
    assert [said.count(f"{jid} INFO: {word}") for word in ("start", "done", "fail")] == [1, 1, 0]
    assert said.count("ZeroDivisionError: ") == 1  # of the child that nobody handled


def test_a_child_that_a_hook_forks_is_no_worker_process(real, run):
    popen = run()
    push("ForksInAHook")
    assert said_in_redis(real) == [b"0"]  # the child has ended, and the parent has seen it
    eventually(lambda: real.zcard("retry") == 1 and not in_flight(real))
    assert ended(popen) == 0


STARTUP = """
from minijobs import on

@on("startup")
def startup():
    connection.current().rpush("test:said", "starting")
"""


def test_term_while_a_handler_of_startup_hangs_ends_it_within_its_time(real, run, tmp_path):
    with (tmp_path / "log").open("w") as log:
        popen = run(STARTUP + "    time.sleep(600)\n", options=["--timeout", "0.1"], stderr=log)
        assert said_in_redis(real) == [b"starting"]
        popen.terminate()
        assert popen.wait(SOON) == 1
    said = (tmp_path / "log").read_text()
    assert "a handler of startup does not return, so this process ends all the same; it has run no job" in said


def test_a_handler_of_startup_that_exits_is_a_failed_start(real, run, tmp_path):
    with (tmp_path / "log").open("w") as log:
        popen = run(STARTUP + "    sys.exit()\n", wait=False, stderr=log)
        assert popen.wait(SOON) == 1
    said = (tmp_path / "log").read_text()
    assert "A handler of startup has called sys.exit(), so no job was run." in said
    assert "Traceback" not in said


def test_term_while_redis_does_not_answer_ends_it_within_its_time(own_server, start):
    process = start("-c", "1", "--timeout", "0.2", url=own_server.url)
    eventually(lambda: "minijobs runs default" in process.said())
    own_server.popen.send_signal(signal.SIGSTOP)
    process.signal("TERM")
    assert process.popen.wait(15) == 0  # 0.2 and 5 seconds, and what a busy machine adds; each command would take 5
    # Whether it gives up first, or its farewell does, both after 5 seconds, is chance
    assert re.search(
        "Redis does not answer, so this process ends all the same|could not sign off; .* did not answer", process.said()
    )


# The log


def test_a_child_writes_its_own_lines(real, run, tmp_path):
    with (tmp_path / "log").open("w") as log:
        popen = run(stderr=log)
        push("ChildTalks")
        assert said_in_redis(real) == [b"0"]
    assert "INFO: line 10999\n" in (tmp_path / "log").read_text()
    assert ended(popen) == 0


@pytest.mark.parametrize("shell", ["2>&-", "2>/dev/full", ">&- 2>&- <&-"])
def test_a_log_that_cannot_be_written_stops_nothing(real, run, shell):
    popen = run(shell=shell)
    push("Talk", 30_000)
    said_in_redis(real)
    assert ended(popen) == 0


def test_a_pipe_that_nobody_reads_stops_nothing_and_the_reader_learns_how_many_lines_are_missing(real, run):
    popen = run(stderr=subprocess.PIPE)
    push("Talk", 30_000)
    said_in_redis(real)
    read = iter(popen.stderr.readline, b"")
    assert any(b" lines of this log were dropped" in line for line in read)
    push("Talk", 30_000)
    said_in_redis(real, 2)
    assert ended(popen) == 0


SETTINGS = {
    "dictConfig": 'logging.config.dictConfig({"version": 1, "root": {"level": "INFO"}})',
    "basicConfig": "logging.basicConfig(level=logging.INFO)",
    "both": 'logging.config.dictConfig({"version": 1}); logging.basicConfig(level=logging.INFO)',
    "a wrapped stream": "import codecs; sys.stderr = codecs.getwriter('ascii')(sys.stderr.buffer)",
}


@pytest.mark.parametrize("setting", ["both", "a wrapped stream"])
def test_each_line_is_written_once_whatever_the_module_does_to_logging(real, run, tmp_path, setting):
    with (tmp_path / "log").open("w") as log:
        popen = run(SETTINGS[setting], stderr=log)
        push("Talk", 1)
        said_in_redis(real)
        assert ended(popen) == 0
    assert (tmp_path / "log").read_text().count("line 0") == 1


def test_a_job_that_sets_up_logging_neither_silences_nor_doubles_a_line(real, run, tmp_path):
    with (tmp_path / "log").open("w") as log:
        popen = run(stderr=log)
        for number, setting in enumerate(SETTINGS.values(), 1):
            push("Do", setting + "; talk(1); connection.current().rpush('test:said', 'talked')")
            said_in_redis(real, number)
        assert ended(popen) == 0
    assert (tmp_path / "log").read_text().count("line 0") == len(SETTINGS)


BROKEN = """
class Broken(logging.Handler):
    def emit(self, record): 1 / 0
logging.getLogger().addHandler(Broken())
"""


def test_a_handler_that_raises_stops_nothing(real, run, tmp_path):
    with (tmp_path / "log").open("w") as log:
        popen = run(BROKEN, stderr=log)
        for number in (1, 2):
            push("Do", "talk(1); connection.current().rpush('test:said', 'talked')")
            said_in_redis(real, number)
        eventually(lambda: not in_flight(real))
        assert ended(popen) == 0
    assert (tmp_path / "log").read_text().count("INFO: line 0") == 2


ENDS = "class Ends:\n    def __str__(self): sys.exit()\n"


@pytest.mark.parametrize(
    "way",
    [
        "log_writer._Front._write = lambda self: sys.exit()",
        ENDS + "logging.getLogger('minijobs').info(Ends())",
    ],
    ids=["in its own code", "by what it is to write"],
)
def test_when_the_thread_that_writes_the_log_dies_work_goes_on_and_lines_are_written(real, run, tmp_path, way):
    with (tmp_path / "log").open("w") as log:
        popen = run(f"from minijobs.cli import log_writer\n{way}", stderr=log)
        for number in (1, 2):
            push("Talk", 15_000)
            said_in_redis(real, number)
        assert ended(popen) == 0
    assert "INFO: line 14999\n" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("stream", ["None", "__import__('io').StringIO()"])
def test_where_each_thread_is_can_be_printed_without_a_file(real, run, tmp_path, stream):
    with (tmp_path / "log").open("w") as log:
        popen = run(f"sys.stderr = {stream}", stderr=log)
        push("Talk", 1)
        said_in_redis(real)  # so its threads are there
        popen.send_signal(signal.SIGTTIN)
        eventually(lambda: "Thread MainThread (most recent call last):" in (tmp_path / "log").read_text())
        assert ended(popen) == 0


# The end


def test_what_jobs_printed_is_kept_and_atexit_handlers_run(real, run, tmp_path):
    with (tmp_path / "out").open("w") as out:
        popen = run("atexit.register(print, ' and the last word')", stdout=out)
        push("Print")
        said_in_redis(real)
        assert ended(popen) == 0
    assert (tmp_path / "out").read_text() == "a word of a job and the last word\n"


@pytest.mark.parametrize("way", ["sys.stdout.close(); sys.stdin.close()", "sys.stdout = sys.stderr = None"])
def test_a_module_that_takes_the_streams_away_stops_nothing(real, run, way):
    popen = run(way)
    push("Talk", 11_000)
    said_in_redis(real)
    assert ended(popen) == 0


def test_an_atexit_handler_that_hangs_does_not_keep_the_process(run):
    assert ended(run("atexit.register(time.sleep, 3600)")) == 0


def test_term_while_the_modules_are_loaded_ends_it(run, tmp_path):
    loading = tmp_path / "loading"
    popen = run(f"open({str(loading)!r}, 'w').close(); time.sleep(3600)", wait=False, stderr=subprocess.PIPE)
    eventually(loading.exists)
    popen.terminate()
    _, said = popen.communicate(timeout=SOON)
    assert (popen.returncode, said) == (0, b"")
