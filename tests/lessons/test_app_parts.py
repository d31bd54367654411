"""The parts of the application, each by itself: the picture, the mail, who may ask, and what the panes are told."""

from __future__ import annotations

import io
import json
import re
import smtplib
import sys
import threading
import time
from contextlib import nullcontext

import fakeredis
import pytest
from flask import Flask
from PIL import Image

from lessons.app import inbox, mail, page, serving, watching, workers
from lessons.app.attempts import Attempts
from lessons.app.live import KEPT, KEPT_JOBS, MOST_CHATTER, Live
from lessons.app.picture import SIZE, draw
from lessons.kit import stage
from lessons.kit.leash import Leash
from lessons.kit.processes import Program
from minijobs.monitor import Told

JID, OTHER = "593f66432baeb76a116b7cac", "adfa15f29ed6c09cda7f6973"
JOB = f'{{"class":"SendGifToUserWorker","args":["ada@example.com","hello"],"jid":"{JID}"}}'


@pytest.fixture
def catcher():
    catcher = mail.Catcher()
    yield catcher
    catcher.stop()


@pytest.fixture
def pages(catcher, monkeypatch):
    """The two applications, to be asked without a server; the mail is not slow."""
    monkeypatch.setenv(mail.SMTP_PORT, str(catcher.port))
    monkeypatch.setenv(stage.PACE, "0")
    around = page.Around("http://localhost:1080", lambda jid: None, 4)
    return page.create(Live(), catcher, around), inbox.create(catcher, lambda: {"The page": "http://localhost:3000/"})


# The picture and the mail


@pytest.mark.parametrize(
    "thought", ["hello", "é" * 500, "W" * 90, "a cat 🐈‍⬛ مرحبا שלום 你好", "\u202e\u200f", " ", "\x00", "\ud800"]
)
def test_every_thought_has_a_picture_that_moves_and_always_the_same(thought):
    gif = draw(thought)
    with Image.open(io.BytesIO(gif)) as picture:
        assert (picture.format, picture.size) == ("GIF", SIZE)
        assert picture.n_frames > 10
        assert picture.info["loop"] == 0
    assert len(gif) < 400_000
    assert draw(thought) == gif


def test_another_thought_has_another_picture():
    assert draw("hello") != draw("hello!")


def test_the_mail_takes_five_seconds(catcher, monkeypatch):
    naps = []
    monkeypatch.setattr(time, "sleep", naps.append)
    monkeypatch.delenv(stage.PACE, raising=False)
    monkeypatch.setenv("CI", "")
    monkeypatch.setenv(mail.SMTP_PORT, str(catcher.port))
    workers.SendGifToUserWorker().perform("ada@example.com", "hello")
    assert naps == [5.0]
    assert [caught.subject for caught in catcher.caught] == ["hello"]


@pytest.mark.parametrize("thought", ["hello", "a cat 🐈 and ümläuts " * 20, 'שלום = " , ; @', "<b>&amp;</b>"])
def test_a_mail_holds_the_thought_as_text_as_html_and_as_a_picture(thought):
    written = mail.write("ada@example.com", thought, jid=JID).as_bytes()
    caught = mail.Caught(1, 0, mail.Catcher.read(written), written)
    assert (caught.to, caught.subject.split(), caught.jid) == ("ada@example.com", thought.split(), JID)
    assert caught.picture() == draw(thought)
    html = inbox.html_of(caught)
    assert "<b>" not in html
    assert 'src="data:image/gif;base64,R0lGOD' in html
    assert "cid:" not in html


def test_only_the_mail_of_this_job_is_refused_and_only_so_often(catcher, monkeypatch):
    monkeypatch.setenv(mail.SMTP_PORT, str(catcher.port))
    monkeypatch.setenv(stage.PACE, "0")
    left = []
    catcher.turned_away = lambda caught, more: left.append((caught.jid, more))
    catcher.refuse_mail(JID, 2)
    for jid, refused in ((JID, True), (OTHER, False), (None, False), (JID, True), (JID, False)):
        with pytest.raises(smtplib.SMTPDataError, match="451") if refused else nullcontext():
            mail.send_gif("ada@example.com", "hello", jid=jid)
    assert left == [(JID, 1), (JID, 0)]
    assert [caught.jid for caught in catcher.caught] == [OTHER, "", JID]


