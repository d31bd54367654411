"""What each button does in Redis, and what the next page says about it."""

from __future__ import annotations

import json

import pytest
import redis as redis_py
from visitors import Asker, Visitor, a_job, failed, numbers

from minijobs import Fetcher, Heartbeat, Processor, RetrySet, connection, job, retry
from minijobs.web import actions, moving


def in_set(redis: redis_py.Redis, name: str) -> list[int]:
    return sorted(numbers(redis.zrange(name, 0, -1)))


def in_queue(redis: redis_py.Redis, name: str = "mail") -> list[int]:
    """The next one first."""
    return numbers(redis.lrange(f"queue:{name}", 0, -1))[::-1]


# Selected jobs


def test_selected_retries_go_back_to_their_queues_now(some: redis_py.Redis, visitor: Visitor) -> None:
    first, second, _ = visitor.keys("/retries")
    assert visitor.press("/retries", do="retry", key=[first, second]) == "2 jobs were put back into the queue."
    assert in_set(some, "retry") == [3]
    assert in_queue(some) == [1, 2, 3, 1, 2]
    assert json.loads(some.lindex("queue:mail", 0))["retry_count"] == 0  # what somebody asks for is not counted


def test_a_selected_retry_is_killed(some: redis_py.Redis, visitor: Visitor) -> None:
    assert visitor.press("/retries", do="kill", key=visitor.keys("/retries")[2]) == "1 job was moved to the dead."
    assert (in_set(some, "retry"), in_set(some, "dead")) == ([1, 2], [1, 2, 3, 3])


@pytest.mark.parametrize(("page", "name"), [("/retries", "retry"), ("/scheduled", "schedule"), ("/dead", "dead")])
def test_selected_jobs_are_deleted(some: redis_py.Redis, visitor: Visitor, page: str, name: str) -> None:
    keys = visitor.keys(page)
    assert visitor.press(page, do="delete", key=keys[1:]) == "2 jobs were deleted."
    assert len(in_set(some, name)) == 1
    assert visitor.keys(page) == keys[:1]
    assert {len(in_set(some, other)) for other in {"retry", "schedule", "dead"} - {name}} == {3}


def test_a_scheduled_job_is_added_to_its_queue_now(some: redis_py.Redis, visitor: Visitor) -> None:
    some.delete("queue:mail")
    assert "put back" in visitor.press("/scheduled", do="retry", key=visitor.keys("/scheduled")[0])
    assert (in_set(some, "schedule"), in_queue(some)) == ([2, 3], [1])


def test_a_dead_job_is_tried_again(some: redis_py.Redis, visitor: Visitor) -> None:
    some.delete("queue:mail")
    visitor.press("/dead", do="retry", key=visitor.keys("/dead")[0])
    assert (in_set(some, "dead"), in_queue(some)) == ([2, 3], [1])


def test_a_job_is_retried_from_its_own_page(some: redis_py.Redis, visitor: Visitor) -> None:
    some.delete("queue:mail")
    [first, *_] = visitor.keys("/retries")
    said = visitor.press(f"/retries/{first}", to="/retries", do="retry", key=first)
    assert said == "1 job was put back into the queue."
    assert (in_set(some, "retry"), in_queue(some)) == ([2, 3], [1])


def test_jobs_of_a_queue_are_deleted(some: redis_py.Redis, visitor: Visitor) -> None:
    first, _, third = visitor.keys("/queue?name=mail")
    assert visitor.press("/queue?name=mail", to="/queue/job", name="mail", do="delete", key=[first, third]) == (
        "2 jobs were deleted."
    )
    assert in_queue(some) == [2]


