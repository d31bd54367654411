"""Every page of the dashboard and of the lessons' application, as people see it: wide and on a phone, light and dark.

axe-core looks for what keeps people from using a page, and finds nothing; and each page fits. One browser and one server
do all of it, so that it costs seconds.
"""

from __future__ import annotations

import importlib.resources
import smtplib
import time
from collections.abc import Iterator
from types import SimpleNamespace

import fakeredis
import pytest
from playwright.sync_api import Browser, Page
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import minijobs
from lessons.app import inbox, mail, page, workers
from lessons.app.live import Live
from lessons.app.serving import NAMES, Site
from lessons.kit import stage
from minijobs import Fetcher, Heartbeat, Processor, RetrySet, connection
from minijobs.web import dashboard

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 664}  # a phone's window, without the browser's bars
SCHEMES = ("light", "dark")

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

# What axe-core complains of, with the elements. What is in the frame of a mail is the sender's.
AXE = """async (rules) => {
  const options = {iframes: false, resultTypes: ["violations"], ...(rules && {runOnly: {type: "rule", values: rules}})};
  return (await axe.run(document, options)).violations.map((one) =>
    `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(" ")}`);
}"""
COLOURS = ["color-contrast", "link-in-text-block"]  # the rules that can be broken in one scheme alone

# What axe-core leaves out where it is not sure: text on what lies under it.
CONTRASTS = """() => {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const known = new Map();
  const light = (colours) => {
    const key = colours.join("|");
    if (!known.has(key)) known.set(key, lightness(paint(colours)));
    return known.get(key);
  };
  const paint = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const lightness = (data) => [0.2126, 0.7152, 0.0722].reduce((sum, part, at) => {
    const value = data[at] / 255;
    return sum + part * (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  }, 0);
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
    if (!own || !element.checkVisibility() || element.closest("svg, noscript, :disabled, [aria-hidden=true]")) continue;
    const under = [];
    for (let one = element; one; one = one.parentElement) under.unshift(getComputedStyle(one).backgroundColor);
    const [back, text] = [light(under), light([...under, getComputedStyle(element).color])];
    const ratio = (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
    if (ratio < 4.5) poor.push(`${element.textContent.trim().slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return poor;
}"""

# What has no name: axe-core does not ask for that of a table or of a part of the page.
NAMELESS = """() => [...document.querySelectorAll("a, button, input:not([type=hidden]), table, section, nav, [role=region]")]
  .filter((one) => one.checkVisibility())
  .filter((one) => !(one.labels?.[0] ?? one).textContent.trim() && !one.getAttribute("aria-label"))
  .map((one) => one.outerHTML.slice(0, 80))"""

# Numbers of the dashboard become long ones.
MILLIONS = """() => document.querySelectorAll(".count, .tile dd, .queues td[data-label=Jobs]")
  .forEach((number) => { number.textContent = "1,234,567"; })"""

# What a thumb would miss.
SMALL = """() => [...document.querySelectorAll("button, a.button, nav a, label:has(input)")]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44)
  .map((one) => one.outerHTML.slice(0, 80))"""


def test_nobody_is_kept_from_using_a_page_and_each_fits(visit: Page, sites: SimpleNamespace) -> None:
    axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    found, seen = [], []
    for name in every_page(visit, sites):
        seen.append(name)
        visit.evaluate(axe)
        for window in (WIDE, NARROW):
            visit.set_viewport_size(window)
            for scheme in SCHEMES:
                visit.emulate_media(color_scheme=scheme)
                wrong = visit.evaluate(AXE, None if scheme == "light" else COLOURS) + visit.evaluate(CONTRASTS)
                wrong += visit.evaluate(NAMELESS)
                wrong += visit.evaluate(SMALL) if window is NARROW else []
                visit.evaluate(MILLIONS)
                wide = visit.evaluate("document.documentElement.scrollWidth")
                wrong += [f"{wide} pixels wide"] if wide > window["width"] else []
                wrong += ["no h1, or several"] if visit.locator("h1").count() != 1 else []
                found += [f"{name}, {window['width']}, {scheme}: {one}" for one in wrong]
        visit.set_viewport_size(WIDE)
    assert found == []
    assert len(seen) == len(set(seen)) == 34


def test_axe_and_the_other_looks_see_what_is_wrong(visit: Page, sites: SimpleNamespace) -> None:
    visit.goto(f"{sites.page}/jobs/retries")
    visit.evaluate(importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
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