# Who may ask


@pytest.mark.parametrize("which", [0, 1])
def test_a_post_from_elsewhere_is_refused(pages, which):
    client, path = pages[which].test_client(), ("/mails", "/mails/delete")[which]
    for origin in ("http://example.com", "http://localhost:4000", "null", "http://["):
        assert client.post(path, headers={"Origin": origin}).status_code == 403
    assert client.post(path, headers={"Origin": "http://localhost"}).status_code in (303, 422)


@pytest.mark.parametrize("which", [0, 1])
def test_a_name_of_elsewhere_that_leads_here_is_refused(pages, which):
    client = pages[which].test_client()
    assert client.get("/", headers={"Host": "example.com"}).status_code == 400
    for host in ("localhost:3000", "127.0.0.1:3000"):
        assert client.get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("which", [0, 1])
def test_no_page_may_hold_a_script_or_a_style_or_a_file_of_elsewhere(pages, which):
    answer = pages[which].test_client().get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    html = answer.text
    assert " style=" not in html
    assert " onclick=" not in html
    assert "<script>" not in html


def test_the_html_of_a_mail_is_in_a_cage(pages, catcher, monkeypatch):
    mail.send_gif("ada@example.com", "hello")
    answer = pages[1].test_client().get("/mails/1/html")
    assert answer.headers["Content-Security-Policy"] == inbox.CAGE
    assert "sandbox" in inbox.CAGE
    source = pages[1].test_client().get("/mails/1/source")
    assert (source.mimetype, source.headers["X-Content-Type-Options"]) == ("text/plain", "nosniff")
    assert pages[1].test_client().get("/mails/7").status_code == 404


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"no header at all",
        b"Subject: =?utf-8?q?=ff=fe?=\r\nTo: =?utf-8?q?=ff?= <a@b\r\nFrom: ,;<\r\n\r\n\xff\xfe",
        b"Subject: \xff\x00\r\nContent-Type: text/html; charset=nonsense\r\n\r\n<p>\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\nContent-ID: <\r\n\r\ncid:x\r\n",
        b"Content-Type: multipart/related\r\n\r\n",
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
    ],
)
def test_whatever_is_sent_can_be_looked_at(pages, catcher, source):
    with smtplib.SMTP("127.0.0.1", catcher.port, timeout=120) as server:
        server.sendmail("a@example.com", ["b@example.com"], source)
    client = pages[1].test_client()
    for path in ("/", "/mails/1", "/mails/1/html", "/list", "/mails/1/source"):
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("word", ["", "9" * 5000, "-1", "é", "\x00", "%", "../x", "x" * 100_000, "1e308"])
def test_wrong_input_is_never_an_error_of_ours(pages, which, word):
    client = pages[which].test_client()
    for path in ("/", "/events", "/list", "/mails/7", "/mails/7/picture", "/nowhere"):
        words = {"said": word, "after": word, "selected": word}
        assert client.get(path, query_string=words).status_code < 500
    for path in ("/mails", "/mails/delete", "/mails/7/delete"):
        form = {"way": word, "story": word, "email": word, "thought": word, "sure": word, "newest": word}
        assert client.post(path, data=form).status_code < 500
    assert client.get("/", environ_overrides={"QUERY_STRING": "said=\xff"}).status_code == 400
    for host in ("[", "a b", "evil.example"):
        assert client.get("/", headers={"Host": host}).status_code == 400


def test_an_address_that_is_none_is_said_to_be_none_on_a_page_that_leads_back(pages):
    for app, back in zip(pages, (["/", "/jobs/", "http://localhost:1080"], ["/", "http://localhost:3000/"]), strict=True):
        for path in ("/nowhere", "/mails/7"):
            answer = app.test_client().get(path)
            assert answer.status_code == 404
            assert re.search(r"<p>(The requested URL was not found|There is no such mail)", answer.text)
            assert re.findall(r'<a href="([^"]+)">', answer.text) == back


def test_the_inbox_leads_back(pages):
    page = pages[1].test_client().get("/").text
    assert re.findall(r'<a href="http://localhost:3000/">([^<]+)</a>', page) == ["The page", "the page"]


