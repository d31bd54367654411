"""The dashboard in a real browser, served by `minijobs web`: every button, with and without JavaScript, and how it looks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis as redis_py
from playwright.sync_api import Browser, Page, Route, expect
from processes import SOON, OwnServer, Process, eventually
from visitors import a_job, failed, numbers, three_of_each

import minijobs.web

WIDTHS = {"wide": 1280, "narrow": 390}
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>"
RIGHT_TO_LEFT = "שלום עולם \u202eevil\u2066"


@contextmanager
def serve(url: str, **settings: str) -> Iterator[str]:
    """Where `minijobs web` is, for the Redis at this URL."""
    command = [sys.executable, "-m", "minijobs", "web", "--port", "0"]
    environment = {**os.environ, "REDIS_URL": url, **settings}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield re.findall(r"http://\S+(?=/$)", process.stdout.readline())[0]
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def site(real_redis_url: str) -> Iterator[str]:
    """Where `minijobs web` is."""
    with serve(real_redis_url) as site:
        yield site


@pytest.fixture(scope="module")
def guarded_site(real_redis_url: str) -> Iterator[str]:
    """The same with a password."""
    with serve(real_redis_url, MINIJOBS_WEB_PASSWORD="sésame", MINIJOBS_WEB_USER="ada") as site:
        yield site


SCRIPT = Path(minijobs.web.__file__).parent / "static" / "dashboard.js"
LOOKS_EVERY = 200  # milliseconds; usually 2,000


class Visit:
    """A page of a visitor's own, and what the browser complained of or popped up since it was asked last.

    The page looks ten times as often as usual, so that nobody has to wait, unless the visitor is `patient`.
    """

    def __init__(self, browser: Browser, site: str, patient: bool = False, **settings: object) -> None:
        self.context = browser.new_context(base_url=site, viewport={"width": 1280, "height": 900}, **settings)
        if not patient:
            script = SCRIPT.read_text()
            assert "const EVERY = 2000;" in script
            hurried = script.replace("const EVERY = 2000;", f"const EVERY = {LOOKS_EVERY};")
            self.context.route("**/dashboard.js", lambda route: route.fulfill(body=hurried, content_type="text/javascript"))
        self.page = self.context.new_page()
        self.page.set_default_timeout(SOON * 1000)
        self.allowed, self.complaints = "$^", []
        self.page.on("console", lambda said: said.type == "error" and self.complain(said.text))
        self.page.on("pageerror", lambda error: self.complain(str(error)))
        self.page.on("dialog", lambda dialog: (self.complain(dialog.message), dialog.dismiss()))

    def complain(self, text: str) -> None:
        if not re.search(self.allowed, text):
            self.complaints.append(text)

    def leave(self) -> None:
        """Forget what a visitor would take to the next page."""
        self.page.evaluate("localStorage.clear(); sessionStorage.clear()")
        self.page.goto("about:blank")
        self.page.unroute_all()
        self.context.clear_cookies()


@pytest.fixture(scope="module")
def regulars(browser: Browser, site: str) -> Iterator[dict[bool, Visit]]:
    """Two visitors who come again and again, with and without JavaScript: to make one takes as long as a test."""
    regulars = {script: Visit(browser, site, java_script_enabled=script) for script in (True, False)}
    yield regulars
    for visit in regulars.values():
        visit.context.close()


@pytest.fixture
def open_page(browser: Browser, site: str, regulars: dict[bool, Visit]) -> Iterator[Callable[..., Page]]:
    """Opens a page, for a new visitor if there are `settings`. What a browser complains of or pops up fails the test."""
    come: set[Visit] = set()

    def open_page(
        path: str, width: int = 1280, *, allowed: str = "$^", java_script_enabled: bool = True, **settings: object
    ) -> Page:
        known = regulars[java_script_enabled]
        visit = known if not settings else Visit(browser, site, java_script_enabled=java_script_enabled, **settings)
        visit.allowed, visit.complaints = allowed, []
        come.add(visit)
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.goto(path)
        return visit.page

    yield open_page
    for visit in come:
        if visit in regulars.values():
            visit.leave()
        else:
            visit.context.close()
    assert [visit.complaints for visit in come if visit.complaints] == []


@pytest.fixture
def some(real: redis_py.Redis) -> redis_py.Redis:
    """Three jobs in each place, some more retries, a day's numbers, and a process."""
    now = time.time()
    three_of_each(real)
    real.mset({"stat:processed": 1000, "stat:failed": 10})
    info = {"identity": "web-1:7:abc", "hostname": "web-1", "concurrency": 5, "queues": ["mail"], "labels": ["eu"]}
    real.sadd("processes", "web-1:7:abc")
    real.hset("web-1:7:abc", mapping={"info": json.dumps(info), "busy": 1, "beat": now, "quiet": "false", "rss": 9000})
    real.hset("web-1:7:abc:work", "t1", json.dumps({"queue": "mail", "payload": a_job(9), "run_at": int(now)}))
    return real


