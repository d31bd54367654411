"""What the pages show: on either Redis, wherever they are mounted, and whatever a job holds."""

from __future__ import annotations

import html
import json
import re
import socket
import time
from datetime import UTC, datetime
from typing import Any

import fakeredis
import pytest
import redis as redis_py
from visitors import Visitor, a_job, failed
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

import minijobs
from minijobs import Fetcher, Heartbeat, Processor, connection
from minijobs.web import dashboard
from minijobs.web.entries import digest


def text_of(page: str) -> str:
    """What a page shows, as one line."""
    return re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", " ", page.partition("</head>")[2])))


def tiles(visitor: Visitor) -> dict[str, str]:
    """The totals of the overview."""
    found = re.findall(r'<div class="tile.*?<dt>(.*?)</dt><dd>(.*?)</dd>', visitor.get("/").text)
    return {re.sub("<[^>]+>", "", name): re.sub(" ?<.*", "", value) for name, value in found}


# The pages


def test_before_anything_happened_every_page_says_so_and_what_would_fill_it(redis: redis_py.Redis, visitor: Visitor) -> None:
    assert set(tiles(visitor).values()) == {"0"}
    for page, says in {
        "/": "No worker process is running. Start one: python -m minijobs worker -r your_workers.py",
        "/busy": "No worker process is running. Start one: python -m minijobs worker -r your_workers.py",
        "/queues": "No queue: nothing has been pushed. Push a job: YourWorker.perform_async(…)",
        "/queue?name=mail": 'No job waits in this queue. Push one: YourWorker.set(queue=" mail ").perform_async(…)',
        "/retries": "No job waits for another try. A job comes here when its perform raises an exception.",
        "/scheduled": "No job waits for its time. Push one for later: YourWorker.perform_in(3600, …)",
        "/dead": "No job is dead. A job comes here when its last retry has failed, or when you kill it.",
        "/retries?find=ada": "No job matches. Show all jobs",
        "/queue?name=mail&find=ada&from=9": "No more jobs match. Show all jobs",
    }.items():
        assert says in text_of(visitor.get(page).text)


def test_the_overview_has_the_totals_and_the_history(some: redis_py.Redis, visitor: Visitor) -> None:
    today = datetime.now(UTC).date().isoformat()
    some.mset({"stat:processed": 1234567, "stat:failed": 89, f"stat:processed:{today}": 60, f"stat:failed:{today}": 15})
    assert tiles(visitor) == {
        **{"Processed": "1,234,567", "Failed": "89", "Busy": "0"},
        **{"Enqueued": "3", "Retries": "3", "Scheduled": "3", "Dead": "3"},
    }
    page = visitor.get("/?days=7").text
    assert page.count('class="hit"') == 7
    assert f"<title>{today}: 45 done, 15 failed</title>" in page
    assert re.search(rf"{today}</th><td[^>]*>60</td><td[^>]*>15</td>", page)  # the same as a table
    assert visitor.get("/?days=180").text.count('class="hit"') == 180
    assert visitor.get("/?days=1000000").text.count('class="hit"') == visitor.get("/?days=x").text.count('class="hit"') == 30


def test_what_there_is_now_is_said_by_the_server_and_todays_failures_are_red(some: redis_py.Redis, visitor: Visitor) -> None:
    today, now = datetime.now(UTC).date().isoformat(), time.time()
    some.mset({"stat:processed": 90, "stat:failed": 89})  # of earlier days
    assert re.findall(r'class="bad">([^<]+)<', visitor.get("/").text) == ["none"]  # the threads that serve the queue
    some.delete("queue:mail")
    some.lpush("queue:mail", a_job(1, enqueued_at=now - 600), a_job(2, enqueued_at=now))
    some.mset({f"stat:processed:{today}": 1060, f"stat:failed:{today}": 15})
    info = {"identity": "web-1:7:abc", "concurrency": 5, "queues": ["mail"]}
    some.sadd("processes", "web-1:7:abc")
    some.hset("web-1:7:abc", mapping={"info": json.dumps(info), "busy": 1, "beat": now})
    page = visitor.get("/").text
    [panel] = re.findall(r'<dl class="facts" id="now" data-live>.*?</dl>', page, re.DOTALL)
    assert text_of(f"</head>{panel}").strip() == (
        "Running 1 job, with 5 threads Waiting 2 jobs, the first for 10 minutes "
        "Next retry 10 minutes from now Next scheduled 10 minutes from now Today 1,060 runs, 15 failed"
    )
    assert re.findall(r'class="bad">([^<]+)<', page) == ["15 failed"]


