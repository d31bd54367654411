"""No request costs more than 50 commands, and one bad key spoils one number: whatever is asked, and whatever Redis holds."""

from __future__ import annotations

import json
import re
import time
from urllib.parse import quote_plus

import fakeredis
import pytest
import redis as redis_py
from hypothesis import example, given
from hypothesis import strategies as st
from visitors import Asker, Visitor, a_job, failed, three_of_each

from minijobs import connection
from minijobs.web import entries, searching

MOST = 50

PAGES = (
    *("/", "/busy", "/queues", "/queue?name=mail", "/retries", "/scheduled", "/dead", "/retries/all/delete", "/stats"),
    *("/retries?count=all", "/queue?name=mail&count=all"),
)
EVERYWHERE = "/search?find=ada"  # it looks as far as its time allows
NAMES = ("mail", "a/b", "a b", "é", "?", "%", "%2F", "a&b=c#d", "../..", "+", "a\nb", "\x00", "x" * 500, '"><b>')


def fill(redis: redis_py.Redis) -> None:
    """A bit of everything, more of each than a page shows, and some of it bad."""
    pipe = redis.pipeline(transaction=False)
    now = time.time()
    pipe.sadd("queues", *NAMES, *(f"queue{number}" for number in range(40)))
    for name in NAMES:
        pipe.lpush(f"queue:{name}", *(a_job(number, queue=name) for number in range(3)))
    pipe.lpush("queue:mail", *map(a_job, range(500)), "no job", b"\xff")
    pipe.hset("queue:queue1", "x", "y")
    for key in ("retry", "schedule", "dead"):
        pipe.zadd(key, {failed(number): now for number in range(600)})  # pushed in bulk, they have one score
        pipe.zadd(key, {failed(number): now + number for number in range(600, 640)})
        pipe.zadd(key, {"no job": 1e308, "[1]": -1e308, '{"class":1}': 0, b"\xff": float("inf")})
    for number in range(60):
        identity = f"web-{number}:1:abc"
        pipe.sadd("processes", identity)
        pipe.hset(identity, mapping={"info": json.dumps({"identity": identity, "concurrency": 5}), "busy": 1})
        pipe.hset(f"{identity}:work", "t", json.dumps({"queue": "mail", "payload": a_job(), "run_at": now}))
    pipe.execute()


# Whatever is asked

numbers = st.one_of(
    st.integers().map(str),
    st.floats().map(repr),
    st.sampled_from(["9" * 18, "9" * 5000, "-1", "1e308", "", "١٢", "0x10", "1_000", " 7 ", "²"]),
)
names = st.one_of(st.sampled_from(NAMES), st.text(max_size=20), st.sampled_from(["x" * 20_000, "retries", "queue1"]))
keys = st.one_of(
    st.builds("{}-{}".format, st.sampled_from(["a", "0" * 24, entries.digest(b"no job"), "", "é"]), numbers),
    st.sampled_from([f"{entries.digest(failed(number).encode())}-0.0" for number in range(9)]),
    names,
)
words = st.fixed_dictionaries(
    {},
    optional={
        "name": names,
        "identity": names,
        "page": numbers,
        "days": numbers,
        "count": st.one_of(numbers, st.just("all")),
        "in": st.one_of(names, st.sampled_from(["dead", "queue:mail"])),
        "done": numbers,
        "do": st.one_of(st.sampled_from(["retry", "kill", "delete", "quiet", "stop"]), names),
        "sure": st.just("yes"),
        "find": st.one_of(names, st.sampled_from(["ada", "SendGif"])),
        "class": st.one_of(names, st.just("SendGif")),
        "error": names,
        "from": numbers,
        "minutes": numbers,
    },
)
shelves = st.sampled_from(["retries", "scheduled", "dead"])
paths = st.one_of(
    st.sampled_from(
        [
            "/",
            "/busy",
            "/queues",
            "/search",
            "/queue",
            "/queue/job",
            "/queue/raw",
            "/queue/clear",
            "/static/x",
            "/busy/all",
            "/stats",
        ]
    ),
    shelves.map("/{}".format),
    shelves.map("/{}/all".format),
    shelves.map("/{}/reschedule".format),
    st.builds("/{}/{}".format, shelves, keys.map(quote_plus)),
    st.builds("/{}/{}/raw".format, shelves, keys.map(quote_plus)),
    st.builds("/{}/all/{}".format, shelves, st.sampled_from(["retry", "kill", "delete", "x"])),
    st.text(max_size=20).map(lambda text: "/" + quote_plus(text)),
)


