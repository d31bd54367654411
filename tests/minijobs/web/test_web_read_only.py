"""A dashboard that is read-only: nothing on it changes anything, and nobody else can through it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import redis as redis_py
import waitress
from visitors import Visitor
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from minijobs import Fetcher, Heartbeat, Processor
from minijobs.cli import main
from minijobs.web import dashboard

REFUSED = "Nothing was done: this dashboard is read-only."
QUESTIONS = ("/retries/all/delete", "/scheduled/all/retry", "/dead/all/retry", "/queue/clear?name=mail", "/busy/all/stop")
PAGES = (
    *("/", "/busy", "/queues", "/queue?name=mail", "/retries", "/scheduled", "/dead", "/retries?find=ada", "/nowhere"),
    *("/search?find=ada", "/retries?count=all"),
)

# What changes something, or leads to it: a form that is posted, a box to select a job, a link to a question.
ACTION = r'<form[^>]*method="post"|type="checkbox"|/all/|/queue/clear'


@pytest.fixture
def reader(some: redis_py.Redis) -> Visitor:
    """Looks at a read-only dashboard, with a process and some jobs in each place."""
    Heartbeat(Processor(Fetcher("mail", identity="web-1:7:abc", redis=some))).beat()
    reader = Visitor()
    reader.client = dashboard(some, read_only=True).test_client()
    return reader


def all_pages(visitor: Visitor) -> dict[str, str]:
    """The pages, and the page of a job in each place."""
    jobs = [
        visitor.links(page, r"/[0-9a-f]{24}-|key=")[0] for page in ("/retries", "/scheduled", "/dead", "/queue?name=mail")
    ]
    return {path: visitor.get(path).text for path in (*PAGES, *jobs)}


def test_no_page_offers_an_action_and_each_says_that_it_is_read_only(reader: Visitor, visitor: Visitor) -> None:
    for path, page in all_pages(reader).items():
        assert re.findall(ACTION, page) == [], path
        assert "Read-only" in page
    offering = [path for path, page in all_pages(visitor).items() if re.search(ACTION, page)]
    assert len(offering) == 12  # all but the overview, the search of every place and the page that is not there
    assert "Read-only" not in visitor.get("/").text


def test_every_post_and_every_question_is_refused_with_one_sentence(reader: Visitor, some: redis_py.Redis) -> None:
    before = {key: some.dump(key) for key in sorted(some.keys()) if not key.startswith(b"web-1")}
    urls = dashboard(some).url_map
    posts = [rule for rule in urls.iter_rules() if "POST" in rule.methods]
    assert len(posts) >= 7
    for rule in posts:
        path = urls.bind("localhost").build(rule.endpoint, {"name": "retries"} if rule.arguments else {}, method="POST")
        answer = reader.client.post(path, data={"do": "delete", "sure": "yes", "key": reader.links("/retries", "-")[0][9:]})
        assert (answer.status_code, REFUSED in answer.text) == (403, True), path
    for path in QUESTIONS:
        assert (reader.get(path).status_code, REFUSED in reader.get(path).text) == (403, True), path
    assert {key: some.dump(key) for key in sorted(some.keys()) if not key.startswith(b"web-1")} == before


def test_mounted_it_is_read_only_too(some: redis_py.Redis) -> None:
    client = Client(DispatcherMiddleware(lambda environ, start: [b""], {"/jobs": dashboard(some, read_only=True)}))
    assert "Read-only" in client.get("/jobs/retries").text
    assert REFUSED in client.post("/jobs/retries/all", data={"do": "delete"}).text
    assert some.zcard("retry") == 3


@pytest.mark.parametrize("words", [("--read-only",), ()])
def test_the_command_serves_it(
    some: redis_py.Redis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    served: list[Callable] = []

    class Stopped:
        effective_port = 9876

        def run(self) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(waitress, "create_server", lambda app, **_: (served.append(app), Stopped())[1])
    assert main(["web", "--port", "0", *words]) == 0
    assert capsys.readouterr().out.startswith("The read-only dashboard of Redis" if words else "The dashboard of Redis")
    answer = Client(served[0]).post("/retries/all", data={"do": "delete"})
    assert (answer.status_code, REFUSED in answer.text) == (403, bool(words))
