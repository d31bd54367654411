"""The page in a real browser, with a real Redis, a real worker process and real mail: what moves, and what does not."""

from __future__ import annotations

import os
import re
import signal
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from http.server import ThreadingHTTPServer

import pytest
import redis as redis_py
from playwright.sync_api import Browser, Page, Route, expect
from running_app import App, eventually

from lessons.kit import stage
from lessons.kit.mail import SLOW
from minijobs import RetrySet, scheduled

# The fraction of five seconds that a mail takes: next to nothing; or so long that a busy machine is not taken for a mail.
PACES = {"quick": 0.02, "slow": 0.3}
MAIL = SLOW * PACES["slow"]  # seconds
slow = pytest.mark.parametrize("speed", ["slow"])


@pytest.fixture(scope="module")
def addresses(real_redis_url: str) -> Iterator[dict[str, str]]:
    """Where the Redis of each application is, so that the tests can look into it."""
    redis_py.Redis.from_url(real_redis_url).flushall()
    yield {speed: f"{real_redis_url}?db={number}" for number, speed in enumerate(PACES)}
    redis_py.Redis.from_url(real_redis_url).flushall()


@pytest.fixture(scope="module")
def apps(addresses: dict[str, str]) -> Iterator[dict[str, App]]:
    """Two applications, one with quick mails and one with slow ones; they start side by side."""
    apps = {speed: App(REDIS_URL=addresses[speed], **{stage.PACE: str(pace)}) for speed, pace in PACES.items()}
    try:
        yield {speed: app.until_ready() for speed, app in apps.items()}
    finally:
        for app in apps.values():
            app.close()


@pytest.fixture
def speed() -> str:
    """Which of them: the one with quick mails, unless a test is `slow`."""
    return "quick"


@pytest.fixture
def app(apps: dict[str, App], speed: str) -> App:
    return apps[speed]


@pytest.fixture
def looking(addresses: dict[str, str], speed: str) -> Iterator[redis_py.Redis]:
    """What the application's Redis holds."""
    with redis_py.Redis.from_url(addresses[speed]) as client:
        yield client


def busy(redis: redis_py.Redis) -> int:
    """How many jobs wait in the queue or are being done."""
    taken = [b"inflight:" + name for name in redis.smembers("inflight")]
    return sum(redis.llen(name) for name in ("queue:default", *taken))


@pytest.fixture
def page(app: App, browser: Browser, looking: redis_py.Redis) -> Iterator[Page]:
    """The page, opened by somebody new. It asks nobody but us, and has nothing to complain about.

    Whatever a test pushed is done when the test is over: else its mail comes to the inbox of the next.
    """
    with browser.new_context() as context:
        page = context.new_page()
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(app.urls()["page"])
        yield page
        assert {re.match(r"https?://[^/]+", url)[0] for url in asked if not url.startswith("data:")} <= set(
            app.urls().values()
        )
        assert [text for text in complaints if "500 (INTERNAL" not in text and "422 (UNPROC" not in text] == []
    eventually(lambda: not busy(looking))


@pytest.fixture
def inbox(app: App, page: Page) -> Page:
    """The inbox, empty, beside the page."""
    inbox = page.context.new_page()
    inbox.goto(app.urls()["inbox"])
    empty(inbox)
    return inbox


def empty(inbox: Page) -> None:
    """Delete all mails; it asks, if there are any."""
    with inbox.expect_response("**/mails/delete") as answer:
        inbox.get_by_role("button", name="Delete all…").click()
    if answer.value.status == 200:
        inbox.get_by_role("button", name="Delete", exact=True).click()
    expect(inbox.locator("#mails")).to_contain_text("No mail.")


