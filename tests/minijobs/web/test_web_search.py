"""Search: what is found, how far one request goes, and that all that match can be acted on, in any list."""

from __future__ import annotations

import itertools
import json
import re
from types import SimpleNamespace

import pytest
import redis as redis_py
from visitors import Asker, Visitor, a_job, failed, numbers

from minijobs.web import moving, searching

LISTS = {"/retries": "retry", "/scheduled": "schedule", "/dead": "dead", "/queue?name=mail": "queue:mail"}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, a search takes no more steps than on another one; what it does in a hurry has tests of its own."""
    monkeypatch.setattr(searching, "PATIENCE", float("inf"))


def put(redis: redis_py.Redis, key: str, jobs: list[str]) -> None:
    """The first one is the next, the earliest or the first to have died."""
    if key.startswith("queue:"):
        redis.lpush(key, *jobs)
    else:
        redis.zadd(key, {job: number + 1 for number, job in enumerate(jobs)})


def left(redis: redis_py.Redis, key: str) -> list[int]:
    return sorted(numbers(redis.lrange(key, 0, -1) if key.startswith("queue:") else redis.zrange(key, 0, -1)))


def shown(visitor: Visitor, path: str, **words: object) -> list[int]:
    """The numbers of the jobs on a page, as they stand there."""
    page = visitor.get(path, query_string={"name": "mail", **words}).text if words else visitor.get(path).text
    return [int(number) for number in re.findall(r"Select [^<]*? 0*(\d+)</span>", page)]


JOBS = [
    failed(1, args=["Ada Lovelace", {"to": ["x"]}]),
    failed(2, args=["x"], **{"class": "Ada::Mail"}),
    failed(3, args=[], error_message="ada is away"),
    failed(4, args=[], error_class="AdaError"),
    failed(5, args=[], tags=["ADA"]),
    failed(6, args=[], queue="ada"),
    failed(7, args=['é " \\ / <b>']),
    a_job(8, args=[42, None, 1.5]),
]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ada lovelace", [1]),
        ("ada", [1, 2, 3, 4, 5]),
        (f"{7:024d}", [7]),
        ("SendGif", [1, 3, 4, 5, 6, 7, 8]),
        ("adaerror", [4]),
        ('é " \\ / <B>', [7]),
        ("42", [8]),
        ("nobody", []),
        ("enqueued_at", []),
        ("retry", []),
    ],
)
def test_a_text_is_found_in_jid_class_arguments_error_and_tags_only(
    redis: redis_py.Redis, visitor: Visitor, path: str, text: str, found: list[int]
) -> None:
    put(redis, LISTS[path], JOBS[:8])
    page = path.partition("?")[0]
    assert sorted(shown(visitor, page, find=text)) == found


def test_escapes_of_other_programs_are_found_too(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.zadd("retry", {a_job(1, args=["Zoë"]): 1, json.dumps(json.loads(a_job(2, args=["Zoë"])), ensure_ascii=False): 2})
    assert shown(visitor, "/retries", find="zoë") == [1, 2]


def test_chips_narrow_by_class_and_by_error_and_the_address_holds_all_of_it(redis: redis_py.Redis, visitor: Visitor) -> None:
    jobs = [failed(number, error_class=("OSError", "KeyError")[number % 2]) for number in range(6)]
    jobs += [failed(number, **{"class": "Other", "args": ["ada"]}) for number in range(6, 9)]
    put(redis, "retry", jobs)
    links = visitor.links("/retries", r"^/retries\?(class|error)=")
    assert links == [
        *("/retries?class=SendGif", "/retries?class=Other"),
        *("/retries?error=OSError", "/retries?error=KeyError"),
    ]
    assert shown(visitor, links[1]) == [6, 7, 8]
    assert shown(visitor, links[3]) == [1, 3, 5]
    both = visitor.links(links[3], r"class=SendGif&error=KeyError|error=KeyError&class=SendGif")[0]
    assert shown(visitor, both) == [1, 3, 5]
    assert shown(visitor, "/retries", find="ada", **{"class": "Other"}) == [6, 7, 8]
    page = visitor.get("/retries?find=ada&class=Other").text
    assert 'name="find" value="ada"' in page
    assert 'type="hidden" name="class" value="Other"' in page


def test_the_dead_are_found_latest_first_and_page_by_page(redis: redis_py.Redis, visitor: Visitor) -> None:
    put(redis, "dead", [failed(number, args=["even" if number % 2 == 0 else "odd"]) for number in range(120)])
    assert shown(visitor, "/dead", find="even") == list(range(118, 68, -2))
    [more] = visitor.links("/dead?find=even", r"from=\d+")
    assert shown(visitor, more) == list(range(68, 18, -2))
    [last] = visitor.links(more, r"from=\d+")
    assert shown(visitor, last) == list(range(18, -2, -2))
    assert visitor.links(last, r"from=\d+") == []


@pytest.mark.parametrize(
    ("path", "do", "to"),
    [
        ("/retries", "retry", "queue:mail"),
        ("/retries", "kill", "dead"),
        ("/scheduled", "delete", None),
        ("/dead", "delete", None),
        ("/queue", "delete", None),
    ],
)
def test_all_that_match_are_acted_on_across_pages_after_a_question_that_counts_them(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, path: str, do: str, to: str | None
) -> None:
    monkeypatch.setattr(searching, "STEP", 40)
    monkeypatch.setattr(moving, "BATCH", 15)
    monkeypatch.setattr(moving, "BATCHES", 2)
    key = {"/retries": "retry", "/scheduled": "schedule", "/dead": "dead", "/queue": "queue:mail"}[path]
    put(redis, key, [failed(number, args=["ada" if number % 3 == 0 else "bob"]) for number in range(300)])
    page = f"{path}?name=mail&find=ada" if path == "/queue" else f"{path}?find=ada"
    [question] = visitor.links(page, f"clear\\?.*find=ada|all/{do}\\?find=ada")
    asked = visitor.get(question)
    assert f">{ {'retry': 'Put back', 'kill': 'Kill', 'delete': 'Delete'}[do] } 100 jobs?<" in asked.text
    assert left(redis, key) == list(range(300))
    put(redis, key, [failed(number, args=["bob"]) for number in range(300, 310)]) if path == "/queue" else None
    answer = visitor.yes(asked, question)
    rounds = 1
    while answer.status_code == 200:
        answer = visitor.yes(answer, question)
        rounds += 1
    assert rounds > 2
    assert "100 jobs were" in visitor.get(answer.location).text
    rest = [number for number in range(310 if path == "/queue" else 300) if number % 3 or number >= 300]
    assert left(redis, key) == rest
    assert to is None or left(redis, to) == list(range(0, 300, 3))


def test_a_search_among_100_000_costs_a_bounded_number_of_commands_and_goes_on_where_it_stopped(
    real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = real.pipeline(transaction=False)
    for start in range(0, 100_000, 1_000):
        pipe.zadd("retry", {failed(number): number for number in range(start, start + 1_000)})
        pipe.lpush("queue:mail", *map(a_job, range(start, start + 1_000)))
    pipe.zadd("retry", {failed(7, args=["needle"]): 99_999})
    pipe.execute()
    asker = Asker(real)
    for text in ("ada7@", "nothing at all"):
        for page in ("/retries", "/queue?name=mail", "/retries/all/delete", "/queue/clear?name=mail"):
            status, commands = asker.cost(f"{page}{'&' if '?' in page else '?'}find={text}")
            assert (status, commands <= 50) == (200, True)
    for page in (
        "/search?find=nothing",
        "/retries?count=all",
        "/queue?name=mail&count=all",
        "/dead/all/retry?error=OSError",
    ):
        status, commands = asker.cost(page)
        assert (status, commands <= 50) == (200, True)
    assert "All 100,001 jobs:" in asker.get("/retries?count=all").text
    ticks = itertools.count(0, 0.05)  # each look at the clock takes so many seconds
    monkeypatch.setattr(searching, "PATIENCE", 0.12)
    monkeypatch.setattr(searching, "time", SimpleNamespace(monotonic=lambda: next(ticks)))
    path, requests = "/retries?find=needle", 1
    while not (found := shown(asker, path)):
        [path] = asker.links(path, r"from=\d+")
        requests += 1
    assert found == [7]
    assert requests > 10


@pytest.mark.parametrize("text", ["%", "[", "\\", "\x00", "é" * 300, "x" * 5000, "(", "%d", ".*", '"', "\ud7ff"])
def test_any_text_may_be_looked_for(redis: redis_py.Redis, visitor: Visitor, text: str) -> None:
    put(redis, "retry", [a_job(1, args=[f"a{text[:150]}b"]), a_job(2)])
    assert shown(visitor, "/retries", find=text[:150]) == [1]
    assert visitor.get("/retries", query_string={"find": text}).status_code == 200


def test_a_search_that_has_no_time_at_all_looks_at_one_step(real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, all of its time may be over before it has begun."""
    real.zadd("retry", {failed(number): number for number in range(10)})
    monkeypatch.setattr(searching, "PATIENCE", -1.0)
    assert shown(Asker(real), "/retries?find=ada7@") == [7]


