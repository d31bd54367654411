"""Ruby's real Sidekiq and minijobs on one Redis: each runs, reads, retries and resurrects what the other one left there.

Sidekiq is Debian's package ruby-sidekiq, 6.4.1. Three databases of the tests' private server:

    0    no process, or one that a test starts
    1    a Sidekiq process, queues `default`, `low` and `both`
    2    a `minijobs worker` process, the same queues
"""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import redis as redis_py
from processes import SOON, eventually, lately

from minijobs import (
    Client,
    DeadSet,
    Fetcher,
    Heartbeat,
    Processor,
    ProcessSet,
    Queue,
    RetrySet,
    ScheduledSet,
    Stats,
    WorkSet,
    connection,
    poll,
)
from minijobs.job import stamp

JOBS = Path(__file__).parent / "interop"
QUEUES = ("-q", "default", "-q", "low", "-q", "both")

ARGUMENTS = ['é😀 \u2028 " \\ \n', 0.1, -1e300, 2**53 + 1, None, True, [], {"a": {"ü": [1, [2.5, None]]}}, ""]
KINDS = {
    "ruby": ["String", "Float", "Float", "Integer", "NilClass", "TrueClass", "Array", "Hash", "String"],
    "python": ["str", "float", "float", "int", "NoneType", "bool", "list", "dict", "str"],
}


@pytest.fixture(scope="module", autouse=True)
def _sidekiq_is_there() -> None:
    if shutil.which("ruby") is None:
        pytest.skip("no ruby on PATH: apt-get install ruby-sidekiq")
    asked = subprocess.run(["ruby", "-e", 'require "sidekiq"; print Sidekiq::VERSION'], capture_output=True, text=True)
    if not asked.stdout.startswith("6.4."):
        pytest.skip(f"no Sidekiq 6.4 in Ruby, but {asked.stdout or 'none'}: apt-get install ruby-sidekiq")


