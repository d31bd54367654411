"""Every page of the dashboard and of the lessons' application, as people see it: wide and on a phone, light and dark.

axe-core looks for what keeps people from using a page, and finds nothing; and each page fits. One browser and one server
do all of it, so that it costs seconds.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Iterator
from types import SimpleNamespace

import fakeredis
import pytest
from looks import AXE, CONTRASTS, NARROW, SCHEMES, SMALL, WIDE, load_axe, wrong
from playwright.sync_api import Browser, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import minijobs
from lessons.app import inbox, mail, page, workers
from lessons.app.live import Live
from lessons.app.serving import NAMES, Site
from lessons.kit import stage
from minijobs import Fetcher, Heartbeat, Processor, RetrySet, connection
from minijobs.web import dashboard

DASHBOARD = (
    *("/", "/busy", "/queues", "/queue?name=mail", "/retries", "/scheduled", "/dead", "/nowhere"),
    *(
        "/retries?find=ada",
        "/dead?find=nothing",
        "/retries?count=all",
        "/search?find=ada",
        "/retries/all/delete",
        "/queue/clear?name=mail",
        "/busy/all/stop",
    ),
)
EMPTY = ("/", "/queues", "/retries")
READ_ONLY = ("/busy", "/retries")


class Failing(minijobs.Worker):
    """Fails, with an error too long for its line."""

    queue, backtrace = "mail", True

    def perform(self, email: str) -> None:
        raise OSError(f"no route to {email} {'w' * 300}")


def fill(redis: fakeredis.FakeRedis) -> None:
    """Some jobs in each place, and a process that runs one."""
    processor = Processor(Fetcher("mail", redis=redis, identity="web-1:7:abc"))
    for number in range(32):
        Failing.perform_async(f"ada{number}@example.com")
    for _ in range(30):
        processor.process_one()
    for number, entry in enumerate(RetrySet(redis)):
        if number < 26:  # more than a page shows
            entry.kill()
    Failing.perform_in(3600, "w" * 500)
    redis.zadd("dead", {b"no job": time.time()})
    Heartbeat(processor, every=600).beat()  # it lives as long as this test
    redis.hset("web-1:7:abc", "busy", 1)
    job = redis.lindex("queue:mail", -1).decode()
    redis.hset("web-1:7:abc:work", "t1", minijobs.job.dump({"queue": "mail", "payload": job, "run_at": int(time.time())}))


@pytest.fixture(scope="module")
def sites() -> Iterator[SimpleNamespace]:
    """Where everything is: the page and the inbox, the dashboard, one without jobs, one that is read-only."""
    with pytest.MonkeyPatch.context() as patch:
        catcher = mail.Catcher()
        patch.setenv(mail.SMTP_PORT, str(catcher.port))
        patch.setenv(stage.PACE, "0")
        patch.setattr(workers.SendGifToUserWorker, "queue", "default")
        redis = connection.connect(fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 0))))
        fill(redis)
        back: dict[str, str] = {}
        box = Site("The inbox", inbox.create(catcher, lambda: back), 0)
        pages = page.create(Live(), catcher, page.Around(box.url, lambda jid: None, 4))
        boards = {"/jobs": dashboard(redis, hosts=NAMES), "/read": dashboard(redis, hosts=NAMES, read_only=True)}
        boards["/empty"] = dashboard(fakeredis.FakeRedis(), hosts=NAMES)
        site = Site("The page", DispatcherMiddleware(pages, boards), 0)
        back.update({"The page": f"{site.url}/", "Dashboard": f"{site.url}{page.DASHBOARD}"})
        yield SimpleNamespace(page=site.url, inbox=box.url, smtp=catcher.port, redis=redis)
        for part in (site, box, catcher):
            part.stop()


@pytest.fixture
def visit(sites: SimpleNamespace, browser: Browser) -> Iterator[Page]:
    """A visitor who does not care for motion: else a colour would be looked at on its way to another one."""
    connection.connect(sites.redis)
    with browser.new_context(reduced_motion="reduce", viewport=WIDE) as context:
        yield context.new_page()


def every_page(visit: Page, sites: SimpleNamespace) -> Iterator[str]:
    """Go to each page in turn; the name of the one that is shown."""
    board = f"{sites.page}/jobs"
    jobs = []
    for path in DASHBOARD:
        visit.goto(f"{board}{path}")
        jobs += [link.get_attribute("href") for link in visit.locator("a.worker").all()[: 2 if path == "/dead" else 1]]
        yield path
    for path in dict.fromkeys(jobs):  # one of what is no job is among them
        visit.goto(f"{sites.page}{path}")
        yield f"a job: {path}"
    for start, paths in (("empty", EMPTY), ("read", READ_ONLY)):
        for path in paths:
            visit.goto(f"{sites.page}/{start}{path}")
            yield f"{start}: {path}"
    for name, url in (("the page", sites.page), ("the inbox", sites.inbox)):
        visit.goto(url)
        yield name
        visit.goto(f"{url}/nowhere")
        yield f"not in {name}"
    visit.goto(sites.page)
    for button in ("Call perform now", "Call perform_async"):
        visit.get_by_role("button", name=button).click()
        visit.locator("#answer", has_text="You did it!").wait_for()
    visit.reload()
    yield "the page, afterwards"
    visit.evaluate(REFUSED)
    visit.get_by_role("heading", name="something went wrong").wait_for()
    yield "an error of the page"
    with smtplib.SMTP("127.0.0.1", sites.smtp, timeout=10) as server:
        server.sendmail("eve@example.com", ["ada@example.com"], b"Subject: plain\r\n\r\nhello")
    for number in (1, 3):  # the second one was refused
        visit.goto(f"{sites.inbox}/mails/{number}")
        yield f"mail {number}"
    visit.get_by_role("button", name="Delete…", exact=True).click()
    yield "a question of the inbox"


# The form is sent as it would be without JavaScript.
REFUSED = """() => {
  const form = document.getElementById("trouble");
  form.append(Object.assign(document.createElement("input"), {type: "hidden", name: "way", value: "both"}));
  form.submit();
}"""

# Numbers of the dashboard become long ones.
MILLIONS = """() => document.querySelectorAll(".count, .tile dd, .queues td[data-label=Jobs]")
  .forEach((number) => { number.textContent = "1,234,567"; })"""


def test_nobody_is_kept_from_using_a_page_and_each_fits(visit: Page, sites: SimpleNamespace) -> None:
    found, seen = [], []
    for name in every_page(visit, sites):
        seen.append(name)
        load_axe(visit)
        for window in (WIDE, NARROW):
            visit.set_viewport_size(window)
            for scheme in SCHEMES:
                visit.emulate_media(color_scheme=scheme)
                visit.evaluate(MILLIONS)
                found += [f"{name}, {window['width']}, {scheme}: {one}" for one in wrong(visit, window, scheme)]
        visit.set_viewport_size(WIDE)
    assert found == []
    assert len(seen) == len(set(seen)) == 34


def test_axe_and_the_other_looks_see_what_is_wrong(visit: Page, sites: SimpleNamespace) -> None:
    visit.goto(f"{sites.page}/jobs/retries")
    load_axe(visit)
    spoil = """() => { for (const cell of document.querySelectorAll(".error")) cell.style.color = "#888";
        document.querySelector("[type=search]").removeAttribute("aria-label");
        document.querySelector("[type=search]").removeAttribute("placeholder");
        document.querySelector(".search button").style.cssText = "min-height: 0; height: 20px; align-self: start"; }"""
    visit.set_viewport_size(NARROW)

    def look(what: str, given: object = None) -> list[str]:
        visit.evaluate(spoil)  # each time: meanwhile the page may have brought itself up to date
        return visit.evaluate(what, given)

    assert {wrong.partition(":")[0] for wrong in look(AXE)} == {"color-contrast", "label"}
    assert look(CONTRASTS)
    assert look(SMALL)


# On a phone


def test_on_a_phone_the_comparison_is_seen_without_scrolling(visit: Page, sites: SimpleNamespace) -> None:
    visit.set_viewport_size(NARROW)
    visit.goto(sites.page)
    for _ in range(2):
        assert max(visit.evaluate(BOTTOMS)) <= NARROW["height"]
        visit.get_by_role("button", name="Call perform now").click()
        visit.locator("td.perform .waited").first.wait_for()


# Where the head of the comparison and its first row end: in one go, for it is made anew whenever something happens.
BOTTOMS = """() => ["#both-title", "th.perform", "th.perform_async", "td.perform", "td.perform_async"]
  .map((part) => document.querySelector(part).getBoundingClientRect().bottom)"""


@pytest.mark.parametrize("path", ["/retries", "/scheduled", "/dead", "/queue?name=mail"])
def test_on_a_phone_what_acts_on_jobs_stays_within_reach_of_the_thumb(
    visit: Page, sites: SimpleNamespace, path: str
) -> None:
    visit.set_viewport_size(NARROW)
    visit.goto(f"{sites.page}/jobs{path}")
    buttons = {}
    for where in ("0", "document.body.scrollHeight / 2"):
        visit.evaluate(f"scrollTo(0, {where})")
        buttons[where] = reach(visit)
    visit.locator("a.worker").first.click()
    buttons["on a job's page"] = reach(visit)
    for where, boxes in buttons.items():
        assert boxes, where
        for box in boxes:
            assert box["height"] >= 44, where
            assert box["y"] > NARROW["height"] / 2, where
            assert box["y"] + box["height"] <= NARROW["height"], where


def reach(visit: Page) -> list[dict[str, float]]:
    """Where the buttons for the selected jobs, or for this one, are."""
    return [button.bounding_box() for button in visit.locator(".selected button").all()]