@given(paths, words, st.lists(keys, max_size=30), st.sampled_from(["GET", "POST"]))
@example("/queue/job", {"name": "mail"}, ["a-99999999999999999"], "GET")
@example("/queue/job", {"name": "mail", "sure": "yes"}, [f"a-{number}" for number in range(0, 500, 20)], "POST")
@example("/retries", {"do": "retry"}, [f"a-{number}" for number in range(25)], "POST")
@example("/retries/all", {"do": "retry"}, [], "POST")
@example("/retries/all", {"do": "kill"}, [], "POST")
@example("/retries/all", {"do": "delete", "count": "9" * 30}, [], "POST")
@example("/queue/clear", {"name": "mail"}, [], "POST")
@example("/queue/clear", {"name": "mail", "find": "ada", "sure": "yes"}, [], "POST")
@example("/retries/all", {"do": "retry", "find": "ada", "from": "9" * 30}, [], "POST")
@example("/retries/all", {"do": "kill", "class": "SendGif"}, [], "POST")
@example("/busy/all", {"do": "stop"}, [], "POST")
@example("/search", {"find": "ada"}, [], "GET")
@example("/search", {"find": "nothing"}, [], "GET")
@example("/retries", {"count": "all"}, [], "GET")
def test_no_request_costs_more_than_50_commands_and_wrong_input_is_no_error_of_ours(
    path: str, words: dict[str, str], keys: list[str], method: str
) -> None:
    redis = connection.check_client(fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 0))))
    fill(redis)
    asker = Asker(redis)
    if method == "GET":
        status, commands = asker.cost(path, query_string={**words, "key": keys})
    else:
        form = {**words, "key": keys, "token": asker.token()}
        status, commands = asker.cost(path, "POST", data=form)
    assert commands <= MOST
    assert status < 500


@given(st.binary(max_size=60), st.sampled_from(["/queue", "/queue/job", "/", "/busy", "/retries"]))
def test_bytes_that_are_no_text_in_an_address_are_no_error_of_ours(query: bytes, path: str) -> None:
    asker = Asker(fakeredis.FakeRedis())
    words = (b"name=" + query + b"&key=" + query).decode("latin-1")
    status, commands = asker.cost(path, environ_overrides={"QUERY_STRING": words})
    assert commands <= MOST
    assert status < 500


def test_a_page_of_selected_jobs_is_moved_in_a_few_commands_and_no_more_can_be_selected(redis: redis_py.Redis) -> None:
    redis.zadd("retry", {failed(number, args=["x" * 20_000]): number for number in range(60)})
    asker = Asker(redis)
    token = asker.token()
    for do in ("retry", "kill", "delete"):
        form = {"token": token, "do": do, "key": asker.keys("/retries"), "sure": "yes"}
        status, commands = asker.cost("/retries", "POST", data=form)
        assert (status, redis.zcard("retry")) == (303, {"retry": 35, "kill": 10, "delete": 0}[do])
        assert commands <= MOST
    redis.lpush("queue:mail", *(a_job(number, args=["x" * 20_000]) for number in range(60)))
    form = {"token": token, "name": "mail", "key": asker.keys("/queue?name=mail"), "sure": "yes"}
    status, commands = asker.cost("/queue/job", "POST", data=form)
    assert (status, redis.llen("queue:mail")) == (303, 60 + 25 - 25)
    assert commands <= MOST
    too_many = {"token": token, "do": "delete", "key": [f"a-{number}" for number in range(26)]}
    assert asker.cost("/retries", "POST", data=too_many)[0] == 400


