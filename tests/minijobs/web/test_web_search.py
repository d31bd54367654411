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
    monkeypatch.setattr(searching, "PATIENCE", float("inf"))
    for text in ("ada7@", "nothing at all"):
        for page in ("/retries", "/queue?name=mail", "/retries/all/delete", "/queue/clear?name=mail"):
            status, commands = asker.cost(f"{page}{'&' if '?' in page else '?'}find={text}")
            assert (status, commands <= 50) == (200, True)
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