# What a text is part of


def test_a_text_in_quotation_marks_is_looked_for_as_a_whole_word(redis: redis_py.Redis, visitor: Visitor) -> None:
    jobs = [[4711], [47110], [{"order": "no. 4711."}], ["a4711"], ["nada@x"], ["ada@x"]]
    put(redis, "retry", [a_job(number, args=args) for number, args in enumerate(jobs)] + [a_job(4711, args=[])])
    assert shown(visitor, "/retries", find="4711") == [0, 1, 2, 3, 4711]
    for path in ("/retries?find=4711", "/search?find=4711"):
        [whole] = visitor.links(path, r"^/(retries|search)\?find=%224711%22$")
        assert re.findall(r'"args"><[^>]*>([^<]*)<', visitor.get(whole).text) == [
            "4711",
            "{&#34;order&#34;: &#34;no. 4711.&#34;}",
        ]
        assert visitor.links(whole, r"/(retries|search)\?find=4711$")
    assert shown(visitor, "/retries", find='"ada@"') == [5]


def test_what_a_table_does_not_show_is_shown_if_only_that_contains_the_text(redis: redis_py.Redis, visitor: Visitor) -> None:
    put(redis, "retry", [a_job(4711, args=[]), a_job(2, args=[4711]), a_job(3, args=[], tags=["x", "no4711"])])
    for path in ("/retries?find=4711", "/search?find=4711"):
        found = re.findall(r'class="elsewhere"><bdi>([^<]*)<', visitor.get(path).text)
        assert found == [f"jid: {4711:024d}", "tags: &#34;x&#34;, &#34;no4711&#34;"]