def state(redis: redis_py.Redis) -> dict[str, list[int]]:
    """Which jobs are where."""
    sets = {name: sorted(numbers(redis.zrange(name, 0, -1))) for name in ("retry", "schedule", "dead")}
    return sets | {"mail": numbers(redis.lrange("queue:mail", 0, -1))[::-1]}


ALL = {"retry": [1, 2, 3], "schedule": [1, 2, 3], "dead": [1, 2, 3], "mail": [1, 2, 3]}

ONE = [
    ("/retries", "Retry now", "put back", {"retry": [2, 3], "mail": [1, 2, 3, 1]}),
    ("/retries", "Kill", "moved to the dead", {"retry": [2, 3], "dead": [1, 1, 2, 3]}),
    ("/retries", "Delete…", "deleted", {"retry": [2, 3]}),
    ("/scheduled", "Add to queue now", "put back", {"schedule": [2, 3], "mail": [1, 2, 3, 1]}),
    ("/scheduled", "Delete…", "deleted", {"schedule": [2, 3]}),
    ("/dead", "Retry now", "put back", {"dead": [2, 3], "mail": [1, 2, 3, 1]}),
    ("/dead", "Delete…", "deleted", {"dead": [2, 3]}),
    ("/queue?name=mail", "Delete…", "deleted", {"mail": [2, 3]}),
]
EVERY = [
    ("/retries", "Retry all", {"retry": [], "mail": [1, 2, 3, 1, 2, 3]}),
    ("/retries", "Kill all", {"retry": [], "dead": [1, 1, 2, 2, 3, 3]}),
    ("/retries", "Delete all", {"retry": []}),
    ("/scheduled", "Add all to their queues", {"schedule": [], "mail": [1, 2, 3, 1, 2, 3]}),
    ("/scheduled", "Delete all", {"schedule": []}),
    ("/dead", "Retry all", {"dead": [], "mail": [1, 2, 3, 3, 2, 1]}),
    ("/dead", "Delete all", {"dead": []}),
    ("/queue?name=mail", "Clear the queue", {"mail": []}),
]


def press(page: Page, button: str, jobs: str = "1 job") -> None:
    """Press a button, and say yes if it asks, as every one does that has an ellipsis."""
    page.get_by_role("button", name=button, exact=True).click()
    if button == "Delete…":
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Delete {jobs}?")
        page.get_by_role("button", name=f"Delete {jobs}", exact=True).click()


@pytest.mark.parametrize(("path", "button", "says", "changed"), ONE)
def test_a_selected_job_is_moved_or_deleted_without_javascript(
    some: redis_py.Redis, open_page: Callable, path: str, button: str, says: str, changed: dict
) -> None:
    page = open_page(path, java_script_enabled=False)
    page.get_by_role("row").nth(1).get_by_role("checkbox").check()
    press(page, button)
    expect(page.locator("#said")).to_contain_text(f"1 job was {says}")
    assert state(some) == ALL | changed


@pytest.mark.parametrize(("path", "button", "says", "changed"), ONE)
def test_a_job_is_moved_or_deleted_from_its_own_page(
    some: redis_py.Redis, open_page: Callable, path: str, button: str, says: str, changed: dict
) -> None:
    page = open_page(path)
    page.get_by_role("row").nth(1).get_by_role("link", name="SendGif").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("SendGif")
    expect(page.locator("pre").last).to_contain_text("ada1@example.com")
    press(page, button)
    expect(page.locator("#said")).to_contain_text(f"1 job was {says}")
    assert state(some) == ALL | changed