def test_busy_shows_the_processes_and_what_each_thread_is_doing(redis: redis_py.Redis, visitor: Visitor) -> None:
    now = int(time.time())
    info = {"hostname": "web-1", "identity": "web-1:7:abc", "concurrency": 10, "queues": ["mail", "low"], "tag": "shop"}
    redis.sadd("processes", "web-1:7:abc", "web-2:8:def")
    vital = {"info": json.dumps(info), "busy": 1, "beat": now, "rss": 51200, "rtt_us": 400, "quiet": "true"}
    redis.hset("web-1:7:abc", mapping=vital)
    redis.hset("web-2:8:def", mapping={"info": json.dumps({"identity": "web-2:8:def"}), "busy": 0, "beat": now})
    work = {"queue": "mail", "payload": a_job(1), "run_at": now - 130}
    redis.hset("web-1:7:abc:work", "t1", json.dumps(work))
    shown = text_of(visitor.get("/busy").text)
    for piece in ("web-1:7:abc", "shop", "Quiet", "1 of 10 busy", "mail , low", "50 MB", "0.4 ms", "web-2:8:def"):
        assert piece in shown
    assert 'SendGif "ada1@example.com"' in shown
    assert "2 minutes" in shown
    assert "No thread is running a job." in shown
    assert 'SendGif "ada1@example.com"' in text_of(visitor.get("/").text)


def test_queues_have_a_size_and_a_latency(some: redis_py.Redis, visitor: Visitor) -> None:
    some.delete("queue:mail")
    some.lpush("queue:mail", a_job(1, enqueued_at=time.time() - 600), a_job(2, enqueued_at=time.time()))
    some.sadd("queues", "low")
    shown = text_of(visitor.get("/queues").text)
    assert "mail 2 10 minutes none" in shown
    assert "low 0 – 0" in shown


def test_what_may_be_stuck_is_said(some: redis_py.Redis, visitor: Visitor) -> None:
    now = time.time()
    for number, (beat, quiet) in enumerate(((40, "false"), (2, "false"), (2, "true"))):
        info = {"identity": f"web-{number}:7:abc", "concurrency": 5, "queues": ["mail"]}
        some.sadd("processes", f"web-{number}:7:abc")
        some.hset(f"web-{number}:7:abc", mapping={"info": json.dumps(info), "beat": now - beat, "quiet": quiet})
        work = {"queue": "mail", "payload": a_job(number), "run_at": int(now - 3600 * (number + 1))}
        some.hset(f"web-{number}:7:abc:work", "t1", json.dumps(work))
    for page in ("/", "/busy"):
        shown = text_of(visitor.get(page).text)
        assert ", the longest for 3 hours on web-2" in shown
        assert re.findall(r"No beat for 4\d s", shown) == [shown[shown.index("No beat") :][:16]]
    for page in ("/", "/queues"):
        assert re.search(r" mail 3 [^N]*? 10 ", text_of(visitor.get(page).text))  # those of two processes


def test_what_is_due_is_said_to_be_and_for_how_long(redis: redis_py.Redis, visitor: Visitor) -> None:
    for key in ("retry", "schedule"):
        redis.zadd(key, {a_job(1): time.time() - 600, a_job(2): time.time() - 2})
    for page in ("/retries", "/scheduled"):
        assert re.findall(r"due (now|1\d minutes ago)", visitor.get(page).text) == ["10 minutes ago", "now"]
    assert "Next retry due 10 minutes ago Next scheduled due 10 minutes ago" in text_of(visitor.get("/").text)


def test_the_dead_say_how_long_they_stay(some: redis_py.Redis, visitor: Visitor) -> None:
    for page in ("/dead", "/dead?find=nobody"):
        assert "10,000 jobs at most, for 180 days" in visitor.get(page).text