# Counting


@pytest.mark.parametrize("path", LISTS)
def test_chips_say_what_they_count_and_can_count_all_jobs(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(searching, "STEP", 20)  # a count takes several
    trap = {"error_class": "Trap", "class": "Trap"}
    jobs = [failed(number, error_class=("KeyError", "OSError")[number // 150], args=[trap]) for number in range(210)]
    put(redis, LISTS[path], [*jobs, a_job(210, **{"class": "Éclair"}), "no job", "[1]", failed(211, error_class=["x"])])
    page = visitor.get(path).text
    assert "On this page:" in page
    [every] = visitor.links(path, "count=all")
    counted = visitor.get(every).text
    assert "All 214 jobs:" in counted
    chips = re.findall(r'class="chip \w+" href="[^"]*"><bdi>([^<]*)</bdi> <small>([^<]*)<', counted)
    assert chips == [("SendGif", "211"), ("Éclair", "1"), ("KeyError", "150"), ("OSError", "60")]
    [narrowed] = visitor.links(every, "error=OSError$")
    [question] = visitor.links(narrowed, "(clear|all/delete).*error=OSError")
    assert ">Delete 60 jobs?<" in visitor.get(question).text


def test_what_was_not_counted_is_said(redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "STEP", 100)
    monkeypatch.setattr(searching, "MOST_BYTES", 1)  # a step ends after 100 jobs at the latest
    put(redis, "retry", [failed(number) for number in range(2_600)])
    assert "The first 2,500 jobs:" in visitor.get("/retries?count=all").text
    assert "Delete at least 2,500 jobs" in visitor.get("/retries/all/delete?error=OSError").text


# Everywhere


def found_in(visitor: Visitor, path: str) -> dict[str, list[int]]:
    """The numbers of the jobs in each place of the page that searches every place."""
    sections = re.findall(r"<section.*?</section>", visitor.get(path).text, re.DOTALL)
    titles = [re.sub("<[^>]+>", "", re.findall("<h2.*?</h2>", section)[0]) for section in sections]
    return {
        title: [int(one) for one in re.findall(r"ada(\d+)@", part)] for title, part in zip(titles, sections, strict=True)
    }


def test_a_job_is_found_wherever_it_is(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.sadd("processes", "web-1:7:abc")
    redis.hset("web-1:7:abc", mapping={"info": json.dumps({"identity": "web-1:7:abc", "concurrency": 5}), "beat": 1})
    redis.hset("web-1:7:abc:work", "t1", json.dumps({"queue": "mail", "payload": a_job(1), "run_at": 1}))
    redis.sadd("queues", "mail", "a/b é")
    for number, key in enumerate(("retry", "schedule", "dead", "queue:mail", "queue:a/b é"), 2):
        put(redis, key, [a_job(number), a_job(9, args=["bob"])])
    everywhere = {"Running": [1], "Retries": [2], "Scheduled": [3], "Dead": [4], "Queue mail": [5], "Queue a/b é": [6]}
    assert found_in(visitor, "/search?find=ada") == everywhere
    for link in visitor.links("/search?find=ada", r"/(job\?|(retries|scheduled|dead)/)"):
        assert "ada" in visitor.get(link).text
    [box] = re.findall(r'<form class="search".*?</form>', visitor.get("/").text, re.DOTALL)
    assert 'action="/search"' in box
    assert visitor.links("/retries?find=ada", r"^/search\?find=ada$")


def test_where_a_search_of_every_place_stopped_it_goes_on_in_one_of_them(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "STEP", 10)
    monkeypatch.setattr(searching, "STEPS", 4)
    put(redis, "retry", [a_job(number, args=["bob"]) for number in range(50)] + [a_job(50)])
    put(redis, "schedule", [a_job(number) for number in range(30)])
    first = found_in(visitor, "/search?find=ada")
    assert first == {"Running": [], "Retries": [], "Scheduled": [0, 1, 2, 3, 4], "Dead": []}
    [on] = visitor.links("/search?find=ada", "from=")
    assert found_in(visitor, on) == {"Retries": [50]}