# However much there is


def test_five_thousand_queues_and_a_thousand_processes_cost_no_more_than_five(real: redis_py.Redis) -> None:
    redis, asker, costs = real, Asker(real), []
    for queues, processes in ((5, 5), (5_000, 1_000)):
        redis.flushdb()
        pipe = redis.pipeline(transaction=False)
        pipe.sadd("queues", *(f"queue{number:04d}" for number in range(queues)))
        pipe.lpush("queue:queue0000", *map(a_job, range(7)))
        pipe.lpush(f"queue:queue{queues - 1:04d}", a_job())
        for number in range(processes):
            identity = f"web-{number:04d}:1:abc"
            pipe.sadd("processes", identity)
            pipe.hset(identity, mapping={"info": json.dumps({"identity": identity, "concurrency": 5}), "busy": 2})
            pipe.hset(f"{identity}:work", "t", json.dumps({"queue": "mail", "payload": a_job(number), "run_at": 9e8}))
        pipe.execute()
        for page in PAGES:
            asker.get(page)  # from now on the scripts are known
        costs.append([asker.cost(page) for page in PAGES])
        overview = asker.get("/").text
        assert f"{2 * processes:,} <small>of {5 * processes:,}" in overview
    assert costs[0] == costs[1]
    assert max(commands for _, commands in costs[1]) < 20
    assert "All 5,000 queues" in overview
    assert "All 1,000 processes" in overview
    assert len(overview) < 200_000
    last = asker.get("/queues?page=200").text
    assert "queue4999" in last
    assert "Page 200 of 200" in last
    assert "web-0999:1:abc" in asker.get("/busy?page=40").text


def test_a_job_that_is_far_from_its_old_place_costs_no_endless_search(redis: redis_py.Redis) -> None:
    pipe = redis.pipeline(transaction=False)
    for start in range(0, 20_000, 1_000):
        pipe.lpush("queue:mail", *map(a_job, range(start, start + 1_000)))
    pipe.execute()
    asker = Asker(redis)
    [key] = asker.keys("/queue?name=mail&page=800")[-1:]
    redis.rpop("queue:mail", 15_000)  # taken meanwhile
    assert asker.cost(f"/queue/job?name=mail&key={key}") == (200, pytest.approx(20, abs=15))
    for key in (f"{'0' * 24}-19999", f"{'0' * 24}-99999999999999999", f"{'0' * 24}-99999999999"):
        status, commands = asker.cost(f"/queue/job?name=mail&key={key}")
        assert status == 404
        assert commands <= 12


# One bad key


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stat:processed", "abc"),
        ("stat:processed", "-5"),
        ("stat:failed", "9" * 400),
        ("stat:failed", "1e5"),
        ("stat:processed:{today}", "abc"),
        ("stat:failed:{today}", "9" * 400),
        ("queues", "abc"),
        ("processes", "abc"),
        ("retry", "abc"),
        ("schedule", "abc"),
        ("dead", "abc"),
        ("queue:mail", "abc"),
        ("web-1:7:abc", "abc"),
        ("web-1:7:abc:work", "abc"),
    ],
)
def test_a_bad_key_spoils_its_own_number_and_no_page(redis: redis_py.Redis, key: str, value: str) -> None:
    three_of_each(redis)
    redis.sadd("queues", "low")
    redis.lpush("queue:low", *map(a_job, range(2)))
    redis.sadd("processes", "web-1:7:abc", "web-2:7:abc")
    for identity in ("web-1:7:abc", "web-2:7:abc"):
        redis.hset(identity, mapping={"info": json.dumps({"identity": identity, "concurrency": 5}), "busy": 1})
        redis.hset(f"{identity}:work", "t", json.dumps({"queue": "mail", "payload": a_job(), "run_at": 9e8}))
    redis.mset({"stat:processed": 1000, "stat:failed": 10})
    asker = Asker(redis)
    before = numbers_of(asker)
    key = key.format(today=time.strftime("%Y-%m-%d", time.gmtime()))
    redis.delete(key)
    redis.set(key, value)
    own = {"queue:mail": "/queue?", "retry": "/retries", "schedule": "/scheduled", "dead": "/dead"}.get(key, "none")
    for page in (*PAGES, EVERYWHERE):
        assert asker.get(page).status_code == (409 if page.startswith(own) else 200), page
    after = numbers_of(asker)
    assert len(after) == len(before) == 7
    assert sum(before[name] != number for name, number in after.items()) <= 1 + (key == "processes")