class Elsewhere(ThreadingHTTPServer):
    """Another server, which nobody should ask for anything."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), self.note)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def note(self, socket, *_: object) -> None:
        self.asked.append(socket.recv(1000).decode())


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    with Elsewhere() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def think(page: Page, thought: str, button: str) -> None:
    page.get_by_label("A thought", exact=True).fill(thought)
    page.get_by_role("button", name=button).click()


def cell(page: Page, row: str, way: str):
    """What stands in a row of the comparison, under one of the two ways."""
    return page.get_by_role("row", name=re.compile(f"^{row}")).locator(f"td.{way}")


def shown(page: Page, pane: str) -> list[str]:
    """The lines of a pane that somebody can see."""
    # In one go: a line may come, and an old one go, at any moment.
    lines = "lines => lines.filter(line => line.checkVisibility()).map(line => line.innerText)"
    return page.locator(f"#{pane} li").evaluate_all(lines)


CALL, PUSH, REFUSE, KILL = "Call perform now", "Call perform_async", "Refuse the mail twice", "Kill the worker"


# The two ways


@slow
def test_a_direct_call_makes_you_wait_and_two_panes_stand_still(page):
    redis, worker = shown(page, "redis"), shown(page, "worker")
    think(page, "direct", CALL)
    expect(page.locator("#web .running")).to_have_count(1)  # the clock runs
    expect(page.locator("td.perform .waited")).to_have_attribute("data-since", re.compile(r"\d+"))
    expect(cell(page, "The inbox", "perform")).to_contain_text("a mail")
    expect(page.locator("#answer")).to_have_text("You did it! Email sent to ada@example.com")
    expect(page.locator("#web .running")).to_have_count(0)

    assert float(cell(page, "You waited", "perform").locator(".waited").inner_text().split()[0]) >= MAIL
    expect(cell(page, "Sent to Redis", "perform")).to_have_text("Nothing. Not a single command.")
    expect(cell(page, "The worker process", "perform")).to_have_text("Nothing. It has no idea that you clicked.")
    expect(cell(page, "So", "perform")).to_contain_text("by the web request itself")
    (still,) = shown(page, "redis")[len(redis) :]
    assert "not a single command" in still
    (still,) = shown(page, "worker")[len(worker) :]
    assert "nothing" in still
    assert "a mail to ada@example.com: direct" in shown(page, "inbox")[-1]


@slow
def test_a_push_is_answered_at_once_and_every_pane_moves(page, looking):
    think(page, "pushed", PUSH)
    answer = page.locator("#answer")
    expect(answer).to_have_text(re.compile(r"You did it! Email sent to ada@example.com \(job [0-9a-f]{24}\)"))
    jid = re.search(r"[0-9a-f]{24}", answer.inner_text())[0]
    expect(cell(page, "So", "perform_async")).to_contain_text("Done, by the worker process")
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")

    waited = float(cell(page, "You waited", "perform_async").locator(".waited").inner_text().split()[0])
    assert waited < MAIL / 2
    expect(cell(page, "You got", "perform_async")).to_contain_text(jid)
    expect(cell(page, "Sent to Redis", "perform_async")).to_contain_text("LPUSH queue:default")
    assert re.search(r"start.*done: \d", cell(page, "The worker process", "perform_async").inner_text(), re.DOTALL)
    assert any("LPUSH queue:default" in line for line in shown(page, "redis"))
    assert any(f"JID-{jid} INFO: start" in line for line in shown(page, "worker"))
    assert "a mail to ada@example.com: pushed" in shown(page, "inbox")[-1]
    assert looking.llen("queue:default") == 0


def test_the_two_ways_stand_side_by_side(page):
    think(page, "one way", CALL)
    expect(cell(page, "The inbox", "perform")).to_contain_text("a mail")
    think(page, "the other", PUSH)
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")
    for way, thought in (("perform", "one way"), ("perform_async", "the other")):
        expect(page.locator(f"th.{way}")).to_contain_text(f"“{thought}”")
        expect(cell(page, "The inbox", way).locator("img")).to_have_js_property("naturalWidth", 420)
    page.reload()  # it was not only drawn: it is known
    expect(page.locator("th.perform")).to_contain_text("“one way”")
    expect(cell(page, "Sent to Redis", "perform")).to_contain_text("Nothing.")
    expect(cell(page, "Sent to Redis", "perform_async")).to_contain_text("LPUSH")


def test_a_job_can_be_read_in_the_redis_pane(page):
    think(page, "to be read", PUSH)
    line = page.locator("#redis li.pushed").last
    line.locator("summary").click()
    expect(line.locator("pre")).to_contain_text('args: ["ada@example.com", "to be read"]')


# Something goes wrong


def test_a_mail_that_is_refused_is_lost_one_way_and_tried_again_the_other(page, looking, inbox):
    think(page, "trouble", REFUSE)
    expect(cell(page, "You got", "perform")).to_contain_text("500 Internal Server Error")
    expect(cell(page, "You got", "perform")).to_contain_text("451")
    expect(cell(page, "So", "perform")).to_contain_text("Lost.")
    expect(cell(page, "Sent to Redis", "perform")).to_contain_text("Not a single command.")
    expect(cell(page, "You got", "perform_async")).to_contain_text("You did it!")

    so, tries = cell(page, "So", "perform_async"), cell(page, "The worker process", "perform_async").get_by_text("start")
    refused = cell(page, "The inbox", "perform_async").get_by_text("refused: 451")
    expect(so).to_contain_text(re.compile(r"In retry, due (in \d+ s|now)"))
    (entry,) = eventually(lambda: list(RetrySet(looking)))
    assert entry["error_message"].startswith("(451,")
    assert entry.score - time.time() < 11
    expect(refused).to_have_count(1)
    scheduled.poll(looking, now=time.time() + 60)  # the time has passed, unless it really has
    expect(refused).to_have_count(2)
    expect(so).to_contain_text(re.compile(r"In retry, due (in \d+ s|now)"))
    eventually(lambda: scheduled.poll(looking, now=time.time() + 60) or tries.count() == 3)
    expect(so).to_contain_text("tried again until it worked")
    expect(tries).to_have_count(3)
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")
    expect(cell(page, "The inbox", "perform")).to_contain_text("Nothing, and nothing will come.")
    expect(inbox.locator("#mails li")).to_have_count(1)  # of the two that were sent
    assert not list(RetrySet(looking))


@slow
def test_a_worker_that_is_killed_in_the_middle_is_started_again_and_the_job_is_done(page, app, looking):
    before = app.pid_of("minijobs worker")
    think(page, "survivor", KILL)
    so = cell(page, "So", "perform_async")
    expect(so).to_contain_text(re.compile(r"Its process is dead, .* expires (in \d s at most|about now)"))
    worker = cell(page, "The worker process", "perform_async")
    expect(worker).to_contain_text(f"SIGKILL: process {before} is dead")
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("no mail yet")
    assert app.pid_of("minijobs worker") != before
    assert looking.scard("inflight") >= 1

    expect(so).to_contain_text("although the process that had it was killed")
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")
    assert re.search(r" start\n.*SIGKILL.*started again.* start\n.*done: ", worker.inner_text(), re.DOTALL)
    assert "rescued from a dead process" in worker.inner_text()
    expect(cell(page, "Sent to Redis", "perform_async")).to_contain_text("RPUSH queue:default")
    assert app.popen.poll() is None


# It stays up


def test_eight_open_tabs_leave_room_for_a_click(page, app):
    tabs = [page.context.new_page() for _ in range(7)]
    for tab in tabs:
        tab.goto(app.urls()["page"])
    for tab in (tabs[-1], tabs[0]):
        think(tab, "among many", PUSH)
        expect(tab.locator("#answer")).to_have_text(re.compile(r"You did it! .*\(job [0-9a-f]{24}\)"))
        expect(cell(tab, "The inbox", "perform_async")).to_contain_text("a mail")
    expect(tabs[3].locator("th.perform_async")).to_contain_text("“among many”")
    for tab in tabs:
        tab.close()


def test_what_the_filter_hides_pushes_nothing_out_of_the_pane(page, looking):
    think(page, "stays", PUSH)
    expect(page.locator("th.perform_async")).to_contain_text("“stays”")
    expect(cell(page, "So", "perform_async")).to_contain_text("Done, by the worker process")
    looking.hset("theirs:1:abc", "job", f'{{"jid":"{999:024d}"}}')  # lines come in their order: all of the job's are there
    expect(page.locator("#redis li.chatter", has_text=f"{999:024d}")).to_have_count(1)
    before = shown(page, "redis")
    assert before
    pipe = looking.pipeline(transaction=False)
    for number in range(400):  # twice as many as are kept; those about a job are never too many
        pipe.hset("theirs:1:abc", "job", f'{{"jid":"{number:024d}"}}')
    pipe.execute()
    expect(page.locator("#redis li.chatter", has_text=f"{399:024d}")).to_have_count(1)
    assert shown(page, "redis") == before
    page.reload()
    assert shown(page, "redis") == before
    looking.delete("theirs:1:abc")


def test_whatever_is_sent_to_redis_the_panes_go_on(page, looking):
    job = '{"jid":"593f66432baeb76a116b7cac"}'
    looking.execute_command("ZADD", "retry", "XX", "CH", "5", job)
    looking.execute_command("ZADD", "retry", "inf", job)
    looking.zrem("retry", job)
    looking.rpush("theirs", b"\xff\x00", "x" * 2_000_000, job)
    looking.delete("theirs")
    think(page, "goes on", PUSH)
    expect(cell(page, "Sent to Redis", "perform_async")).to_contain_text("LPUSH queue:default")
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")
    assert len(page.locator("#redis").inner_text()) < 500_000


def test_a_page_whose_server_stands_still_says_since_when_it_is_not_current(page, inbox, app):
    for tab, often in ((page, "const EVERY = 250;"), (inbox, "const EVERY = 700;")):
        tab.route(re.compile(r"/(page|inbox)\.js$"), sooner(often))
        tab.reload()
    os.kill(app.popen.pid, signal.SIGSTOP)
    try:
        for tab in (page, inbox):
            expect(tab.locator("#away")).to_have_text(
                re.compile(r"^Not current since \d\d:\d\d:\d\d: .* does not answer\.$")
            )
    finally:
        os.kill(app.popen.pid, signal.SIGCONT)
    for tab in (page, inbox):
        expect(tab.locator("#away")).to_have_text("")
    think(page, "again", PUSH)
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")


def sooner(often: str) -> Callable[[Route], None]:
    """The page's script, which looks so much more often that nobody has to wait for seconds until it is not current."""

    def hurry(route: Route) -> None:
        answer = route.fetch()
        assert often in answer.text()
        route.fulfill(response=answer, body=answer.text().replace(often, "const EVERY = 60;"))

    return hurry