def test_a_queued_job_is_still_found_when_others_have_left_or_come_before_it(some: redis_py.Redis, visitor: Visitor) -> None:
    _, second, third = visitor.keys("/queue?name=mail")
    some.rpop("queue:mail")
    assert visitor.get(f"/queue/job?name=mail&key={second}").status_code == 200
    some.rpush("queue:mail", a_job(4), a_job(5))  # put back by a process that stops
    visitor.press("/queue?name=mail", to="/queue/job", name="mail", do="delete", key=third)
    assert in_queue(some) == [5, 4, 2]


def test_a_queued_job_is_still_found_when_hundreds_before_it_were_taken(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.lpush("queue:mail", *map(a_job, range(1000)))
    key = visitor.keys("/queue?name=mail&page=40")[-1]
    assert key.endswith("-999")
    redis.rpop("queue:mail", 900)
    visitor.press("/queue?name=mail", to="/queue/job", name="mail", do="delete", key=key)
    assert in_queue(redis) == list(range(900, 999))


# What is not there any more


@pytest.mark.parametrize("do", ["retry", "kill", "delete"])
def test_a_job_that_is_gone_meanwhile_is_said_to_be(some: redis_py.Redis, visitor: Visitor, do: str) -> None:
    keys = visitor.keys("/retries")
    some.zremrangebyrank("retry", 0, 0)
    assert visitor.press("/retries", do=do, key=keys[0]) == "1 job was not there any more."
    assert in_set(some, "retry") == [2, 3]
    assert visitor.press("/retries", do=do, key=keys[:2]).endswith("; 1 job was not there any more.")
    assert in_set(some, "retry") == [3]


def test_a_job_that_has_failed_again_meanwhile_is_not_the_one_that_was_seen(some: redis_py.Redis, visitor: Visitor) -> None:
    [first, *_] = visitor.keys("/retries")
    [(_, score)] = some.zrange("retry", 0, 0, withscores=True)
    some.zremrangebyrank("retry", 0, 0)
    some.zadd("retry", {failed(1, retry_count=2): score})
    assert visitor.press("/retries", do="delete", key=first) == "1 job was not there any more."
    assert in_set(some, "retry") == [1, 2, 3]


def test_a_queued_job_that_is_gone_meanwhile_is_said_to_be(some: redis_py.Redis, visitor: Visitor) -> None:
    [first, *_] = visitor.keys("/queue?name=mail")
    some.rpop("queue:mail")
    said = visitor.press("/queue?name=mail", to="/queue/job", name="mail", do="delete", key=first)
    assert said == "1 job was not there any more."
    assert in_queue(some) == [2, 3]


def test_pressing_a_button_with_nothing_selected_does_nothing(some: redis_py.Redis, visitor: Visitor) -> None:
    assert visitor.press("/retries", do="delete") == "No job was selected, so nothing was done."
    assert "nothing was done" in visitor.press("/queue?name=mail", to="/queue/job", name="mail", do="delete")
    assert (in_set(some, "retry"), in_queue(some)) == ([1, 2, 3], [1, 2, 3])


@pytest.mark.parametrize(
    "key", ["", "-", "x", "abc-", "abc-nan", "abc-inf", "abc--inf", "-1e999", "abc-1e9", "é-1", "0" * 9000]
)
def test_a_made_up_key_finds_nothing(some: redis_py.Redis, visitor: Visitor, key: str) -> None:
    assert visitor.press("/retries", do="delete", key=key) == "1 job was not there any more."
    assert "not there any more" in visitor.press("/queue?name=mail", to="/queue/job", name="mail", do="delete", key=key)
    assert (in_set(some, "retry"), in_queue(some)) == ([1, 2, 3], [1, 2, 3])


# Deleting asks


@pytest.mark.parametrize(
    ("page", "to"), [("/retries", None), ("/scheduled", None), ("/dead", None), ("/queue?name=mail", "/queue/job?name=mail")]
)
def test_deleting_asks_and_says_how_many_and_to_ask_is_to_do_nothing(
    some: redis_py.Redis, visitor: Visitor, page: str, to: str | None
) -> None:
    keys = visitor.keys(page)
    for asked, says in ((keys[:1], "Delete 1 job?"), (keys, "Delete 3 jobs?"), ([*keys[:2], "a-1"], "Delete 2 jobs?")):
        question = visitor.client.post(to or page, data={"token": visitor.token(), "do": "delete", "key": asked})
        assert f">{says}</h1>" in question.text
        ends = {"/retries": "gone for good, without another try.", "/dead": "gone for good."}
        assert ends.get(page, "gone for good, without having run.") in question.text
        assert ("1 job of your selection is not there any more" in question.text) == ("a-1" in asked)
        assert {len(in_set(some, name)) for name in ("retry", "schedule", "dead")} == {len(in_queue(some))} == {3}
    assert visitor.yes(question, to or page).status_code == 303
    assert [key.partition("-")[0] for key in visitor.keys(page)] == [keys[2].partition("-")[0]]


def test_a_job_that_came_after_the_question_is_not_deleted(some: redis_py.Redis, visitor: Visitor) -> None:
    question = visitor.get("/dead/all/delete")
    some.zadd("dead", {failed(4): 1e12})
    some.lpush("queue:mail", a_job(4))
    assert visitor.yes(question, "/dead").status_code == 303
    assert in_set(some, "dead") == [4]
    question = visitor.get("/queue/clear?name=mail")
    some.lpush("queue:mail", a_job(5))
    assert visitor.yes(question, "/queue").status_code == 303
    assert in_queue(some) == [5]
    assert some.sismember("queues", "mail")


# Many


@pytest.mark.parametrize(
    ("page", "do", "to"),
    [
        ("/retries", "retry", "queue:mail"),
        ("/retries", "kill", "dead"),
        ("/dead", "delete", None),
        ("/scheduled", "retry", None),
    ],
)
def test_many_jobs_are_moved_in_several_requests_that_each_say_how_many_are_left(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, page: str, do: str, to: str | None
) -> None:
    monkeypatch.setattr(moving, "BATCH", 10)
    monkeypatch.setattr(moving, "DELETED", 10)
    monkeypatch.setattr(moving, "BATCHES", 3)
    name = {"/retries": "retry", "/dead": "dead", "/scheduled": "schedule"}[page]
    redis.zadd(name, {failed(number): number + 1 for number in range(100)})
    answer = visitor.yes(visitor.get(f"{page}/all/{do}"), page)
    assert "30 jobs were" in answer.text
    assert "70 jobs are left" in answer.text
    assert "data-go-on" in answer.text
    redis.zadd(name, {failed(200): 200})  # what comes meanwhile was not asked about
    while answer.status_code == 200:
        answer = visitor.yes(answer, page)
    assert f"100 jobs were {actions.DONE[do]}." in visitor.get(answer.location).text
    assert in_set(redis, name) == [200]
    if to == "queue:mail":
        assert in_queue(redis) == list(range(100))
    elif to:
        assert in_set(redis, to) == list(range(100))


def test_a_long_queue_is_cleared_in_several_requests(
    redis: redis_py.Redis, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "DELETED", 10)
    monkeypatch.setattr(moving, "BATCHES", 3)
    redis.lpush("queue:mail", *map(a_job, range(70)))
    redis.sadd("queues", "mail")
    said = visitor.press("/queue/clear?name=mail", to="/queue/clear", name="mail", count="70")
    assert said == "70 jobs were deleted from the queue mail."
    assert not redis.exists("queue:mail", "queues")


@pytest.mark.parametrize("do", ["retry", "kill", "delete"])
def test_the_pages_move_jobs_exactly_as_the_library_does(
    redis: redis_py.Redis, do: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "now", lambda client: 1795450400.25)
    monkeypatch.setattr(job, "new_jid", lambda: "0" * 24)
    monkeypatch.setattr(retry, "new_jid", lambda: "0" * 24)
    raws = [
        *(failed(1), failed(2, retry_count=0), failed(3, retry_count="5", queue="é"), a_job(4, queue=None, args=[1e16])),
        *("no JSON", "[1]", '{"class":1}', '{"class":"X","args":[]}', '{"class":"X","args":[1e999]}', '{"queue":5}'),
    ]
    ends = []

    def library(jobs: RetrySet) -> int:
        return {"retry": jobs.retry_all, "kill": jobs.kill_all, "delete": jobs.clear}[do]()

    def pages(jobs: RetrySet) -> int:
        return moving.move_all(jobs, do, 100).done

    for by in (library, pages):
        redis.flushdb()
        redis.zadd("retry", dict.fromkeys(raws, 5))
        count = by(RetrySet(redis))
        queues = {name: redis.lrange(b"queue:" + name, 0, -1) for name in redis.smembers("queues")}
        queues = {name: sorted(entries) for name, entries in queues.items()}
        ends.append((count, queues, redis.zrange("dead", 0, -1, withscores=True), redis.zcard("retry")))
    assert ends[0] == ends[1]
    assert ends[0][3] == 0


def test_an_entry_that_is_no_job_stays_among_the_dead_when_all_are_retried(some: redis_py.Redis, visitor: Visitor) -> None:
    some.zadd("dead", {"no JSON": 1, "[1]": 2})
    said = visitor.press("/dead/all/retry", to="/dead/all", do="retry")
    assert said.startswith("3 jobs were put back into the queue; 2 jobs cannot be moved, being no job")
    assert some.zrange("dead", 0, -1) == [b"no JSON", b"[1]"]


def test_an_entry_that_is_no_job_goes_to_the_dead_when_it_is_retried(some: redis_py.Redis, visitor: Visitor) -> None:
    some.zadd("retry", {"no JSON": 1})
    keys = visitor.keys("/retries")
    assert visitor.press("/retries", do="retry", key=keys[0]) == "1 is no job and was moved to the dead."
    some.zadd("retry", {"no JSON": 1, "[1]": 2})
    said = visitor.press("/retries/all/retry", to="/retries/all", do="retry")
    assert said == "3 jobs were put back into the queue; 2 are no job and were moved to the dead."
    assert not some.exists("retry")


# All of them


@pytest.mark.parametrize(
    ("page", "name", "do", "asks", "queued", "dead"),
    [
        ("/retries", "retry", "retry", "Put back 3 jobs?", 6, 3),
        ("/retries", "retry", "kill", "Kill 3 jobs?", 3, 6),
        ("/retries", "retry", "delete", "Delete 3 jobs?", 3, 3),
        ("/scheduled", "schedule", "retry", "Put back 3 jobs?", 6, 3),
        ("/scheduled", "schedule", "delete", "Delete 3 jobs?", 3, 3),
        ("/dead", "dead", "retry", "Put back 3 jobs?", 6, 0),
        ("/dead", "dead", "delete", "Delete 3 jobs?", 3, 0),
    ],
)
def test_all_of_a_set_are_moved_or_deleted_after_a_question(
    some: redis_py.Redis, visitor: Visitor, page: str, name: str, do: str, asks: str, queued: int, dead: int
) -> None:
    question = f"{page}/all/{do}"
    assert question in visitor.links(page)
    assert asks in visitor.get(question).text
    assert len(in_set(some, name)) == 3  # to ask is to do nothing
    assert visitor.press(question, to=f"{page}/all", do=do).startswith("3 jobs were ")
    assert in_set(some, name) == []
    assert (len(in_queue(some)), len(in_set(some, "dead"))) == (queued, dead)


def test_a_queue_is_cleared_after_a_question(some: redis_py.Redis, visitor: Visitor) -> None:
    for page in ("/queues", "/queue?name=mail"):
        assert "/queue/clear?name=mail" in visitor.links(page)
    assert "Delete 3 jobs?" in visitor.get("/queue/clear?name=mail").text
    assert len(in_queue(some)) == 3
    said = visitor.press("/queue/clear?name=mail", to="/queue/clear", name="mail")
    assert said == "3 jobs were deleted from the queue mail."
    assert not some.exists("queue:mail", "queues")


def test_a_queue_whose_name_is_no_text_is_seen_and_cleared(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.sadd("queues", b"a\xff")
    redis.lpush(b"queue:a\xff", a_job(1), a_job(2))
    page = "/queue?name=a%FF"
    assert page in visitor.links("/queues")
    key = visitor.keys(page)[0]
    assert visitor.get(f"/queue/job?name=a%FF&key={key}").status_code == 200
    assert visitor.press(page, to="/queue/job?name=a%FF", do="delete", key=key) == "1 job was deleted."
    assert "1 job was deleted" in visitor.press("/queue/clear?name=a%FF", to="/queue/clear?name=a%FF")
    assert not redis.exists("queues", b"queue:a\xff")


def test_no_button_does_what_none_is_there_for(some: redis_py.Redis, visitor: Visitor) -> None:
    token = visitor.get("/retries").text.split('name="token" value="')[1].split('"')[0]
    for path, do in (("/scheduled", "kill"), ("/dead/all", "kill"), ("/retries", "x"), ("/busy", "x")):
        data = {"token": token, "do": do, "key": visitor.keys("/scheduled"), "identity": "x"}
        assert visitor.client.post(path, data=data).status_code == 400
    assert visitor.get("/dead/all/kill").status_code == 404
    assert {len(in_set(some, name)) for name in ("retry", "schedule", "dead")} == {3}


# Rescheduling


@pytest.mark.parametrize(("page", "name"), [("/retries", "retry"), ("/scheduled", "schedule")])
def test_a_job_is_rescheduled_from_its_own_page(some: redis_py.Redis, visitor: Visitor, page: str, name: str) -> None:
    [first, *_] = visitor.keys(page)
    said = visitor.press(f"{page}/{first}", to=f"{page}/reschedule", key=first, minutes="90")
    assert said == "1 job was rescheduled to 90 minutes from now."
    [(entry, score)] = some.zrange(name, -1, -1, withscores=True)
    assert numbers([entry]) == [1]
    assert score - connection.now(some) == pytest.approx(5400, abs=60)
    assert in_set(some, name) == [1, 2, 3]
    gone = visitor.press(page, to=f"{page}/reschedule", key=first, minutes="1")  # it is at another time now
    assert gone == "1 job was not there any more."
    for minutes in ("", "x", "-1", "nan", "inf", "1e308", "9" * 500):
        form = {"token": visitor.token(), "key": visitor.keys(page)[0], "minutes": minutes}
        assert visitor.client.post(f"{page}/reschedule", data=form).status_code == 400
    assert 'name="minutes"' not in visitor.get(f"/dead/{visitor.keys('/dead')[0]}").text


# Processes


@pytest.mark.parametrize(("do", "signal"), [("quiet", b"TSTP"), ("stop", b"TERM")])
def test_a_process_is_asked_to_be_quiet_or_to_stop(redis: redis_py.Redis, visitor: Visitor, do: str, signal: bytes) -> None:
    for identity in ("web-1:7:abc", "web-2:7:def"):
        Heartbeat(Processor(Fetcher("default", identity=identity))).beat()
    said = visitor.press("/busy", do=do, identity="web-1:7:abc")
    assert said.startswith("The process web-1:7:abc was asked to ")
    assert redis.lrange("web-1:7:abc-signals", 0, -1) == [signal]
    assert not redis.exists("web-2:7:def-signals")


@pytest.mark.parametrize("do", ["quiet", "stop"])
def test_an_embedded_process_has_no_buttons_and_is_left_alone(redis: redis_py.Redis, visitor: Visitor, do: str) -> None:
    Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc"))).beat()
    embedded = Heartbeat(Processor(Fetcher("default", identity="web-2:7:def")))
    embedded.info["embedded"] = True
    embedded.beat()
    page = visitor.get("/busy").text
    assert ("identity=web-1:7:abc" in page, "identity=web-2:7:def" in page) == (True, False)
    token = page.split('name="token" value="')[1].split('"')[0]
    answer = visitor.client.post("/busy", data={"token": token, "do": do, "identity": "web-2:7:def"})
    assert answer.status_code == 400
    assert "web-2:7:def is part of another application" in answer.text
    assert not redis.exists("web-2:7:def-signals")


@pytest.mark.parametrize(("do", "signal", "asks"), [("quiet", b"TSTP", "Make quiet"), ("stop", b"TERM", "Stop")])
def test_all_processes_are_asked_after_a_question_but_not_those_of_other_applications(
    redis: redis_py.Redis, do: str, signal: bytes, asks: str
) -> None:
    for number in range(60):
        heartbeat = Heartbeat(Processor(Fetcher("default", identity=f"web-{number}:7:abc", redis=redis)))
        heartbeat.info["embedded"] = number == 7
        heartbeat.beat()
    asker = Asker(redis)
    [question] = asker.links("/busy", f"/busy/all/{do}")
    page = asker.get(question).text
    assert f"{asks} 59 processes?" in page
    assert "Those that are part of another application go on." in page
    assert redis.keys("*-signals") == []
    status, commands = asker.cost("/busy/all", "POST", data={"token": asker.token(question), "do": do})
    assert (status, commands <= 50) == (303, True)
    assert "59 processes were asked to " in asker.get("/busy").text
    assert redis.lrange("web-1:7:abc-signals", 0, -1) == [signal]
    assert 0 < redis.ttl("web-1:7:abc-signals") <= 60
    assert len(redis.keys("*-signals")) == 59
    assert not redis.exists("web-7:7:abc-signals")


def test_a_process_that_is_gone_meanwhile_is_said_to_be(redis: redis_py.Redis, visitor: Visitor) -> None:
    heartbeat = Heartbeat(Processor(Fetcher("default", identity="web-1:7:abc")))
    heartbeat.beat()
    visitor.get("/busy")
    heartbeat.stop()
    Heartbeat(Processor(Fetcher("default", identity="web-2:7:def"))).beat()
    assert visitor.press("/busy", do="stop", identity="web-1:7:abc") == "The process web-1:7:abc is not there any more."
    assert not redis.exists("web-1:7:abc-signals")


# What was said


def test_what_was_said_is_said_once_and_not_to_a_page_that_refreshes_itself(some: redis_py.Redis, visitor: Visitor) -> None:
    token = visitor.get("/retries").text.split('name="token" value="')[1].split('"')[0]
    form = {"token": token, "do": "delete", "sure": "yes", "key": visitor.keys("/retries")[0]}
    answer = visitor.client.post("/retries", data=form)
    assert "1 job was deleted" not in visitor.get(answer.location, headers={"X-Live": "1"}).text
    assert "1 job was deleted" in visitor.get(answer.location).text
    assert "1 job was deleted" not in visitor.get(answer.location).text


def test_after_a_button_the_same_page_of_a_list_is_shown(redis: redis_py.Redis, visitor: Visitor) -> None:
    redis.zadd("retry", {failed(number): number for number in range(1, 61)})
    token = visitor.get("/retries?page=2").text.split('name="token" value="')[1].split('"')[0]
    assert 'name="page" value="2"' in visitor.get("/retries?page=2").text
    data = {"token": token, "do": "delete", "key": visitor.keys("/retries?page=2")[0], "page": "2"}
    question = visitor.client.post("/retries", data=data)
    assert 'href="/retries?page=2">No, go back' in question.text
    assert visitor.yes(question, "/retries").location == "/retries?page=2"