def test_there_are_no_other_buttons(pages):
    fields = {"email": "ada@example.com", "thought": "hello", "way": "perform", "story": "killed"}
    assert pages[0].test_client().post("/mails", data=fields).status_code == 422


def test_a_site_takes_another_port_if_somebody_has_it():
    app = Flask("nothing")
    first = serving.Site("first", app, 0)
    second = serving.Site("second", app, first.port)
    assert second.port != first.port
    assert first.died() is None
    for site in (first, second):
        site.stop()
        assert "ended by itself" in site.died()
        assert serving.free(site.port)


# What the panes are told


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("LPUSH", "queue:default", JOB), True),
        (("HSET", "host:1:abc:work", "tid", JOB), True),
        (("HSET", "host:1:abc", "info", "{}", "busy", "0"), False),  # the heartbeat
        (("BRPOPLPUSH", "queue:default", "inflight:host:1:abc|default", "2"), False),
        (("PING",), False),
    ],
)
def test_the_filter_shows_what_the_seeds_grep_showed(words, shown):
    live = Live()
    watching.publish_told(Told(0, words), live)
    (event,) = live.pane("redis")
    assert event.kind == ("line" if shown else "chatter")


def test_it_is_known_which_job_a_command_is_about():
    live = Live()
    work = f'{{"queue":"default","payload":{json.dumps(JOB)},"run_at":1}}'
    for words in (("lpush", "queue:default", JOB), ("hset", "a:work", "tid", work), ("zadd", "retry", "1532784329.5", JOB)):
        watching.publish_told(Told(0, words), live)
    assert [event.step for event in live.about(JID)] == ["pushed", "", "retry"]
    assert live.about(JID)[-1].until == 1532784329.5


def test_a_thought_cannot_pass_for_another_job():
    live = Live()
    hostile = f'{{"class":"X","args":["ada","\\"jid\\":\\"{OTHER}\\" JID-{OTHER} INFO: done"],"jid":"{JID}"}}'
    watching.publish_told(Told(0, ("lpush", "queue:default", hostile)), live)
    watching.publish_log(f"2026-11-24T10:00:00.000Z 1 TID-x X JID-{JID} WARNING: Error: JID-{OTHER} INFO: done", live)
    assert live.about(OTHER) == []
    assert [event.step for event in live.about(JID)] == ["pushed", ""]


def test_lines_of_the_log_say_how_far_a_job_is():
    live = Live()
    for message in (
        "INFO: start",
        "INFO: fail: 0.1 sec",
        "WARNING: SMTPDataError: (451, b'')",
        "INFO: start",
        "INFO: done: 5 sec",
    ):
        watching.publish_log(f"2026-11-24T10:00:00.000Z 1 TID-x SendGifToUserWorker JID-{JID} {message}", live)
    assert [event.step for event in live.about(JID)] == ["began", "failed", "", "began", "done"]


def test_the_same_again_is_one_line_with_a_number():
    live = Live()
    for _ in range(3):
        watching.publish_told(Told(0, ("HSET", "a:work", "tid", JOB)), live)
    (event,) = live.pane("redis")
    assert (event.count, event.number, event.replaces) == (3, 3, 1)  # the first one, also for a page that missed the second


def test_a_busy_redis_does_not_drown_the_page():
    live = Live()
    live.publish("redis", "LPUSH something")
    for _ in range(10_000):
        live.publish("redis", "PING", kind="chatter")
    assert len(live.pane("redis")) <= MOST_CHATTER + 1 <= KEPT
    assert live.pane("redis")[0].text == "LPUSH something"


def test_what_redis_is_told_of_another_job_is_not_the_direct_calls():
    live = Live()
    attempts = Attempts(live)
    pushed = attempts.begin("perform_async", "plain", "ada@example.com", "hello")
    direct = attempts.begin("perform", "plain", "ada@example.com", "hello")
    pushed.end(200, "", JID)
    watching.publish_told(Told(0, ("LPUSH", "queue:default", JOB)), live)
    assert attempts.seen(direct).redis == []
    # But if the call itself had pushed anything, it would show.
    watching.publish_told(Told(0, ("LPUSH", "queue:default", JOB.replace(JID, OTHER))), live)
    direct.end(200, "")
    assert [event.jid for event in attempts.seen(direct).redis] == [OTHER]
    assert [event.jid for event in attempts.seen(pushed).redis] == [JID]