def numbers_of(asker: Visitor) -> dict[str, str]:
    found = re.findall(r'<div class="tile.*?<dt>(.*?)</dt><dd>([\d,]+)', asker.get("/").text)
    return {re.sub("<[^>]+>", "", name): number for name, number in found}


def test_a_key_of_another_type_is_said_to_be_one_and_its_buttons_do_nothing(some: redis_py.Redis) -> None:
    some.delete("queue:mail")
    some.hset("queue:mail", "x", "y")
    asker = Asker(some)
    assert "Its key holds no queue." in asker.get("/queues").text
    answer = asker.get("/queue?name=mail")
    assert "does not hold what it should" in answer.text
    assert 'href="/queues"' in answer.text  # it stands in the frame
    for path in ("/queue/clear", "/queue/job"):
        answer = asker.client.post(path, data={"token": asker.token(), "name": "mail", "key": "a-1", "sure": "yes"})
        assert answer.status_code == 409
    assert some.hgetall("queue:mail") == {b"x": b"y"}


def test_a_job_whose_queue_is_none_stays_and_the_others_move(some: redis_py.Redis, visitor: Visitor) -> None:
    some.set("queue:broken", "abc")
    some.zadd("retry", {failed(7, queue="broken"): 1})
    said = visitor.press("/retries/all/retry", to="/retries/all", do="retry")
    assert said.startswith("3 jobs were put back into the queue; 1 job cannot be moved, ")
    assert (some.zcard("retry"), some.llen("queue:mail")) == (1, 6)


@pytest.mark.parametrize("raw", [b"[1,2]", b"5", b"null", b'"x"', b"{}", b'{"class":{}}', b'{"class":"X","args":5}'])
def test_an_entry_that_is_no_object_is_shown_wherever_it_is(redis: redis_py.Redis, visitor: Visitor, raw: bytes) -> None:
    redis.sadd("queues", "mail")
    redis.lpush("queue:mail", raw)
    for key in ("retry", "schedule", "dead"):
        redis.zadd(key, {raw: 5})
    redis.sadd("processes", "web-1:7:abc")
    redis.hset("web-1:7:abc", "info", raw)
    redis.hset("web-1:7:abc:work", "t", raw)
    assert {visitor.get(page).status_code for page in PAGES} == {200}


@pytest.mark.parametrize("score", [1e308, -1e308, float("inf"), float("-inf"), 1e15, 4e11])
def test_a_score_that_is_no_moment_is_shown_in_few_words(redis: redis_py.Redis, visitor: Visitor, score: float) -> None:
    for key in ("retry", "schedule", "dead"):
        redis.zadd(key, {a_job(1): score})
    for page in ("/retries", "/scheduled", "/dead"):
        text = visitor.get(page).text
        assert ("never" if score > 0 else "ages ago") in text
        assert not re.search(r"\d{30}", re.sub(r'(href|value|data-key|title)="[^"]*"', "", text))
        assert visitor.get(visitor.links(page, r"/[0-9a-f]{24}-")[0]).status_code == 200