def test_the_focus_stays_where_it_was_when_the_comparison_changes(page):
    think(page, "first", PUSH)
    expect(page.locator("th.perform_async")).to_contain_text("“first”")
    picture = cell(page, "The inbox", "perform_async").get_by_role("link")
    expect(picture).to_be_visible()
    expect(cell(page, "So", "perform_async")).to_contain_text("Done, by the worker process")
    picture.focus()
    page.evaluate("window.was = document.activeElement")
    page.request.post(page.url + "mails", form={"email": "ada@example.com", "thought": "second", "way": "perform"})
    expect(page.locator("th.perform")).to_contain_text("“second”")
    assert not page.evaluate("was.isConnected")  # it was made anew
    assert page.evaluate("document.activeElement.getAttribute('href') === was.getAttribute('href')")
    page.request.post(page.url + "mails", form={"email": "ada@example.com", "thought": "third", "way": "perform_async"})
    expect(page.locator("th.perform_async")).to_contain_text("“third”")
    expect(page.locator("#both")).to_be_focused()  # what had the focus is gone, and no other link gets it


def test_every_time_in_the_panes_is_local_and_utc_on_hover(page):
    think(page, "when", PUSH)
    expect(cell(page, "The inbox", "perform_async")).to_contain_text("a mail")
    for pane in ("web", "redis", "worker", "inbox"):
        line = page.locator(f"#{pane} li:not(.chatter)").last
        expect(line.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
        expect(line.locator("time")).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$"))
    assert not re.search(r"\d{4}-\d\d-\d\dT", "".join(line for line in shown(page, "worker") if "JID-" in line))


# What is typed


def test_a_hostile_thought_is_only_a_thought(page, inbox):
    thought = """</pre><script>document.title="owned"</script><img src=x onerror=alert(1)>"' שלום مرحبا"""
    for button, way in ((CALL, "perform"), (PUSH, "perform_async")):
        think(page, thought, button)
        expect(cell(page, "The inbox", way)).to_contain_text("a mail")
        expect(page.locator(f"th.{way}")).to_contain_text("“</pre><script>")
    line = page.locator("#redis li.pushed").last
    line.locator("summary").click()
    expect(line.locator("pre")).to_contain_text("<script>")
    assert page.title() == "Call it, or push it?"
    assert page.locator("img[src=x]").count() == 0

    inbox.reload()
    expect(inbox.locator("#subject")).to_have_text(thought)
    expect(inbox.frame_locator("iframe").locator("p").first).to_have_text(thought)
    assert inbox.title() == "Inbox"


def test_what_cannot_be_sent_is_told_in_one_sentence_and_stays(page):
    before = [shown(page, pane) for pane in ("web", "redis", "inbox")]
    for email, thought, sentence in (
        ("", "hello", "Type an e-mail address; nothing leaves this machine, so any will do."),
        ("ada, grace@example.com", "hello", "This is no e-mail address: ada, grace@example.com"),
        ("ada@example.com", "  ", "Type a thought; it can be a short one."),
        ("ada@example.com", "x" * 501, "This thought has 501 characters; 500 is the most."),
    ):
        page.get_by_label("E-mail address").fill(email)
        think(page, thought, PUSH)
        expect(page.get_by_role("alert")).to_have_text(sentence)
        expect(page.get_by_label("E-mail address")).to_have_value(email)
        expect(page.get_by_label("A thought", exact=True)).to_have_value(thought)
    assert [shown(page, pane) for pane in ("web", "redis", "inbox")] == before


# The panes


def test_without_the_filter_the_heartbeat_is_seen_and_with_it_an_idle_redis_stands_still(page):
    filtered = shown(page, "redis")
    heartbeats = page.locator("#redis li.chatter", has_text="HSET")
    for _ in range(2):  # seconds in which nobody did anything
        before = heartbeats.last.get_attribute("id")
        eventually(lambda before=before: heartbeats.last.get_attribute("id") != before)
    assert shown(page, "redis") == filtered
    page.get_by_role("checkbox", name="only hset|lpush").uncheck()
    expect(heartbeats.last).to_be_visible()
    page.get_by_role("checkbox", name="only hset|lpush").check()
    assert shown(page, "redis") == filtered


def test_the_dashboard_is_there_and_the_inbox_leads_back(page, app):
    page.get_by_role("link", name="Dashboard").click()
    expect(page).to_have_url(app.urls()["page"] + "/jobs/")
    expect(page.get_by_text("Retries").first).to_be_visible()
    for link, where in (("Dashboard", "/jobs/"), ("The page", "/")):
        page.goto(app.urls()["inbox"])
        page.get_by_role("link", name=link, exact=True).click()
        expect(page).to_have_url(app.urls()["page"] + where)


def test_without_javascript_the_form_waits_and_redirects_and_an_error_is_an_error_page(app, browser, looking):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(app.urls()["page"])
        think(page, "no script", CALL)
        expect(page.locator("#answer")).to_have_text("You did it! Email sent to ada@example.com")
        expect(cell(page, "Sent to Redis", "perform")).to_contain_text("Not a single command.")
        think(page, "no script", PUSH)
        expect(page.locator("#answer")).to_contain_text("(job ")
        expect(page.locator("th.perform_async")).to_contain_text("“no script”")
        page.get_by_label("A thought", exact=True).fill("")
        page.get_by_label("E-mail address").fill("grace")
        page.get_by_role("button", name=PUSH).click()
        expect(page.get_by_role("alert")).to_have_text("This is no e-mail address: grace")
        expect(page.get_by_label("E-mail address")).to_have_value("grace")

        page.goto(app.urls()["page"])
        page.get_by_role("button", name=REFUSE).click()
        expect(page.get_by_role("heading")).to_have_text("We’re sorry, but something went wrong.")
        eventually(lambda: looking.zcard("retry"))
        page.get_by_role("link", name="Back to the page").click()
        expect(cell(page, "So", "perform")).to_contain_text("Lost.")
        expect(cell(page, "So", "perform_async")).to_contain_text("In retry")
        looking.delete("retry")


# The inbox


def test_new_mails_appear_newest_first_without_reloading_and_can_be_deleted(page, inbox):
    for thought in ("first", "second"):
        think(page, thought, CALL)
        expect(inbox.locator("#mails li").first).to_contain_text(thought)
    inbox.get_by_role("link", name="first").click()
    expect(inbox.locator("#subject")).to_have_text("first")
    picture = inbox.frame_locator("iframe").locator("img")
    expect(picture).to_have_js_property("naturalWidth", 420)
    assert picture.get_attribute("src").startswith("data:image/gif;base64,R0lGODlh")
    inbox.get_by_role("button", name="Delete…", exact=True).click()
    expect(inbox.get_by_role("heading", level=1)).to_have_text("Delete 1 mail?")
    inbox.get_by_role("link", name="No, go back").click()
    expect(inbox.locator("#mails li")).to_have_count(2)
    inbox.get_by_role("button", name="Delete…", exact=True).click()
    inbox.get_by_role("button", name="Delete", exact=True).click()
    expect(inbox.locator("#mails li")).to_have_count(1)
    expect(inbox.locator("#subject")).to_have_text("second")
    inbox.get_by_role("link", name="Source").click()
    assert "Subject: second" in inbox.content()
    inbox.go_back()
    empty(inbox)


def test_a_hostile_mail_does_nothing_but_lie_there(app, inbox, elsewhere):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "eve@example.com", "ada@example.com", "<script>alert(1)</script>"
    mail.set_content("plain")
    mail.add_alternative(
        """<script>parent.document.title = "owned"</script><img src="http://example.com/track.gif">
        <img src=x onerror="top.location='http://example.com'"><link rel="stylesheet" href="http://example.com/x.css">
        <meta http-equiv="refresh" content="0;url=http://example.com/"><form action="http://example.com"><button>Win</button>
        </form><a id="out" href="http://example.com/">out</a><p>That was all.</p><iframe src="http://example.com"></iframe>""".replace(
            "http://example.com", elsewhere.url
        ),
        subtype="html",
    )
    with smtplib.SMTP("127.0.0.1", app.smtp, timeout=10) as server:
        server.send_message(mail)
    inbox.locator("#mails a").first.click()
    frame = inbox.frame_locator("iframe")
    expect(frame.get_by_text("That was all.")).to_be_visible()
    expect(inbox.locator("#subject")).to_have_text("<script>alert(1)</script>")
    assert inbox.locator("iframe").get_attribute("sandbox") == ""
    assert inbox.title() == "Inbox"
    frame.get_by_text("out").click()
    inbox.wait_for_timeout(300)
    assert inbox.url.startswith(app.urls()["inbox"])
    assert elsewhere.asked == []