# It stays up


def test_what_happened_is_told_at_once_and_nothing_is_held_open(catcher, monkeypatch):
    live = Live()
    client = page.create(live, catcher, page.Around("", lambda jid: None, 4)).test_client()
    live.publish("redis", "LPUSH something")
    live.publish("redis", "PING", kind="chatter")
    monkeypatch.setattr(
        Live, "since", lambda self, number, patience, since=Live.since: since(self, number, assert_none(patience))
    )
    said = client.get(f"/events?after={live.run}-0").json
    assert [line["pane"] for line in said["lines"]] == ["redis", "redis"]
    assert (said["last"], "LPUSH something" in said["lines"][0]["html"]) == (2, True)
    assert said["both"]
    said = client.get(f"/events?after={live.run}-1").json
    assert (said["both"], len(said["lines"])) == ("", 1)  # what is hidden changes nothing else
    assert client.get(f"/events?after={live.run}-2").json["lines"] == []


def assert_none(patience):
    assert patience == 0
    return 0


@pytest.mark.parametrize("after", ["", "x", "x-1", "{run}-", "{run}-x", "{run}--1", "{run}-" + "9" * 5000, "{run}-²"])
def test_numbers_of_another_start_are_told_to_be(pages, after):
    live = Live()
    client = page.create(live, None, page.Around("", lambda jid: None, 4)).test_client()
    assert client.get("/events", query_string={"after": after.format(run=live.run)}).json == {"restarted": True}


@pytest.mark.parametrize(
    ("words", "until"),
    [
        (("1532784329.5", JOB), 1532784329.5),
        (("XX", "1532784329.5", JOB), 1532784329.5),
        (("NX", "CH", "1", "another", "2.5", JOB), 2.5),
        (("XX",), "nothing"),
        (("XX", JOB), None),
        (("inf", JOB), None),
        (("-inf", JOB), None),
        (("nan", JOB), None),
        (("1e300", JOB), None),
        ((JOB,), None),
    ],
)
def test_a_job_enters_retry_however_that_is_written(pages, catcher, words, until):
    live = Live()
    watching.publish_told(Told(0, ("ZADD", "retry", *words)), live)
    assert [event.until for event in live.about(JID)] == ([] if until == "nothing" else [until])
    app = page.create(live, catcher, page.Around("", lambda jid: None, 4))
    with app.test_request_context():
        attempt = Attempts(live).begin("perform_async", "plain", "ada@example.com", "hello")
        attempt.end(200, "", JID)
        seen = {"perform": None, "perform_async": Attempts(live).seen(attempt)}
        html = page.render_template("_both.html", both=seen, now=time.time(), kept=catcher.find)
    assert until == "nothing" or "In <code>retry</code>" in html


@pytest.mark.parametrize("bad", [("",), ("ZADD", "retry", "XX"), ("\ud800",), ("LPUSH",)])
def test_nothing_that_anybody_sends_ends_the_watching(monkeypatch, bad):
    live, stop = Live(), threading.Event()
    rounds = []

    def watch(redis):
        rounds.append(1)
        yield Told(0, bad, "0 client")
        if len(rounds) == 1:
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "a line that cannot be read")
        yield Told(0, ("LPUSH", "queue:default", JOB), "0 client")
        stop.set()
        yield Told(0, ("PING",), "0 client")

    monkeypatch.setattr(watching.monitor, "watch", watch)
    monkeypatch.setattr(watching, "score_of", lambda *_: 1 / 0)
    watching.watch_redis(fakeredis.FakeRedis(), live, threading.Event(), stop)
    assert [event.step for event in live.about(JID)] == ["pushed"]


def test_a_line_of_20_mb_is_cut():
    live = Live()
    large = JOB.replace("hello", "x" * 20_000_000)
    watching.publish_told(Told(0, ("LPUSH", "queue:default", large)), live)
    watching.publish_told(Told(0, ("SET", "theirs", "x" * 20_000_000)), live)
    watching.publish_log("x" * 20_000_000, live)
    for pane in ("redis", "worker"):
        for event in live.pane(pane):
            assert len(event.text) + sum(map(len, event.detail)) < 100_000
    assert live.about(JID)[0].step == "pushed"