@pytest.mark.parametrize("name", NAMES)
def test_a_queue_may_have_any_name(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(searching, "PATIENCE", float("inf"))
    redis.sadd("queues", name)
    redis.lpush(f"queue:{name}", a_job(1), a_job(2))
    [page] = visitor.links("/queues", r"^/queue\?")
    job = visitor.links(page, "/queue/job")[0]
    assert job in visitor.links("/search?find=ada")
    assert visitor.get(job).status_code == visitor.get(job.replace("/job", "/raw")).status_code == 200
    to = page.replace("/queue?", "/queue/job?")
    assert visitor.press(page, to=to, do="delete", key=visitor.keys(page)[0]) == "1 job was deleted."
    clear = page.replace("/queue?", "/queue/clear?")
    assert visitor.press(clear, to=clear).startswith("1 job was deleted from the queue ")
    assert not redis.exists("queues", f"queue:{name}")


def test_a_job_of_20_mb_is_named_and_can_be_deleted_and_no_page_reads_it(real: redis_py.Redis) -> None:
    large = a_job(1, args=["x" * 20_000_000])
    real.sadd("queues", "mail")
    real.lpush("queue:mail", a_job(2), large, a_job(3))
    for key in ("retry", "schedule", "dead"):
        real.zadd(key, {large: 5, failed(2): 6})
    real.sadd("processes", "web-1:7:abc")
    real.hset("web-1:7:abc", mapping={"info": json.dumps({"identity": "web-1:7:abc"}), "busy": 1})
    real.hset("web-1:7:abc:work", "t", json.dumps({"queue": "mail", "payload": large, "run_at": 1}))
    path = real.connection_pool.connection_kwargs["path"]
    asker = Asker(redis_py.Redis(unix_socket_path=path, socket_timeout=60))  # a busy machine takes longer to move 20 MB
    for page in (*PAGES, EVERYWHERE):
        before = real.info("stats")["total_net_output_bytes"]
        answer = asker.get(page)
        assert answer.status_code == 200
        assert real.info("stats")["total_net_output_bytes"] - before < 300_000, page
    for page, to in (("/retries", "/retries"), ("/queue?name=mail", "/queue/job?name=mail")):
        assert "Too large for a list: 20.0 MB" in asker.get(page).text
        [key] = [key for key in asker.keys(page) if key.startswith(entries.digest(large.encode()))]
        [link] = [link for link in asker.links(page) if key in link]
        assert "With 20.0 MB this entry is too large" in asker.get(link).text
        raw = asker.get(f"{link}/raw" if "?" not in link else link.replace("/job", "/raw"))
        assert raw.data == large.encode()
        assert asker.press(page, to=to, do="delete", key=key) == "1 job was deleted."
    assert (real.zcard("retry"), real.llen("queue:mail")) == (1, 2)
    assert "put back" in asker.press("/scheduled", do="retry", key=asker.keys("/scheduled")[0])
    assert json.loads(real.lrange("queue:mail", 0, 0)[0])["args"] == json.loads(large)["args"]


def test_large_entries_that_differ_only_in_their_ends_are_told_apart(redis: redis_py.Redis, visitor: Visitor) -> None:
    jobs = [failed(number, args=["x" * 30_000]) for number in (1, 2, 3)]
    redis.zadd("dead", dict.fromkeys(jobs, 5))
    redis.lpush("queue:mail", *jobs)
    key = next(key for key in visitor.keys("/dead") if key.startswith(entries.digest(jobs[1].encode())))
    visitor.press("/dead", do="delete", key=key)
    assert set(redis.zrange("dead", 0, -1)) == {jobs[0].encode(), jobs[2].encode()}
    visitor.press("/queue?name=mail", to="/queue/job?name=mail", do="delete", key=visitor.keys("/queue?name=mail")[1])
    assert redis.lrange("queue:mail", 0, -1) == [jobs[2].encode(), jobs[0].encode()]