@pytest.mark.parametrize(("path", "button", "changed"), EVERY)
def test_all_of_them_are_moved_or_deleted_after_a_question_without_javascript(
    some: redis_py.Redis, open_page: Callable, path: str, button: str, changed: dict
) -> None:
    page = open_page(path, java_script_enabled=False)
    page.get_by_role("link", name=f"{button}…").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^(Put back|Kill|Delete) 3 jobs\?$"))
    page.get_by_role("link", name="No, go back").click()
    page.get_by_role("link", name=f"{button}…").click()
    assert state(some) == ALL
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("#said")).to_contain_text("3 jobs were")
    found = state(some)
    assert {**found, "mail": sorted(found["mail"])} == ALL | changed | {"mail": sorted((ALL | changed)["mail"])}


def test_all_on_the_page_are_selected_at_once(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries")
    page.get_by_label("All on this page").check()
    page.get_by_role("row").nth(2).get_by_role("checkbox").uncheck()
    press(page, "Delete…", "2 jobs")
    expect(page.locator("#said")).to_contain_text("2 jobs were deleted")
    assert state(some)["retry"] == [2]


def test_a_process_is_made_quiet_and_then_stopped(
    real: redis_py.Redis, open_page: Callable, start: Callable[..., Process]
) -> None:
    process = start("-q", "mail", "--heartbeat", "0.2")
    eventually(lambda: real.smembers("processes"))
    page = open_page("/busy")
    page.get_by_role("button", name=re.compile("^Quiet")).click()
    expect(page.locator("#said")).to_contain_text("was asked to fetch no more jobs")
    expect(page.locator(".chip.quiet")).to_have_text(
        "Quiet"
    )  # it has told so, and the page has heard it without being asked
    expect(page.get_by_role("button", name=re.compile("^Quiet"))).to_be_disabled()
    assert not process.ended()
    page.get_by_role("button", name=re.compile("^Stop")).click()
    expect(page.locator("#said")).to_contain_text("was asked to stop")
    assert process.exit_code() == 0
    expect(page.get_by_text("No worker process is running. Start one:")).to_be_visible()


# Liveness


def test_numbers_and_tables_change_without_reloading_and_nothing_of_the_visitors_is_lost(
    some: redis_py.Redis, open_page: Callable
) -> None:
    now = time.time()
    some.zadd("retry", {failed(number): now + 600 * number for number in range(4, 24)})
    page = open_page("/retries")
    page.evaluate("window.mine = 'still here'; window.row = document.querySelectorAll('tbody tr')[5]")
    page.get_by_role("row").nth(6).get_by_role("checkbox").check()
    page.get_by_role("row").nth(4).get_by_role("checkbox").focus()
    page.mouse.wheel(0, 400)
    eventually(lambda: page.evaluate("scrollY") == 400)
    read = page.get_by_role("row").filter(has_text="ada3@")  # the first one in sight that will stay
    seen_at = read.bounding_box()
    some.zremrangebyrank("retry", 0, 1)  # two above them leave
    some.zadd("retry", {failed(30): now + 1})  # one comes in at the top
    some.zadd("retry", {failed(31): now + 600 * 3.5})  # and one between
    some.lpush("queue:mail", a_job(4))
    expect(page.get_by_text("ada30@example.com")).to_be_visible()
    expect(page.locator("#nav")).to_contain_text("Queues 4")
    shown = re.findall(r"ada(\d+)@", page.locator("tbody").inner_text())
    assert shown[:5] == ["30", "3", "31", "4", "5"]
    assert page.evaluate("window.mine") == "still here"
    assert page.evaluate("window.row.isConnected && window.row.querySelector('input').checked")
    assert re.findall(r"ada(\d+)@", page.locator("tr:has(input:checked)").inner_text()) == ["6"]
    assert re.findall(r"ada(\d+)@", page.locator("tr:has(:focus)").inner_text()) == ["4"]
    assert read.bounding_box()["y"] == pytest.approx(seen_at["y"], abs=1)  # what he reads does not move under his eyes


def test_the_graph_is_drawn_while_jobs_run(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/")
    some.incrby("stat:processed", 300)
    some.incrby("stat:failed", 60)
    expect(page.locator("#totals")).to_contain_text("1,300")
    said = page.locator("#graph-said")
    expect(said).to_have_text(re.compile(r"^[1-9]\d* a second, \d+(\.\d)? failed$"))
    for line in ("done", "failed", "area"):
        assert page.locator(f"#graph-{line}").get_attribute("d").startswith("M")
    some.lpush("queue:mail", *map(a_job, range(4, 300)))
    expect(page.locator("#graph-waiting")).to_have_text(re.compile(r"^The queues grow by \d+(\.\d)? jobs a second\.$"))
    page.goto("/busy")
    page.goto("/")
    expect(said).to_have_text(re.compile(r"^[1-9]\d* a second"))  # it is kept from page to page


def test_a_visitor_may_stop_the_refreshing(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries")
    page.get_by_role("button", name="Live").click()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    some.zadd("retry", {failed(4): 1})
    page.wait_for_timeout(3 * LOOKS_EVERY)  # longer than it takes to look again
    assert asked == []
    page.get_by_role("button", name="Paused").click()
    expect(page.get_by_text("ada4@example.com")).to_be_visible()


NOT_CURRENT = re.compile(r"^Not current since \d\d:\d\d:\d\d$")


def test_a_server_that_does_not_answer_is_said_not_to(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries", allowed="Failed to load resource")
    page.context.set_offline(True)
    expect(page.locator("#liveness")).to_have_text(NOT_CURRENT)
    expect(page.locator("#away")).to_have_text(re.compile(r"^The server does not answer\. Not current since .*\.$"))
    page.context.set_offline(False)
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    expect(page.locator("#away")).to_have_text("")


def test_an_answer_that_never_comes_is_not_waited_for_in_silence(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries", patient=True)
    page.clock.install()
    page.goto("/retries")
    page.route("**/retries", lambda route: None)  # it neither answers nor fails
    with page.expect_request("**/retries"):
        page.clock.run_for(3_000)
    page.clock.run_for(7_000)
    expect(page.locator("#liveness")).to_have_text(NOT_CURRENT)
    page.unroute("**/retries")
    page.context.set_offline(True)  # ends what hangs
    page.context.set_offline(False)
    some.zadd("retry", {failed(4): 1})
    eventually(lambda: page.clock.run_for(2_000) or page.get_by_text("ada4@example.com").count())
    expect(page.get_by_role("button", name="Live")).to_be_visible()


def test_after_a_night_asleep_a_tab_says_so_until_it_is_current_again(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries", patient=True)
    page.clock.install()
    page.goto("/retries")
    page.clock.run_for(2_500)
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => said.push(document.querySelector("#liveness").innerText))
        .observe(document.querySelector("#liveness"), {subtree: true, childList: true, characterData: true}); }"""
    )
    some.zadd("retry", {failed(4): 1})
    page.clock.fast_forward(8 * 60 * 60 * 1000)  # no timer ran meanwhile
    page.clock.run_for(1_500)
    expect(page.get_by_text("ada4@example.com")).to_be_visible()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    assert any(NOT_CURRENT.match(said) for said in page.evaluate("said"))


def test_redis_away_is_said_in_the_frame_and_the_page_comes_back_by_itself(browser: Browser, own_server: OwnServer) -> None:
    with serve(own_server.url) as site:
        visit = Visit(browser, site)
        page, context = visit.page, visit.context
        page.goto("/retries")
        own_server.crash()
        expect(page.locator("#liveness")).to_have_text(NOT_CURRENT)
        expect(page.locator("#away")).to_contain_text("No Redis")
        pages = {"with": context.new_page()}
        with browser.new_context(base_url=site, java_script_enabled=False) as without:
            pages["without"] = without.new_page()
            pages["without"].route("**/retries", sooner)
            for other in pages.values():
                other.goto("/retries")
                expect(other.get_by_role("heading", level=1)).to_have_text("No Redis")
                expect(other.get_by_role("navigation", name="Pages").get_by_role("link")).to_have_count(6)
            own_server.start()
            for other in pages.values():
                expect(other.get_by_role("heading", level=1)).to_have_text("Retries")
        expect(page.get_by_role("button", name="Live")).to_be_visible()
        context.close()


def sooner(route: Route) -> None:
    """The page, which looks again by itself after one second; usually after five."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace('"refresh" content="5"', '"refresh" content="1"'))


# Times


def test_times_are_the_visitors_own_and_utc_on_hover(some: redis_py.Redis, open_page: Callable) -> None:
    some.zadd("retry", {failed(4, failed_at=1795450400.0): 1})
    page = open_page("/retries", timezone_id="Asia/Tokyo")
    page.get_by_role("row").nth(1).get_by_role("link", name="SendGif").click()
    failed_at = page.locator(".fields div", has_text="failed_at").locator("time.exact")
    expect(failed_at).to_have_text("2026-11-24 01:13:20")
    expect(failed_at).to_have_attribute("title", "2026-11-23 16:13:20 UTC")
    expect(page.locator("#zone")).to_contain_text("Asia/Tokyo")
    page = open_page(page.url, timezone_id="Asia/Tokyo", java_script_enabled=False)
    expect(page.locator(".fields div", has_text="failed_at").locator("time.exact")).to_have_text("2026-11-23 16:13:20 UTC")
    expect(page.locator("#zone")).to_have_text("Times are in UTC.")


@pytest.mark.parametrize(("off", "says"), [(-330, r"(5|6) minutes behind"), (90, r"(8|9|10)\d s ahead of"), (0, None)])
def test_a_visitors_clock_that_differs_from_redis_is_said_to(
    some: redis_py.Redis, open_page: Callable, off: int, says: str | None
) -> None:
    page = open_page("/nowhere", allowed="404", patient=True)
    page.clock.install(time=time.time() + off)
    page.goto("/retries")
    with page.expect_response("**/retries"):
        page.clock.run_for(3_000)
    note = page.locator("#your-clock")
    if says:
        expect(note).to_have_text(re.compile(f"^This computer’s clock is {says} Redis’s"))
    else:
        expect(note).to_be_hidden()


# The keyboard


@pytest.mark.parametrize("script", [True, False])
@pytest.mark.parametrize("path", ["/retries", "/scheduled", "/dead", "/queue?name=mail"])
def test_enter_in_a_checkbox_does_nothing(some: redis_py.Redis, open_page: Callable, path: str, script: bool) -> None:
    page = open_page(path, java_script_enabled=script)
    posted = []
    page.on("request", lambda request: request.method == "POST" and posted.append(request.url))
    page.get_by_role("row").nth(1).get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    boxes = page.get_by_role("checkbox")
    for number in range(boxes.count()):
        boxes.nth(number).focus()
        page.keyboard.press("Enter")
    page.wait_for_timeout(300)  # whatever would be sent has been
    assert posted == []
    assert page.url.endswith(path)
    assert page.get_by_role("row").nth(1).get_by_role("checkbox").is_checked()
    assert state(some) == ALL


def test_the_focus_stays_on_a_row_that_moves_and_on_none_when_its_row_leaves(
    some: redis_py.Redis, open_page: Callable
) -> None:
    page = open_page("/retries")
    focused = "(document.activeElement.closest('tr') ?? document.activeElement).innerText"
    page.get_by_role("row").filter(has_text="ada3@").get_by_role("checkbox").focus()
    some.zadd("retry", dict.fromkeys(some.zrange("retry", 2, 2), 5))  # the last one is the first now
    some.zadd("retry", {failed(4): 1e10})
    expect(page.get_by_text("ada4@example.com")).to_be_visible()
    expect(page.get_by_role("row").nth(1)).to_contain_text("ada3@")
    assert page.evaluate("document.activeElement.outerHTML").startswith('<input type="checkbox"')
    some.zremrangebyscore("retry", 5, 5)
    expect(page.get_by_text("ada3@example.com")).to_have_count(0)
    assert page.evaluate("document.activeElement.id") == "list"
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert page.locator("input:checked").count() == 0
    page.get_by_role("row").filter(has_text="ada2@").get_by_role("link").first.focus()
    some.zadd("retry", {failed(number): number for number in range(5, 15)})
    expect(page.get_by_text("ada14@example.com")).to_be_visible()
    assert "ada2@" in page.evaluate(focused)


def test_what_takes_several_requests_goes_on_by_itself(some: redis_py.Redis, open_page: Callable) -> None:
    some.delete("queue:mail", "retry")
    some.zadd("retry", {failed(number): number for number in range(16_000)})
    page = open_page("/retries/all/retry")
    page.get_by_role("button", name="Retry all").click()
    expect(page.locator("#said")).to_contain_text("16,000 jobs were put back into the queue.")
    assert some.llen("queue:mail") == 16_000


def test_without_javascript_every_page_says_all_it_has_to_say(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/", java_script_enabled=False)
    expect(page.locator("#totals")).to_contain_text("1,000")
    expect(page.locator("#now")).to_contain_text("1 job, with 5 threads")
    expect(page.locator("#graph")).to_be_hidden()
    assert page.locator("svg rect.bar").count() == 60
    for word in ("Live", "All on this page"):
        expect(page.get_by_text(word, exact=True)).to_be_hidden()
    for tab in ("Busy", "Queues", "Retries", "Scheduled", "Dead"):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=tab).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(tab)
        expect(page.locator("[aria-current=page]")).to_contain_text(tab)


# Search


def test_what_is_found_is_shown_as_it_comes_and_without_javascript_link_by_link(
    some: redis_py.Redis, open_page: Callable
) -> None:
    some.delete("dead")
    before, _, after = failed(7).partition("7@")
    pipe = some.pipeline(transaction=False)
    for start in range(0, 120_000, 10_000):  # more than one request looks at
        pipe.zadd("dead", {f"{before}{number}@{after}": number for number in range(start, start + 10_000)})
    pipe.zadd("dead", {failed(number, args=[f"needle {number}"]): number for number in (10, 60_000, 119_990)})
    pipe.execute()
    for script in (True, False):
        page = open_page("/dead", java_script_enabled=script)
        page.get_by_role("searchbox").fill("needle")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("find=needle"))
        found = []
        if script:
            expect(page.locator("[data-found]")).to_contain_text(re.compile(r"^3 jobs that contain “needle”"))
            expect(page.get_by_role("link", name="Search on")).to_have_count(0)
            expect(page.locator(".chips .class")).to_have_text("SendGif 3")
            expect(page).to_have_url(re.compile(r"\?find=needle$"))
        while True:
            found += re.findall(r"\"needle (\d+)", page.locator("#list").inner_text())
            if page.get_by_role("link", name="Search on").count() == 0:
                break
            page.get_by_role("link", name="Search on").click()
        assert found == ["119990", "60000", "10"]
    page = open_page("/search?find=needle")
    expect(page.locator("#in-dead [data-found]")).to_have_text("3 jobs that contain “needle”, of 120,003.")
    expect(page.locator("#in-dead tbody tr")).to_have_count(3)


def test_all_that_match_are_deleted_across_pages(some: redis_py.Redis, open_page: Callable) -> None:
    for number in range(100, 160):
        some.zadd("retry", {failed(number, error_class="KeyError"): time.time() + number})
    page = open_page("/retries", java_script_enabled=False)
    page.get_by_role("group", name="Narrow to").get_by_role("link", name=re.compile("KeyError")).click()
    expect(page.locator("[data-found]")).to_contain_text("25 jobs with KeyError")
    page.get_by_role("link", name="Delete all that match…").click()
    page.get_by_role("button", name="Delete 60 jobs", exact=True).click()
    expect(page.locator("#said")).to_contain_text("60 jobs were deleted.")
    assert state(some)["retry"] == [1, 2, 3]


# Hostile jobs


@pytest.mark.parametrize("width", WIDTHS.values(), ids=WIDTHS)
def test_a_hostile_job_is_displayed_harmlessly(real: redis_py.Redis, open_page: Callable, width: int) -> None:
    args = [HOSTILE, RIGHT_TO_LEFT, "x" * 90_000]
    job = failed(1, args=args, error_class=RIGHT_TO_LEFT, error_message=HOSTILE, queue=HOSTILE, tags=[HOSTILE])
    job = json.dumps({**json.loads(job), "class": HOSTILE, HOSTILE: RIGHT_TO_LEFT})
    real.zadd("retry", {job: time.time() + 600, b"<script>alert(3)</script>\xff": 1})
    real.sadd("queues", HOSTILE)
    real.lpush(f"queue:{HOSTILE}", job)
    page = open_page("/retries", width)
    row = page.get_by_role("row").last
    expect(row).to_contain_text("<script>alert(1)</script>")
    expect(row).to_contain_text("\\u202eevil")
    row.locator("a.worker").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE)
    expect(page.get_by_text("That is the beginning of it.")).to_contain_text(f"{len(job):,} bytes")
    assert page.evaluate("document.images.length + document.querySelectorAll('script:not([src])').length") == 0
    for path in ("/", "/queues", "/retries", page.url):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto("/queues")
    page.get_by_role("link", name=re.compile("script")).first.click()
    page.get_by_role("checkbox").last.check()
    press(page, "Delete…")
    expect(page.locator("#said")).to_contain_text("1 job was deleted")
    assert real.llen(f"queue:{HOSTILE}") == 0
    page.wait_for_timeout(100)  # whatever wanted to pop up has


def test_text_from_right_to_left_leaves_its_neighbours_where_they_are(real: redis_py.Redis, open_page: Callable) -> None:
    real.zadd("retry", {failed(1, args=["a"], error_class="E", error_message="plain"): 1})
    real.zadd("retry", {failed(2, args=["שלום"], error_class="עולם", error_message="ערב 1 2"): 2})
    page = open_page("/retries")
    rows = [page.get_by_role("row").nth(number) for number in (1, 2)]
    for part in (".worker", ".args", ".error-class"):
        left = [row.locator(part).bounding_box()["x"] for row in rows]
        assert left[0] == left[1]
    boxes = [rows[1].locator(part).bounding_box() for part in (".error-class", ".error bdi:last-child")]
    assert boxes[0]["x"] < boxes[1]["x"]


# Forgery and the password


def test_a_forged_post_of_another_site_is_refused(some: redis_py.Redis, open_page: Callable, site: str) -> None:
    page = open_page("/retries", allowed="403")  # a visitor who has the cookie
    form = f'<form method="post" action="{site}/retries/all"><input name="do" value="delete"><button>Win</button></form>'
    page.route("http://evil.example/**", lambda route: route.fulfill(body=form, content_type="text/html"))
    page.goto("http://evil.example/")
    with page.expect_response(f"{site}/retries/all") as answer:
        page.get_by_role("button").click()
    assert answer.value.status == 403
    expect(page.get_by_text("Nothing was done")).to_be_visible()
    assert state(some) == ALL


def test_a_form_without_its_token_is_refused(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries/all/delete", allowed="403")
    page.evaluate("document.querySelector('[name=token]').value = 'A'.repeat(43)")
    page.get_by_role("button", name="Delete all").click()
    expect(page.get_by_text("Nothing was done")).to_be_visible()
    assert state(some) == ALL


def test_the_password_is_asked_for(some: redis_py.Redis, browser: Browser, guarded_site: str) -> None:
    for password, status in (("sesame", 401), ("sésame", 200)):
        with browser.new_context(http_credentials={"username": "ada", "password": password}) as context:
            page = context.new_page()
            assert page.goto(f"{guarded_site}/retries").status == status
            assert page.get_by_text("ada1@example.com").count() == (status == 200)
    with browser.new_context() as context:
        assert context.request.get(f"{guarded_site}/retries").status == 401


def test_everything_can_be_reached_by_keyboard(some: redis_py.Redis, open_page: Callable) -> None:
    page = open_page("/retries")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reached = []
    for _ in range(16):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).innerText.trim()"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert reached[1].startswith("Search")
    assert reached[4:11] == ["All on this page", "Retry now", "Kill", "Delete…", "Retry all…", "Kill all…", "Delete all…"]
    page.get_by_role("row").nth(1).get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Delete…", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Delete 1 job", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("1 job was deleted")
    assert state(some)["retry"] == [2, 3]