def test_a_queue_shows_the_next_job_first(some: redis_py.Redis, visitor: Visitor) -> None:
    shown = text_of(visitor.get("/queue?name=mail").text)
    assert re.findall(r"ada\d@", shown) == ["ada1@", "ada2@", "ada3@"]


@pytest.mark.parametrize(("page", "order"), [("/retries", "123"), ("/scheduled", "123"), ("/dead", "123")])
def test_sets_show_what_comes_next_or_died_last_first(some: redis_py.Redis, visitor: Visitor, page: str, order: str) -> None:
    assert "".join(re.findall(r"ada(\d)@", text_of(visitor.get(page).text))) == order


@pytest.mark.parametrize(("page", "name"), [("/retries", "retry"), ("/dead", "dead"), ("/queue?name=mail", "queue:mail")])
def test_page_by_page_every_job_is_seen_once(redis: redis_py.Redis, visitor: Visitor, page: str, name: str) -> None:
    for number in range(60):
        redis.rpush(name, a_job(number)) if ":" in name else redis.zadd(name, {a_job(number): number})
    mark = "&" if "?" in page else "?"
    shown = [re.findall(r"ada(\d+)@", text_of(visitor.get(f"{page}{mark}page={number}").text)) for number in (1, 2, 3)]
    assert [len(some) for some in shown] == [25, 25, 10]
    assert sorted(int(number) for some in shown for number in some) == list(range(60))
    for asked, shown_page in {"2": 2, "4": 3, "9" * 20: 3, "0": 1, "-1": 1, "x": 1, "": 1}.items():
        assert f"Page {shown_page} of 3" in visitor.get(f"{page}{mark}page={asked}").text


def test_a_jobs_page_has_all_there_is_to_know(redis: redis_py.Redis, visitor: Visitor) -> None:
    trace = minijobs.backtrace.pack(["mail.py:81:in connect", "mail.py:12:in perform"])
    fields = {"failed_at": 1795450400.0, "error_backtrace": trace, "tags": ["eu"], "locale": "fr"}
    redis.zadd("retry", {failed(1, args=["ada", {"size": [1, 2]}], **fields): time.time() + 150})
    [link] = visitor.links("/retries", "^/retries/[0-9a-f]+-")
    shown = text_of(visitor.get(link).text)
    for piece in (
        *("SendGif", "OSError", "no route to host 1", "mail.py:81:in connect", "mail.py:12:in perform"),
        *('[ "ada", { "size": [ 1, 2 ] } ]', "0" * 23 + "1", "2 minutes from now", "2026-11-23 16:13:20 UTC"),
        *('tags ["eu"]', "locale fr", "retry_count 1", "queue mail"),
    ):
        assert piece in shown
    raw = visitor.get(f"{link}/raw")
    assert raw.data == redis.zrange("retry", 0, 0)[0]
    assert (raw.mimetype, raw.headers["Content-Disposition"][:10]) == ("application/octet-stream", "attachment")


def test_a_queued_jobs_page(some: redis_py.Redis, visitor: Visitor) -> None:
    link = visitor.links("/queue?name=mail", "/queue/job")[1]
    assert "ada2@example.com" in visitor.get(link).text
    assert visitor.get(link.replace("/job", "/raw")).data == a_job(2).encode()


@pytest.mark.parametrize("page", ["/retries/x", "/dead/abc-1.5", "/queue/job?name=mail&key=abc-1", "/retries/x/raw"])
def test_the_page_of_a_job_that_is_gone_says_so_in_one_sentence(redis: redis_py.Redis, visitor: Visitor, page: str) -> None:
    answer = visitor.get(page)
    assert answer.status_code == 404
    assert re.search(r"This job is not in (its queue|retry|dead) any more", answer.text)


@pytest.mark.parametrize(
    ("page", "status"), [("/nowhere", 404), ("/queue", 400), ("/queue/job?name=x", 400), ("/retries/all/x", 404)]
)
def test_an_address_that_is_none_is_said_to_be_none(redis: redis_py.Redis, visitor: Visitor, page: str, status: int) -> None:
    answer = visitor.get(page)
    assert answer.status_code == status
    assert [link for link in visitor.links(page, "^/") if link in ("/", "/busy", "/retries")] == [
        "/",
        "/",
        "/busy",
        "/retries",
        "/",
    ]