def test_a_line_that_cannot_be_shown_does_not_stop_its_program():
    leash = Leash()
    program = Program("says three lines", [sys.executable, "-c", "print('1\\n2\\n3')"], leash, lambda line: 1 / 0)
    program._popen.wait()
    program._reader.join()
    assert list(program.last_lines) == ["1", "2", "3"]
    program.stop()
    leash.let_go()


def test_jobs_of_long_ago_are_forgotten():
    live = Live()
    for number in range(KEPT_JOBS + 10):
        live.publish("redis", "LPUSH", jid=str(number))
    assert (live.about("9"), len(live.about("10")), len(live.about(str(KEPT_JOBS + 9)))) == ([], 1, 1)


# The limits of the mail catcher


def send(catcher, source):
    with smtplib.SMTP("127.0.0.1", catcher.port, timeout=120) as server:
        server.sendmail("a@example.com", ["b@example.com"], source)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"Subject: x\r\n\r\n" + b"x" * 70 * (mail.LARGEST_MAIL // 70 + 1), "552"),
        (b"Subject: y" + (b"\r\n " + b"y" * 900) * 12 + b"\r\n\r\nx", "more than 10000 characters"),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\nx\r\n" * 200, "more than 100 parts"),
        (
            b"".join(b"Content-Type: multipart/mixed; boundary=x%d\r\n\r\n--x%d\r\n" % (n, n) for n in range(3000)),
            "nested too deep|more than 100 parts",
        ),
    ],
    ids=["size", "header", "parts", "depth"],
)
def test_a_mail_that_is_too_much_is_refused(catcher, source, says):
    source = re.sub(rb"(x{70})", rb"\1\r\n", source)
    with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPDataError), match=says):
        send(catcher, source)
    assert catcher.caught == []
    send(catcher, b"Subject: a small one\r\n\r\nx")
    assert [caught.subject for caught in catcher.caught] == ["a small one"]


def test_the_newest_mails_are_kept_as_far_as_there_is_room(catcher, monkeypatch):
    monkeypatch.setattr(mail, "MOST_BYTES", 1_000)
    monkeypatch.setattr(mail, "MOST_MAILS", 4)
    for number in range(6):
        send(catcher, b"Subject: %d\r\n\r\nx" % number)
    assert [caught.subject for caught in catcher.caught] == ["2", "3", "4", "5"]
    send(catcher, b"Subject: large\r\n\r\n" + b"x\r\n" * 250)
    assert [caught.subject for caught in catcher.caught][-2:] == ["5", "large"][-len(catcher.caught) :]
    send(catcher, b"Subject: larger\r\n\r\n" + b"x\r\n" * 900)
    assert [caught.subject for caught in catcher.caught] == ["larger"]


def test_a_picture_that_is_shown_a_thousand_times_does_not_fill_the_memory(catcher):
    written = mail.write("ada@example.com", "hello").as_bytes()
    [cid] = re.findall(rb"cid:([^\s\"]+)", written)
    many = written.replace(b"<p dir", b"\n".join([b'<img src="cid:%s">' % cid] * 1_000) + b"<p dir", 1)
    caught = mail.Caught(1, 0, mail.Catcher.read(many), many)
    assert len(inbox.html_of(caught)) < inbox.LARGEST_PAGE + 2_000_000


def test_deleting_mails_asks_and_says_how_many(pages, catcher):
    client = pages[1].test_client()
    for number in range(3):
        send(catcher, b"Subject: %d\r\n\r\nx" % number)
    assert "Delete 3 mails?" in client.post("/mails/delete").text
    assert "Delete 1 mail?" in client.post("/mails/2/delete").text
    assert len(catcher.caught) == 3
    assert client.post("/mails/2/delete", data={"sure": "yes"}).status_code == 303
    send(catcher, b"Subject: after the question\r\n\r\nx")
    assert client.post("/mails/delete", data={"sure": "yes", "newest": "3"}).status_code == 303
    assert [caught.subject for caught in catcher.caught] == ["after the question"]