class Place:
    """One database, as both sides reach it."""

    def __init__(self, url: str, number: int) -> None:
        self.url = f"{url}?db={number}"
        self.environment = {
            **os.environ,
            "REDIS_URL": self.url,
            "TEST_SOCKET": url.removeprefix("unix://"),
            "TEST_DATABASE": str(number),
        }
        self.redis = redis_py.Redis.from_url(self.url)
        self.processes: list[subprocess.Popen] = []

    def ruby(self, code: str) -> object:
        """What a piece of Ruby gives back."""
        command = ["ruby", "-r", str(JOBS / "jobs.rb"), "-e", f"puts JSON.generate(begin; {code}; end)"]
        run = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=SOON)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)

    def start(self, log: Path, *command: str) -> subprocess.Popen:
        """A process, when it says in Redis that it lives."""
        before = self.redis.smembers("processes")
        with log.open("w") as file:
            process = subprocess.Popen(command, env=self.environment, stdout=file, stderr=file)
        self.processes.append(process)
        eventually(lambda: process.poll() is not None or self.redis.smembers("processes") - before)
        assert process.poll() is None, log.read_text()
        return process

    def end(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        self.redis.flushdb()
        self.redis.close()

    def start_sidekiq(self, folder: Path) -> subprocess.Popen:
        words = ("-r", str(JOBS / "jobs.rb"), "-c", "5", "-t", "2")
        return self.start(folder / "sidekiq.log", "ruby", "-S", "sidekiq", *words, *QUEUES)

    def start_minijobs(self, folder: Path, *words: str) -> subprocess.Popen:
        words = ("-r", str(JOBS / "jobs.py"), "-c", "5", "--heartbeat", "0.5", *words)
        return self.start(folder / "minijobs.log", sys.executable, "-m", "minijobs", "worker", *words)

    def ran(self, jid: str) -> dict:
        """What the Worker noted when it ran this job; waits for it."""

        def noted() -> dict | None:
            runs = [json.loads(line) for line in self.redis.lrange("test:ran", 0, -1)]
            return next((run for run in runs if run["jid"] == jid), None)

        return eventually(noted)

    def kept(self, jid: str) -> dict:
        """The job as the middleware around its run saw it."""
        return json.loads(self.redis.hget("test:jobs", jid))


@pytest.fixture(scope="module")
def sidekiq_process(real_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(real_redis_url, 1)
    place.start_sidekiq(tmp_path_factory.mktemp("sidekiq"))
    yield place
    place.end()


@pytest.fixture(scope="module")
def minijobs_process(real_redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(real_redis_url, 2)
    place.start_minijobs(tmp_path_factory.mktemp("minijobs"), *QUEUES)
    yield place
    place.end()


@pytest.fixture
def with_sidekiq(sidekiq_process: Place) -> Place:
    """Where a Sidekiq process runs; our Workers push there."""
    connection.connect(sidekiq_process.url).delete("queue:ours", "retry", "schedule")
    return sidekiq_process


@pytest.fixture
def with_minijobs(minijobs_process: Place) -> Place:
    """Where a `minijobs worker` runs; our api looks there."""
    connection.connect(minijobs_process.url)
    return minijobs_process


@pytest.fixture
def empty(real: redis_py.Redis, real_redis_url: str) -> Iterator[Place]:
    """Where nothing runs and nothing is."""
    place = Place(real_redis_url, 0)
    yield place
    place.end()


@pytest.fixture
def jobs() -> SimpleNamespace:
    """The Workers of jobs.py, in this process."""
    return SimpleNamespace(**runpy.run_path(str(JOBS / "jobs.py")))


# Each runs what the other one pushes


def test_sidekiq_runs_what_we_push_with_the_arguments_unchanged(with_sidekiq, jobs):
    jid = jobs.Note.perform_async(*ARGUMENTS)
    assert with_sidekiq.ran(jid) == {"by": "ruby", "jid": jid, "args": ARGUMENTS, "kinds": KINDS["ruby"]}


def test_sidekiqs_poller_finds_what_we_push_for_later(with_sidekiq, jobs):
    pushed = time.time()
    jid = jobs.Note.set(queue="low").perform_in(0.5, *ARGUMENTS)
    assert with_sidekiq.ran(jid)["args"] == ARGUMENTS
    job = with_sidekiq.kept(jid)
    assert job["came_from"] == "low"
    assert job["enqueued_at"] >= stamp(pushed + 0.5)
    assert len(ScheduledSet()) == 0


def test_sidekiq_runs_what_we_push_in_bulk_with_its_options(with_sidekiq, jobs):
    jids = jobs.Note.set(queue="low", retry=3, tags=["é", "b"]).perform_bulk([[1], [2], [3]])
    assert [with_sidekiq.ran(jid)["args"] for jid in jids] == [[1], [2], [3]]
    for job in map(with_sidekiq.kept, jids):
        assert (job["came_from"], job["queue"], job["retry"], job["tags"]) == ("low", "low", 3, ["é", "b"])


def test_we_run_what_sidekiq_pushes_with_the_arguments_unchanged(with_minijobs):
    arguments = json.dumps(json.dumps(ARGUMENTS))
    jid = with_minijobs.ruby(f"[Interop::Note.perform_async(*JSON.parse({arguments}))]")[0]
    assert with_minijobs.ran(jid) == {"by": "python", "jid": jid, "args": ARGUMENTS, "kinds": KINDS["python"]}


def test_our_poller_finds_what_sidekiq_pushes_for_later(with_minijobs):
    pushed = time.time()
    jid = with_minijobs.ruby('[Interop::Note.set(queue: "low").perform_in(0.5, "é", nil)]')[0]
    assert with_minijobs.ran(jid)["args"] == ["é", None]
    job = with_minijobs.kept(jid)
    assert job["queue"] == "low"
    assert job["enqueued_at"] >= stamp(pushed + 0.5)


def test_we_run_what_sidekiq_pushes_in_bulk_with_its_options(with_minijobs):
    item = '"class" => Interop::Note, "args" => [[1], [2], [3]], "queue" => "low", "retry" => 3, "tags" => ["é"]'
    jids = with_minijobs.ruby(f"Sidekiq::Client.push_bulk({item})")
    assert [with_minijobs.ran(jid)["args"] for jid in jids] == [[1], [2], [3]]
    for job in map(with_minijobs.kept, jids):
        assert (job["queue"], job["retry"], job["tags"]) == ("low", 3, ["é"])


# Each reads what the other one wrote

RECORD = """
    def record(job)
      times = {enqueued_at: job.enqueued_at&.to_f, created_at: job.created_at.to_f, failed_at: job["failed_at"]}
      error = {error?: job.respond_to?(:error?) && job.error?, error_class: job["error_class"],
               error_message: job["error_message"], retry_count: job["retry_count"], retried_at: job["retried_at"]}
      {jid: job.jid, class: job.klass, args: job.args, queue: job.queue, tags: job.tags, latency: job.latency,
       score: job.respond_to?(:score) ? job.score : nil, at: job.respond_to?(:at) ? job.at.to_f : nil, **times, **error}
    end
"""


def about(moment: float) -> object:
    """Ruby keeps a Time in nanoseconds."""
    return pytest.approx(moment, abs=1e-5)


def test_sidekiq_reads_our_queues(empty, jobs):
    began = time.time()
    first = jobs.Note.set(queue="mail", tags=["é"]).perform_async(*ARGUMENTS)
    second = jobs.Note.set(queue="mail").perform_async()
    jobs.Note.perform_async()
    seen = empty.ruby(f"""{RECORD}
        queue = Sidekiq::Queue.new("mail")
        {{size: queue.size, latency: queue.latency, jobs: queue.map {{ |job| record(job) }},
          found: record(queue.find_job("{first}")), names: Sidekiq::Queue.all.map(&:name),
          lengths: Sidekiq::Stats.new.queues}}
    """)
    waited = time.time() - began
    assert (seen["size"], seen["names"], seen["lengths"]) == (2, ["default", "mail"], {"mail": 2, "default": 1})
    assert [job["jid"] for job in seen["jobs"]] == [second, first]
    found = seen["found"]
    assert (found["jid"], found["class"], found["args"]) == (first, "Interop::Note", ARGUMENTS)
    assert (found["queue"], found["tags"]) == ("mail", ["é"])
    ours = Queue("mail").find(first)
    assert found["enqueued_at"] == about(ours["enqueued_at"])
    assert found["created_at"] == about(ours["created_at"])
    assert stamp(began) <= ours["created_at"] <= ours["enqueued_at"] <= began + waited
    assert 0 <= found["latency"] <= waited
    assert 0 <= seen["latency"] <= waited


def test_sidekiq_reschedules_what_we_wrote_and_there_is_no_second_copy(empty, jobs):
    # Given a job for later and one to be tried again, with what Ruby's JSON and Python's write differently
    arguments = [*ARGUMENTS, 1e15, 1e16, 5e-05, -1e-300, [1e22], {"1e+16": 1e-10}, "[1e+16]", "\x7f\x00\x1f", "</a>"]
    jobs.Note.perform_in(3600, *arguments)
    Client(empty.redis).push({"class": "Interop::Nobody", "args": arguments, "backtrace": True})
    Processor(Fetcher("default", redis=empty.redis)).process_one()
    # When Sidekiq reschedules both, which it does by writing them anew
    empty.ruby("[Sidekiq::ScheduledSet.new, Sidekiq::RetrySet.new].each { |set| set.each { |job| job.reschedule(2e9) } }")
    # Then each is there once, at its new moment
    assert [(entry.args, entry.score) for entry in ScheduledSet()] == [(arguments, 2e9)]
    assert [(entry.args, entry.score) for entry in RetrySet()] == [(arguments, 2e9)]


def test_sidekiq_reads_our_sorted_sets(empty, jobs):
    began = time.time()
    later = jobs.Note.perform_in(3600, "é")
    processor = Processor(Fetcher("mail"))
    dead = jobs.Fail.set(queue="mail", retry=0).perform_async()
    failed = jobs.Fail.set(queue="mail", tags=["é"]).perform_async()
    processor.process_one()
    processor.process_one()
    due(empty, "retry", failed)
    poll()
    processor.process_one()
    Heartbeat(processor).beat()
    seen = empty.ruby(f"""{RECORD}
        sets = {{schedule: Sidekiq::ScheduledSet, retry: Sidekiq::RetrySet, dead: Sidekiq::DeadSet}}
        read = sets.transform_values {{ |set| set.new.map {{ |job| record(job) }} }}
        stats = Sidekiq::Stats.new
        numbers = {{processed: stats.processed, failed: stats.failed, scheduled: stats.scheduled_size,
                   retry: stats.retry_size, dead: stats.dead_size, enqueued: stats.enqueued,
                   today: Sidekiq::Stats::History.new(2).processed.values.sum,
                   today_failed: Sidekiq::Stats::History.new(2).failed.values.sum}}
        found = Sidekiq::RetrySet.new.find_job("{failed}").jid
        {{sets: read, numbers: numbers, found: found}}
    """)
    ended = time.time()
    numbers = {"processed": 3, "failed": 3, "scheduled": 1, "retry": 1, "dead": 1, "enqueued": 0}
    assert seen["numbers"] == {**numbers, "today": 3, "today_failed": 3}
    assert seen["found"] == failed
    [schedule], [retry], [buried] = seen["sets"]["schedule"], seen["sets"]["retry"], seen["sets"]["dead"]
    assert (schedule["jid"], schedule["args"], schedule["enqueued_at"], schedule["error?"]) == (later, ["é"], None, False)
    assert began + 3600 <= schedule["score"] <= ended + 3600
    assert schedule["at"] == about(schedule["score"])
    assert (retry["jid"], retry["class"], retry["queue"], retry["tags"]) == (failed, "Interop::Fail", "mail", ["é"])
    error = {"error?": True, "error_class": "ValueError", "error_message": "not in Python, é"}
    assert retry.items() >= {**error, "retry_count": 1}.items()
    assert stamp(began) <= retry["failed_at"] <= retry["retried_at"] <= ended
    assert began + 3600 <= retry["score"] <= ended + 3636  # what its class says, and a little at random
    assert buried.items() >= {**error, "jid": dead, "retry_count": 0}.items()
    assert stamp(began) <= buried["failed_at"] <= buried["score"] <= ended


def test_sidekiq_reads_what_our_processes_are_doing(empty, jobs, tmp_path):
    began = time.time()
    process = empty.start_minijobs(tmp_path, *QUEUES)
    jid = jobs.Slow.set(queue="low").perform_async(SOON)
    [identity] = empty.redis.smembers("processes")
    eventually(lambda: empty.redis.hlen(identity + b":work"))
    # We and Sidekiq from 6.5 on call this key `…:work`; 6.4, which is asked here, still looks for `…:workers`.
    seen = empty.ruby(f"""
        Sidekiq.redis {{ |redis| redis.call("COPY", "{identity.decode()}:work", "{identity.decode()}:workers") }}
        fields = %w[hostname pid tag concurrency queues labels identity started_at busy beat quiet rss rtt_us]
        set = Sidekiq::ProcessSet.new
        stats = Sidekiq::Stats.new
        {{processes: set.map {{ |process| fields.to_h {{ |field| [field, process[field]] }} }}, size: set.size,
          total: set.total_concurrency, stopping: set.map(&:stopping?), work: Sidekiq::Workers.new.to_a,
          work_size: Sidekiq::Workers.new.size, stats: [stats.processes_size, stats.workers_size]}}
    """)
    process.kill()
    process.wait()
    ended = time.time()
    [told] = seen["processes"]
    assert told["identity"] == identity.decode()
    assert re.fullmatch(rf"{socket.gethostname()}:{process.pid}:[0-9a-f]{{12}}", told["identity"])
    assert (told["hostname"], told["pid"], told["tag"], told["labels"]) == (socket.gethostname(), process.pid, "", [])
    assert (told["concurrency"], told["queues"], told["busy"]) == (5, ["default", "low", "both"], 1)
    assert began <= told["started_at"] <= told["beat"] <= ended
    assert told["rss"] > 1000
    assert told["rtt_us"] > 0
    assert (seen["size"], seen["total"], seen["stopping"], seen["stats"]) == (1, 5, [False], [1, 1])
    [[owner, thread, work]] = seen["work"]
    assert (owner, work["queue"], work["payload"]["jid"], seen["work_size"]) == (identity.decode(), "low", jid, 1)
    assert work["payload"]["args"] == [SOON]
    assert thread
    assert int(began) <= work["run_at"] <= ended


def test_we_read_sidekiqs_queues_and_its_schedule(empty):
    began = time.time()
    jids = empty.ruby("""
        [Interop::Note.set(queue: "mail", tags: ["é"]).perform_async("é", 1.5, nil, {"a" => [1]}),
         Interop::Note.set(queue: "mail").perform_async(2),
         Interop::Note.set(retry: false).perform_in(3600, 3)]
    """)
    first, second = Queue("mail")
    assert (first.jid, first.class_name, first.args) == (jids[0], "Interop::Note", ["é", 1.5, None, {"a": [1]}])
    assert (first["queue"], first["retry"], first["tags"]) == ("mail", True, ["é"])
    assert lately(first["created_at"], first["enqueued_at"], since=began)
    assert lately(time.time() - Queue("mail").latency(), since=began)
    assert (second.jid, len(Queue("mail")), Queue("mail").find(jids[1]).args) == (jids[1], 2, [2])
    [later] = ScheduledSet()
    assert (later.jid, later.args, later["retry"], later["enqueued_at"]) == (jids[2], [3], False, None)
    assert lately(later.score - 3600, since=began)


def test_we_read_what_failed_and_died_in_sidekiq_and_its_numbers(with_sidekiq):
    began = time.time()
    failed, dead = with_sidekiq.ruby("""
        [Interop::Fail.set(queue: "low", backtrace: true).perform_async, Interop::Fail.set(retry: 0).perform_async]
    """)
    eventually(lambda: RetrySet().find(failed) and DeadSet().find(dead))
    retry, buried = RetrySet().find(failed), DeadSet().find(dead)
    for job in (retry, buried):
        assert (job.class_name, job["error_class"], job["retry_count"]) == ("Interop::Fail", "ArgumentError", 0)
        assert job["error_message"] == "not in Ruby, é"
        assert lately(job["failed_at"], since=began)
    assert retry["queue"] == "low"
    assert retry.score > began + 15
    assert lately(buried.score, since=began)
    eventually(lambda: Stats().failed >= 2)
    numbers = with_sidekiq.ruby("stats = Sidekiq::Stats.new; [stats.processed, stats.failed]")
    assert (Stats().processed, Stats().failed) == tuple(numbers)


def test_we_read_what_sidekiqs_processes_are_and_do_as_sidekiq_itself_does(with_sidekiq):
    [jid] = with_sidekiq.ruby('[Interop::Slow.set(queue: "low").perform_async(4)]')
    work = eventually(lambda: WorkSet().find(jid))
    fields = ("identity", "hostname", "pid", "tag", "concurrency", "queues", "labels", "started_at", "version")
    [seen], [[owner, thread, told]] = with_sidekiq.ruby(f"""
        [Sidekiq::ProcessSet.new.map {{ |process| %w[{" ".join(fields)}].to_h {{ |field| [field, process[field]] }} }},
         Sidekiq::Workers.new.select {{ |_, _, work| work["payload"]["jid"] == "{jid}" }}]
    """)
    [process] = ProcessSet()
    assert {field: process[field] for field in fields} == seen
    assert (work.process, work.thread, work.queue, work.run_at) == (owner, thread, "low", told["run_at"])
    assert work.job.item == told["payload"]
    assert process["busy"] == Stats().workers_size == 1
    assert (len(ProcessSet()), Stats().processes_size, process.stopping) == (1, 1, False)
    assert abs(process["beat"] - time.time()) < 5


def test_we_read_sidekiqs_numbers_and_history_as_sidekiq_itself_does(with_sidekiq, jobs):
    with_sidekiq.ran(jobs.Note.perform_async())
    jobs.Note.set(queue="nobody's").perform_bulk([[1], [2]])

    def theirs() -> dict:
        return with_sidekiq.ruby("""
            stats, history = Sidekiq::Stats.new, Sidekiq::Stats::History.new(3)
            {sizes: [stats.scheduled_size, stats.retry_size, stats.dead_size, stats.enqueued, stats.processes_size],
             runs: [stats.processed, stats.failed], queues: stats.queues,
             history: history.processed.map { |day, count| [day, [count, history.failed[day]]] }}
        """)

    def ours() -> dict:
        stats = Stats()
        return {
            "sizes": [stats.scheduled_size, stats.retry_size, stats.dead_size, stats.enqueued, stats.processes_size],
            "runs": [stats.processed, stats.failed],
            "queues": stats.queues(),
            "history": [[day.isoformat(), list(counts)] for day, counts in stats.history(3).items()],
        }

    # Sidekiq works on what other tests left meanwhile, so the two may have to look more than once.
    seen = eventually(lambda: (told := ours()) == theirs() and told)
    assert seen["queues"]["nobody's"] == 2
    assert [sum(counts) for counts in zip(*(counts for _, counts in seen["history"]), strict=True)] == seen["runs"]
    assert seen["runs"][0] > 0
    Queue("nobody's").clear()
    assert "nobody's" not in theirs()["queues"]


def test_a_backtrace_is_read_on_both_sides(with_sidekiq, jobs):
    jid = jobs.Fail.set(queue="ours", backtrace=True).perform_async()
    Processor(Fetcher("ours")).process_one()
    ours = RetrySet().find(jid).error_backtrace
    assert "jobs.py:" in ours[0]
    assert with_sidekiq.ruby(f'Sidekiq::RetrySet.new.find_job("{jid}").error_backtrace') == ours
    [jid] = with_sidekiq.ruby("[Interop::Fail.set(backtrace: 2).perform_async]")
    theirs = eventually(lambda: RetrySet().find(jid)).error_backtrace
    assert "jobs.rb:" in theirs[0]
    assert len(theirs) == 2
    assert with_sidekiq.ruby(f'Sidekiq::RetrySet.new.find_job("{jid}").error_backtrace') == theirs


# Each goes on with what the other one failed at


def due(place: Place, name: str, jid: str) -> None:
    """A job's moment has come."""
    found = {"retry": RetrySet, "schedule": ScheduledSet}[name]().find(jid)
    place.redis.zadd(name, {found.raw: time.time() - 1}, xx=True)


def test_sidekiq_retries_what_failed_here_and_counts_on(with_sidekiq, jobs):
    jid = jobs.Fail.set(queue="ours", retry_queue="low").perform_async()
    Processor(Fetcher("ours")).process_one()
    here = RetrySet().find(jid)
    assert (here["retry_count"], here["error_class"]) == (0, "ValueError")
    due(with_sidekiq, "retry", jid)
    there = eventually(lambda: (found := RetrySet().find(jid)) and found["error_class"] == "ArgumentError" and found)
    assert (there["retry_count"], there["queue"], there["failed_at"]) == (1, "low", here["failed_at"])
    assert there["retried_at"] > there["failed_at"]


def failed_in_sidekiq(place: Place) -> str:
    """A job that failed there once, and is to be retried here, in the queue `ours`."""
    [jid] = place.ruby('[Interop::Fail.set(retry_queue: "ours").perform_async]')
    eventually(lambda: RetrySet().find(jid))
    return jid


def test_we_retry_what_failed_in_sidekiq_and_count_on(with_sidekiq, jobs):
    jid = failed_in_sidekiq(with_sidekiq)
    there = RetrySet().find(jid)
    assert (there["retry_count"], there["queue"]) == (0, "ours")
    due(with_sidekiq, "retry", jid)
    assert Processor(Fetcher("ours")).process_one(1).name == "retry"
    here = RetrySet().find(jid)
    assert (here["retry_count"], here["error_class"], here["failed_at"]) == (1, "ValueError", there["failed_at"])
    assert here["retried_at"] > here["failed_at"]


def test_we_run_what_somebody_retries_on_sidekiqs_web_page(with_sidekiq, jobs):
    """There it does not count as a try: Sidekiq takes one off "retry_count", which is -1 after a first failure."""
    jid = failed_in_sidekiq(with_sidekiq)
    with_sidekiq.ruby(f'[Sidekiq::RetrySet.new.find_job("{jid}").retry]')
    assert Queue("ours").find(jid)["retry_count"] == -1
    assert Processor(Fetcher("ours")).process_one(1).name == "retry"
    assert RetrySet().find(jid)["retry_count"] == 0


def test_sidekiq_resurrects_what_died_here(with_sidekiq):
    jid = Client().push({"class": "Interop::OnlyRuby", "args": ["é"], "retry": 0, "queue": "ours", "retry_queue": "low"})
    assert Processor(Fetcher("ours")).process_one().name == "dead"
    assert DeadSet().find(jid)["error_class"] == "minijobs.worker.UnknownWorker"
    with_sidekiq.ruby(f'Sidekiq::DeadSet.new.each {{ |job| job.retry if job.jid == "{jid}" }}; []')
    assert with_sidekiq.ran(jid)["args"] == ["é"]
    assert DeadSet().find(jid) is None


def test_we_run_what_died_in_sidekiq_and_was_resurrected_there(with_sidekiq, jobs):
    [jid] = with_sidekiq.ruby("""
        [Sidekiq::Client.push("class" => "Interop::OnlyPython", "args" => ["é"], "retry" => 0, "retry_queue" => "ours")]
    """)
    assert eventually(lambda: DeadSet().find(jid))["error_class"] == "NameError"
    with_sidekiq.ruby(f'Sidekiq::DeadSet.new.each {{ |job| job.retry if job.jid == "{jid}" }}; []')
    assert Processor(Fetcher("ours")).process_one(1).name == "done"
    assert with_sidekiq.ran(jid)["by"] == "python"
    assert DeadSet().find(jid) is None


def test_what_somebody_kills_on_sidekiqs_web_page_is_dead_here(empty, jobs):
    began = time.time()
    jid = jobs.Fail.perform_async()
    Processor(Fetcher("default")).process_one()
    empty.ruby("Sidekiq::RetrySet.new.each(&:kill); []")
    [dead] = DeadSet()
    assert (dead.jid, dead["error_class"], dead["retry_count"], len(RetrySet())) == (jid, "ValueError", 0, 0)
    assert lately(dead.score, since=began)


def test_what_failed_there_can_be_retried_killed_rescheduled_and_deleted_by_hand_here(with_sidekiq, jobs):
    jids = with_sidekiq.ruby('(1..4).map { Interop::Fail.set(retry_queue: "ours").perform_async }')
    retried, killed, moved, deleted = (eventually(lambda jid=jid: RetrySet().find(jid)) for jid in jids)
    when = time.time() + 7200
    assert all((retried.retry(), killed.kill(), moved.reschedule(when), deleted.delete()))
    seen = with_sidekiq.ruby("""
        [Sidekiq::Queue.new("ours"), Sidekiq::DeadSet.new, Sidekiq::RetrySet.new].map do |place|
          place.to_h { |job| [job.jid, [job["retry_count"], job.respond_to?(:score) ? job.score : nil]] }
        end
    """)
    queue, dead, retry = seen
    assert queue == {jids[0]: [-1, None]}  # as when somebody retries it on Sidekiq's web page
    assert dead[jids[1]][0] == 0
    assert retry[jids[2]] == [0, about(when)]
    assert not any(jids[3] in place for place in seen)
    assert Processor(Fetcher("ours")).process_one(1).name == "retry"
    assert RetrySet().find(jids[0])["retry_count"] == 0


# Both at once


def test_one_queue_is_shared_and_every_job_runs_once(with_sidekiq, jobs, tmp_path):
    process = with_sidekiq.start_minijobs(tmp_path, "-q", "both")
    ours = jobs.Slow.set(queue="both").perform_bulk([[0.01]] * 200)
    item = '"class" => Interop::Slow, "args" => [[0.01]] * 200, "queue" => "both"'
    theirs = with_sidekiq.ruby(f"Sidekiq::Client.push_bulk({item})")
    ours += jobs.Slow.set(queue="both").perform_bulk([[0.01]] * 200)
    pushed = set(ours + theirs)

    def runs() -> list[dict]:
        noted = [json.loads(line) for line in with_sidekiq.redis.lrange("test:ran", 0, -1)]
        return [run for run in noted if run["jid"] in pushed]

    eventually(lambda: {run["jid"] for run in runs()} == pushed)
    process.terminate()
    assert process.wait(SOON) == 0
    assert len(runs()) == len(pushed) == 600
    assert {run["by"] for run in runs()} == {"ruby", "python"}
    assert len(Queue("both")) == 0


def test_sidekiqs_api_quiets_and_stops_our_process(empty, jobs, tmp_path):
    process = empty.start_minijobs(tmp_path, "-q", "default")
    empty.ruby("Sidekiq::ProcessSet.new.each(&:quiet!); []")
    log = tmp_path / "minijobs.log"
    eventually(lambda: "quiet" in log.read_text())
    [identity] = empty.redis.smembers("processes")
    eventually(lambda: empty.redis.hget(identity, "quiet") == b"true")
    jid = jobs.Note.perform_async()
    assert empty.ruby("Sidekiq::ProcessSet.new.map { |process| process.stop!; process.stopping? }") == [True]
    assert process.wait(SOON) == 0
    assert [job.jid for job in Queue("default")] == [jid]
    assert empty.ruby("[Sidekiq::ProcessSet.new.size]") == [0]


def test_our_api_quiets_and_stops_a_sidekiq_process(empty, tmp_path):
    process = empty.start_sidekiq(tmp_path)
    [ours] = ProcessSet()
    ours.quiet()
    eventually(lambda: ProcessSet().find(ours.identity).stopping)
    jid = Client().push({"class": "Interop::Note", "args": []})
    ours.stop()
    assert process.wait(SOON) == 0
    assert [job.jid for job in Queue("default")] == [jid]
    assert list(ProcessSet()) == []