def test_without_a_redis_a_page_says_so_in_one_sentence(visitor: Visitor) -> None:
    connection.connect("redis://127.0.0.1:1/3")
    for path in ("/", "/retries", "/busy"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert "Redis at 127.0.0.1:1, database 3" in answer.text
    connection.current().close()


def test_a_link_of_every_page_leads_to_a_page(some: redis_py.Redis, visitor: Visitor) -> None:
    Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc"))).beat()
    some.zadd("retry", {failed(number): 1e10 + number for number in range(4, 60)})
    seen: set[str] = set()
    todo = ["/"]
    while todo:
        if (path := todo.pop()) not in seen:
            seen.add(path)
            answer = visitor.get(path)
            assert answer.status_code == 200, path
            todo += visitor.links(path) if answer.mimetype == "text/html" else []
    assert len(seen) > 50


def test_while_redis_is_away_a_page_says_so_in_its_frame_and_looks_again_by_itself(visitor: Visitor) -> None:
    connection.connect("redis://127.0.0.1:1/3")
    for path in ("/", "/retries", "/queue?name=mail"):
        page = visitor.get(path).text
        assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in page
        assert '<main id="main" tabindex="-1" data-again>' in page
        assert re.findall(r'<a href="(/\w*)"[^>]*>(\w+)</a>', page) == [
            *(("/", "Overview"), ("/busy", "Busy"), ("/queues", "Queues")),
            *(("/retries", "Retries"), ("/scheduled", "Scheduled"), ("/dead", "Dead")),
        ]
    connection.current().close()
    connection.connect(fakeredis.FakeRedis())
    page = visitor.get("/").text  # and then it is there again
    assert "Totals" in page
    assert "http-equiv" not in page
    assert "data-again" not in page


def test_a_bad_redis_url_is_told_by_a_page_of_an_embedded_dashboard(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_current", None)
    monkeypatch.setenv("REDIS_URL", "nonsense://secret@x")
    for path in ("/", "/retries", "/queue?name=mail"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert "REDIS_URL is no address of a Redis" in answer.text
        assert "secret" not in answer.text


# Times


def test_times_are_machine_readable_and_count_from_the_clock_of_redis(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "now", lambda client: 1795450392.0)
    redis.zadd("retry", {failed(1): 1795450392.0 + 150})
    redis.sadd("queues", "mail")
    redis.lpush("queue:mail", a_job(1, enqueued_at=1795450392.0 - 600))
    moment = '<time datetime="2026-11-23T16:15:42Z" title="2026-11-23 16:15:42 UTC">2 minutes from now</time>'
    assert moment in visitor.get("/retries").text
    assert "10 minutes" in visitor.get("/queues").text
    page = visitor.get(visitor.links("/retries", "/retries/[0-9a-f]{24}")[0]).text
    exact = (
        '<time class="exact" datetime="2026-11-23T16:15:42Z" title="2026-11-23 16:15:42 UTC">2026-11-23 16:15:42 UTC</time>'
    )
    assert exact in page


@pytest.mark.parametrize(("off", "says"), [(90, "behind"), (-90, "ahead of"), (3, None), (-3, None)])
def test_a_clock_of_the_server_that_differs_from_redis_is_said_to(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, off: float, says: str | None
) -> None:
    monkeypatch.setattr(connection, "now", lambda client: time.time() + off)
    text = text_of(visitor.get("/retries").text)
    assert ("The clock of this server is" in text) == bool(says)
    assert not says or f"The clock of this server is 90 s {says} Redis’s" in text


# Mounted


def test_mounted_in_an_application_every_address_stays_below_its_place(some: redis_py.Redis) -> None:
    def outer(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"the application"]

    application = outer
    application = DispatcherMiddleware(application, {"/jobs": dashboard()})
    client = Client(application)
    assert client.get("/").data == b"the application"
    for path in ("/jobs", "/jobs/", "/jobs/retries", "/jobs/queue?name=mail", "/jobs/retries/all/delete"):
        answer = client.get(path, follow_redirects=True)
        assert answer.status_code == 200
        links = re.findall(r'(?:href|src|action)="([^"#][^"]*)"', answer.text)
        assert len(links) > 8
        assert all(link.startswith("/jobs/") for link in links), links
    assert client.get("/jobs/static/dashboard.css", buffered=True).status_code == 200
    assert "Path=/jobs;" in client.get("/jobs/retries", headers={"Cookie": ""}).headers["Set-Cookie"]
    page = client.get("/jobs/retries").text
    token, key = (re.findall(f'name="{name}" value="([^"]+)"', page)[0] for name in ("token", "key"))
    answer = client.post("/jobs/retries", data={"token": token, "do": "delete", "sure": "yes", "key": key})
    assert answer.location == "/jobs/retries"
    assert "1 job was deleted." in client.get("/jobs/retries").text


def test_it_shows_the_redis_that_it_is_given(redis: redis_py.Redis, real_redis_url: str) -> None:
    redis.sadd("queues", "of this one")
    given = dashboard(redis)
    connection.connect("redis://127.0.0.1:1")
    assert "of this one" in given.test_client().get("/queues").text


# Whatever a job holds

NASTY = {
    "a script": "<script>alert(1)</script>",
    "quotes": "\"'><img src=x onerror=alert(1)>",
    "a template": "{{ 7 * 7 }}{% raw %}",
    "from right to left": "שלום \u202eevil\u202c \u2066x",
    "control characters": "\x00\x1b[2J\x07\x7f\u0085\u2028",
    "half a surrogate pair": "a\ud800b",
    "an entity": "&lt;b&gt;&amp;",
    "a long word": "x" * 100_000,
    "many lines": "\n" * 10_000,
    "a path": "../../etc/passwd?a=b#c%2F",
}


def all_pages(visitor: Visitor) -> dict[str, str]:
    """Every page on which a job, a queue or a process is to be seen."""
    paths = ["/", "/busy", "/queues", "/retries", "/scheduled", "/dead"]
    paths += [
        link for path in ("/queues", "/retries", "/scheduled") for link in visitor.links(path, r"queue\?|/queue/|-[\d.]+$")
    ]
    paths += [
        link for path in paths if path.startswith("/queue?") for link in visitor.links(path, r"/queue/job|/queue/clear")
    ]
    answers = {path: visitor.get(path) for path in paths}
    assert {answer.status_code for answer in answers.values()} == {200}
    return {path: answer.text for path, answer in answers.items()}


@pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)
def test_a_hostile_job_is_shown_and_does_nothing(redis: redis_py.Redis, visitor: Visitor, nasty: str) -> None:
    queue = nasty[:5000].encode(errors="replace").decode()
    job = failed(
        1, args=[nasty, {nasty: [nasty]}, "needle"], tags=[nasty], error_class=nasty, error_message=nasty, queue=queue
    )
    job = json.dumps(
        {**json.loads(job), "class": nasty, "jid": nasty, nasty: nasty, "error_backtrace": minijobs.backtrace.pack([nasty])}
    )
    redis.zadd("retry", {job: 1})
    redis.zadd("schedule", {job: 2})
    redis.sadd("queues", queue)
    redis.lpush(f"queue:{queue}", job)
    told = {"identity": nasty, "tag": nasty, "labels": [nasty], "queues": [nasty], "concurrency": nasty, "hostname": nasty}
    identity = nasty.encode(errors="replace")
    redis.sadd("processes", identity)
    redis.hset(identity, mapping={"info": json.dumps(told), "busy": 1})
    redis.hset(identity + b":work", identity, json.dumps({"queue": nasty, "payload": job, "run_at": 1}))
    pages = all_pages(visitor)
    pages["found"] = visitor.get("/search?find=needle").text
    pages["counted"] = visitor.get("/retries?count=all").text
    assert len(pages) >= 12
    for path, page in pages.items():
        assert not re.search(
            r"<script>alert|<img|[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u202a-\u202e\u2066-\u2069\ud800]", page
        ), path
        assert "{{ 7" in page or " 49" not in page
        assert len(page) < 500_000
    visitor.press("/retries", do="delete", key=visitor.keys("/retries")[0])
    assert redis.zcard("retry") == 0
    page = next(path for path in pages if path.startswith("/queue?"))
    assert "deleted" in visitor.press(page, to=page.replace("?", "/job?", 1), do="delete", key=visitor.keys(page)[0])
    assert redis.llen(f"queue:{queue}") == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"no JSON <b>",
        b"\xff\xfe\x00",
        b"",
        b"[]",
        b"null",
        b'{"class":1}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_job_is_shown_as_it_is_and_can_be_deleted(redis: redis_py.Redis, visitor: Visitor, raw: bytes) -> None:
    redis.zadd("dead", {raw: 5, a_job(1): 5})
    redis.lpush("queue:mail", raw)
    redis.sadd("queues", "mail")
    for page, to in (("/dead", "/dead"), ("/queue?name=mail", "/queue/job")):
        assert "Not a job" in visitor.get(page).text
        keys = [key for key in visitor.keys(page) if key.startswith(digest(raw))]
        link = next(link for link in visitor.links(page) if keys[0] in link)
        assert "No Worker can run this" in visitor.get(link).text
        assert visitor.press(page, to=to, name="mail", do="delete", key=keys).startswith("1 job was deleted")
    assert redis.zrange("dead", 0, -1) == [a_job(1).encode()]
    assert redis.llen("queue:mail") == 0


@pytest.mark.parametrize(
    ("off", "says"),
    [("6.5", "6 s ahead of"), ("-90", "90 s behind"), ("5", None), ("-5", None), ("nan", None), (None, None)],
)
def test_a_clock_that_is_off_is_named(redis: redis_py.Redis, visitor: Visitor, off: str | None, says: str | None) -> None:
    Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc"))).beat()
    if off:
        redis.hset("web-1:7:abc", "clock_off", off)
    text = text_of(visitor.get("/").text)
    assert ("The clock of " in text) == bool(says)
    assert not says or f"The clock of {socket.gethostname()} is {says} Redis’s" in text


def test_keys_of_another_type_cost_no_page(some: redis_py.Redis, visitor: Visitor) -> None:
    for key in ("queue:mail", "stat:processed", "retry", "dead", "schedule"):
        some.delete(key)
        some.set(key, "abc")
    assert tiles(visitor)["Processed"] == tiles(visitor)["Enqueued"] == tiles(visitor)["Retries"] == "0"
    assert {visitor.get(page).status_code for page in ("/", "/busy", "/queues")} == {200}


def test_a_megabyte_of_arguments_is_cut_and_its_size_is_said(redis: redis_py.Redis, visitor: Visitor) -> None:
    job = failed(1, args=["x" * 1_000_000, "the last one"], error_message="y" * 1_000_000)
    redis.zadd("retry", {job: 1})
    assert len(visitor.get("/retries").text) < 20_000
    [link] = visitor.links("/retries", "^/retries/[0-9a-f]+-")
    page = visitor.get(link).text
    assert len(page) < 200_000
    assert f"{len(job):,} bytes" in page
    assert "the last one" not in page
    assert visitor.get(f"{link}/raw").data == job.encode()


@pytest.mark.parametrize("score", [float("inf"), float("-inf"), 0.0, -1.5, 1e300, 1e-300, 1795450392.123457])
def test_a_job_at_any_moment_is_found_and_shown(redis: redis_py.Redis, visitor: Visitor, score: float) -> None:
    redis.zadd("retry", {a_job(1): score})
    [link] = visitor.links("/retries", "^/retries/[0-9a-f]+-")
    assert visitor.get(link).status_code == 200
    assert visitor.press("/retries", do="delete", key=visitor.keys("/retries")) == "1 job was deleted."


def test_jobs_of_one_moment_are_told_apart(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.zadd("dead", {a_job(number): 5 for number in range(500)})
    link = visitor.links("/dead?page=3", r"-5\.0$")[0]
    key = link.rpartition("/")[2]
    assert visitor.press("/dead", do="delete", key=key) == "1 job was deleted."
    assert redis.zcard("dead") == 499
    assert visitor.get(link).status_code == 404
