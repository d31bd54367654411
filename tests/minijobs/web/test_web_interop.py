"""Our dashboard and Ruby's Sidekiq::Web on one Redis show the same counts, whoever has filled it."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis as redis_py
from processes import eventually
from test_interop import Place
from visitors import Visitor

from minijobs import Client, Fetcher, Heartbeat, Processor, connection

PATHS = {"retries": "retries", "scheduled": "scheduled", "dead": "morgue"}

Counts = dict[str, object]


@pytest.fixture(scope="module", autouse=True)
def _sidekiq_web_is_there() -> None:
    asked = ["ruby", "-e", 'require "rack/mock"; require "sidekiq"; print Sidekiq::VERSION']
    if shutil.which("ruby") is None or not subprocess.run(asked, capture_output=True, text=True).stdout.startswith("6.4."):
        pytest.skip("no Sidekiq 6.4 in Ruby: apt-get install ruby-sidekiq")


@pytest.fixture
def place(real: redis_py.Redis, real_redis_url: str) -> Iterator[Place]:
    connection.connect(real_redis_url)
    place = Place(real_redis_url, 0)
    yield place
    place.end()


def theirs(place: Place) -> Counts:
    """What Sidekiq::Web shows, all its pages."""
    paths = ["/", "/queues", *(f"/{path}" for path in PATHS.values())]
    bodies = place.ruby(f"""
        require "sidekiq/web"
        require "rack/mock"
        web = Rack::MockRequest.new(Sidekiq::Web)
        {paths}.map {{ |path| web.get(path, "rack.session" => {{}}).body }}
    """)
    assert isinstance(bodies, list)
    totals, queues, *sets = bodies
    counts: Counts = {
        name: re.findall(rf'id="txt{name}" class="count">([\d,]+)<', totals)[0]
        for name in ("Processed", "Failed", "Busy", "Enqueued", "Retries", "Scheduled", "Dead")
    }
    counts["queues"] = dict(re.findall(r'/queues/\w+">(\w+)</a>.*?<td>([\d,]+) *</td>', queues, re.DOTALL))
    return counts | {name: body.count("key[]") for name, body in zip(PATHS, sets, strict=True)}


def ours() -> Counts:
    """What our dashboard shows."""
    visitor = Visitor()
    totals = re.findall(r"<dt>(.*?)</dt><dd>([\d,]+)", visitor.get("/").text)
    counts: Counts = {re.sub("<[^>]+>", "", name): count for name, count in totals[:7]}
    rows = re.findall(r"<bdi>(\w+)</bdi></a></th>\s*<td[^>]*>([\d,]+)</td>", visitor.get("/queues").text)
    return counts | {"queues": dict(rows)} | {name: len(visitor.keys(f"/{name}")) for name in PATHS}


def test_we_show_what_sidekiq_filled_as_sidekiqs_own_page_does(place: Place, tmp_path: Path) -> None:
    place.start_sidekiq(tmp_path)
    place.ruby("""
        3.times { |number| Interop::Note.set(queue: "mail").perform_async(number) }
        2.times { Interop::Fail.perform_async }
        Interop::Fail.set(retry: 0).perform_async
        4.times { |number| Interop::Note.perform_in(3600, number) }
        Interop::Note.perform_async("é")
        Interop::Slow.set(queue: "low").perform_async(30)
        []
    """)
    expected = {"Processed": "4", "Failed": "3", "Busy": "1", "Enqueued": "3", "Retries": "2", "Scheduled": "4", "Dead": "1"}
    lists = {"retries": 2, "scheduled": 4, "dead": 1, "queues": {"mail": "3", "default": "0", "low": "0"}}
    eventually(lambda: ours() == expected | lists, pause=0.1)
    assert theirs(place) == expected | lists
    shown = Visitor().get("/busy").text
    assert "Interop::Slow" in shown
    assert "ArgumentError" in Visitor().get("/dead").text


def test_sidekiqs_own_page_shows_what_we_filled_as_we_do(place: Place) -> None:
    def push(queue: str, **fields: object) -> None:
        Client().push({"class": "Interop::Nobody", "args": ["é"], "queue": queue, **fields})

    for number in range(3):
        push("mail")
        push("later", at=4e9 + number)
    for fields in ({}, {}, {"retry": 0}):
        push("failing", **fields)
    processor = Processor(Fetcher("failing"))
    for _ in range(3):
        processor.process_one()
    Heartbeat(processor).beat()
    expected = {"Processed": "3", "Failed": "3", "Busy": "0", "Enqueued": "3", "Retries": "2", "Scheduled": "3", "Dead": "1"}
    lists = {"retries": 2, "scheduled": 3, "dead": 1, "queues": {"mail": "3", "failing": "0"}}
    assert ours() == expected | lists
    assert theirs(place) == expected | lists
