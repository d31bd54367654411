"""Who may look, and what must not be done to a visitor behind his back."""

from __future__ import annotations

import base64
import logging
import re
from typing import Any

import fakeredis
import pytest
import redis as redis_py
from hypothesis import given
from hypothesis import strategies as st
from visitors import Visitor
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse

from minijobs.web import dashboard
from minijobs.web.security import MOST_BODY
from minijobs.web.throttle import FREE, LONGEST, MOST_ADDRESSES, REMEMBERED, Throttle


def token_of(visitor: Visitor) -> str:
    return re.findall(r'name="token" value="([^"]+)"', visitor.get("/retries").text)[0]


def forge(visitor: Visitor, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    data = {"do": "delete", "sure": "yes", "key": visitor.keys("/retries"), **form}
    return visitor.client.post("/retries", data=data, headers=headers)


# Forged requests


def test_a_post_with_the_visitors_token_is_taken(some: redis_py.Redis, visitor: Visitor) -> None:
    assert forge(visitor, token=token_of(visitor)).status_code == 303
    assert not some.exists("retry")


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é"])
def test_a_post_with_another_token_or_none_is_refused(some: redis_py.Redis, visitor: Visitor, token: str) -> None:
    token_of(visitor)
    answer = forge(visitor, token=token)
    assert answer.status_code == 403
    assert "Nothing was done" in answer.text
    assert some.zcard("retry") == 3


def test_a_post_without_the_cookie_is_refused(some: redis_py.Redis, visitor: Visitor) -> None:
    token = token_of(visitor)
    keys = visitor.keys("/retries")
    stranger = Visitor().client
    for stolen in (token, ""):
        answer = stranger.post("/retries", data={"token": stolen, "do": "delete", "key": keys})
        assert answer.status_code == 403
    assert some.zcard("retry") == 3


@pytest.mark.parametrize(
    "path",
    [
        "/retries",
        "/retries/all",
        "/retries/reschedule",
        "/scheduled",
        "/scheduled/all",
        "/dead",
        "/dead/all",
        "/queue/job",
        "/queue/clear",
        "/busy",
        "/busy/all",
    ],
)
def test_every_button_wants_a_token(some: redis_py.Redis, visitor: Visitor, path: str) -> None:
    data = {"do": "delete", "name": "mail", "identity": "x", "key": visitor.keys("/retries")}
    assert visitor.client.post(path, data=data).status_code == 403
    assert {some.zcard(name) for name in ("retry", "schedule", "dead")} == {some.llen("queue:mail")} == {3}


def test_those_are_all_the_buttons_and_nothing_else_changes_anything() -> None:
    rules = dashboard().url_map.iter_rules()
    changing = {rule.rule: rule.methods for rule in rules if rule.methods - {"GET", "HEAD", "OPTIONS"}}
    assert {tuple(sorted(methods)) for methods in changing.values()} == {("OPTIONS", "POST")}
    shelf = "/<any(retries, scheduled, dead):name>"
    assert set(changing) == {
        shelf,
        f"{shelf}/all",
        "/<any(retries, scheduled):name>/reschedule",
        "/queue/job",
        "/queue/clear",
        "/busy",
        "/busy/all",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine, or a neighbour of this name
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_post_from_another_site_is_refused_whatever_it_knows(
    some: redis_py.Redis, visitor: Visitor, headers: dict[str, str]
) -> None:
    assert forge(visitor, headers, token=token_of(visitor)).status_code == 403
    assert some.zcard("retry") == 3


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost"},
        {"Sec-Fetch-Site": "same-origin"},
        {"Origin": "https://jobs.example.com", "Sec-Fetch-Site": "same-origin"},  # a proxy in front has another name
    ],
)
def test_a_post_from_this_site_is_taken(some: redis_py.Redis, visitor: Visitor, headers: dict[str, str]) -> None:
    assert forge(visitor, headers, token=token_of(visitor)).status_code == 303
    assert not some.exists("retry")


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(some: redis_py.Redis, visitor: Visitor) -> None:
    [cookie] = visitor.get("/retries").headers.getlist("Set-Cookie")
    assert re.fullmatch(r"minijobs_csrf=[\w-]{43}; HttpOnly; Path=/; SameSite=Strict", cookie)
    assert "; Secure;" in Visitor().get("/retries", base_url="https://localhost/").headers["Set-Cookie"]


def test_a_token_stays_and_every_visitor_has_another_one(some: redis_py.Redis, visitor: Visitor) -> None:
    assert token_of(visitor) == token_of(visitor) != token_of(Visitor())


def test_any_number_of_processes_may_serve_one_visitor(some: redis_py.Redis, visitor: Visitor) -> None:
    token, keys = token_of(visitor), visitor.keys("/retries")
    other = dashboard().test_client()
    other.set_cookie("minijobs_csrf", token)
    assert other.post("/retries", data={"token": token, "do": "delete", "sure": "yes", "key": keys}).status_code == 303
    assert not some.exists("retry")


# What every answer says


@pytest.mark.parametrize("path", ["/", "/retries", "/nowhere", "/static/dashboard.js", "/retries/x-1/raw"])
def test_every_answer_is_sealed(some: redis_py.Redis, visitor: Visitor, path: str) -> None:
    headers = visitor.get(path).headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        **{f"{kind}-src": "'self'" for kind in ("script", "style", "img", "connect")},
        "form-action": "'self'",
        "frame-ancestors": "'self'",
        "base-uri": "'none'",
    }
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_no_page_needs_anything_of_another_host_or_a_script_or_style_in_it(some: redis_py.Redis, visitor: Visitor) -> None:
    job = f"/retries/{visitor.keys('/retries')[0]}"
    for path in ("/", "/busy", "/queues", "/queue?name=mail", "/retries", job, "/retries/all/kill", "/nowhere"):
        text = visitor.get(path).text
        assert not re.search(r"""(href|src|action)=["']?(https?:)?//|<style|\sstyle=|\son\w+=|javascript:""", text), path
        assert re.findall(r"<script[^>]*>", text) == ['<script src="/static/dashboard.js" defer>']


# The password


@pytest.fixture
def guarded(some: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("MINIJOBS_WEB_PASSWORD", "sésame")
    return dashboard().test_client()


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("path", ["/", "/retries", "/nowhere", "/static/dashboard.css"])
def test_with_a_password_nothing_is_shown_without_it(guarded: Client, path: str) -> None:
    answer = guarded.get(path, buffered=True)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "minijobs" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        basic("minijobs", "sesame"),
        basic("minijobs", ""),
        basic("", "sésame"),
        basic("admin", "sésame"),
        {"Authorization": "Basic nonsense"},
        {"Authorization": "Bearer sésame".encode().decode("latin-1")},
        {"Authorization": "Digest username=minijobs"},
    ],
)
def test_a_wrong_user_or_password_is_refused(guarded: Client, headers: dict[str, str]) -> None:
    assert guarded.get("/", headers=headers).status_code == 401


def test_the_right_user_and_password_are_let_in(guarded: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guarded.get("/", headers=basic("minijobs", "sésame")).status_code == 200
    monkeypatch.setenv("MINIJOBS_WEB_USER", "ada")
    other = dashboard().test_client()
    assert other.get("/", headers=basic("ada", "sésame")).status_code == 200
    assert other.get("/", headers=basic("minijobs", "sésame")).status_code == 401


def test_a_post_needs_the_password_too(guarded: Client, some: redis_py.Redis) -> None:
    text = guarded.get("/retries", headers=basic("minijobs", "sésame")).text
    data = {"token": re.findall(r'name="token" value="([^"]+)"', text)[0], "do": "delete"}
    assert guarded.post("/retries/all", data=data).status_code == 401
    assert some.zcard("retry") == 3
    assert guarded.post("/retries/all", data=data, headers=basic("minijobs", "sésame")).status_code == 303
    assert some.zcard("retry") == 0


def test_wrong_passwords_are_logged_and_slowed_down_and_whoever_knows_it_is_not(
    guarded: Client, caplog: pytest.LogCaptureFixture
) -> None:
    right, wrong = basic("minijobs", "sésame"), basic("minijobs", "wrong")
    assert guarded.get("/", headers=right).status_code == 200  # this browser is known from now on
    other = guarded.application.test_client()
    statuses = [other.get("/", headers=wrong).status_code for _ in range(FREE + 2)]
    assert statuses == [401] * FREE + [429] * 2
    assert [record.levelname for record in caplog.records] == ["WARNING"] * FREE  # not one for each that was sent away
    assert f"wrong password for the dashboard from 127.0.0.1, {FREE} in a row" in caplog.text
    assert "sésame" not in caplog.text
    refused = other.get("/", headers=right)  # it is not even looked at: else guessing would go on
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert other.get("/", headers=right, environ_base={"REMOTE_ADDR": "192.0.2.7"}).status_code == 200
    assert guarded.get("/", headers=right).status_code == 200


def test_a_visitor_without_a_password_is_asked_however_often(guarded: Client, caplog: pytest.LogCaptureFixture) -> None:
    assert {guarded.get("/").status_code for _ in range(3 * FREE)} == {401}
    assert caplog.records == []


def test_who_guesses_waits_longer_and_longer_and_not_for_ever() -> None:
    throttle, now, waits = Throttle(), 1000.0, []
    for _ in range(FREE + 8):
        waits.append(throttle.failed("192.0.2.1", now=now)[1])
        assert throttle.wait("192.0.2.1", now=now) == waits[-1]
        assert throttle.wait("192.0.2.1", now=now + waits[-1]) == 0
        now += waits[-1]
    assert waits == [0] * (FREE - 1) + [1, 2, 4, 8, 16, 32, LONGEST, LONGEST, LONGEST]
    assert throttle.failed("192.0.2.1", now=now + REMEMBERED) == (1, 0)
    for _ in range(2_000):
        throttle.failed("192.0.2.3", now=now)
    assert throttle.wait("192.0.2.3", now=now) == LONGEST
    throttle.forget("192.0.2.3")
    assert throttle.wait("192.0.2.3", now=now) == 0


def test_the_addresses_of_one_network_wait_together_and_so_many_are_remembered() -> None:
    throttle = Throttle()
    for number in range(FREE):
        throttle.failed(f"2001:db8::{number}", now=0)
    assert throttle.wait("[2001:db8::ffff]", now=0) == 1
    assert throttle.wait("2001:db8:1::1", now=0) == 0
    for number in range(MOST_ADDRESSES):
        throttle.failed(f"not an address {number}", now=0)
    assert throttle.wait("2001:db8::1", now=0) == 0


@pytest.mark.parametrize(
    ("password", "says"),
    [("sesame", "fewer than 12 characters"), ("aaaaaaaaaaaaab", "only 2 different characters"), ("Jzq3oPXk0cE2w7uV", None)],
)
def test_a_weak_password_is_warned_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, password: str, says: str | None
) -> None:
    monkeypatch.setenv("MINIJOBS_WEB_PASSWORD", password)
    dashboard()
    assert [record.levelno for record in caplog.records] == ([logging.WARNING] if says else [])
    assert (says or "") in caplog.text
    assert password not in caplog.text


# A body that is too large, and input that is wrong


def test_a_body_is_limited_and_without_the_password_it_is_not_read(some: redis_py.Redis, guarded: Client) -> None:
    large = {"token": "x", "key": "x" * (MOST_BODY + 1)}
    assert guarded.post("/retries", data=large).status_code == 401
    answer = guarded.post("/retries", data=large, headers=basic("minijobs", "sésame"))
    assert answer.status_code == 413
    assert some.zcard("retry") == 3


wrong = st.one_of(
    st.text(st.characters(codec="latin-1", exclude_characters="\r\n\x00"), max_size=40),
    st.sampled_from(["http://[", "[", "]:80", ":", "a:b:c", "localhost:99999999", "x@localhost", "Basic ===="]),
)
APPS = {hosts: dashboard(fakeredis.FakeRedis(), hosts=hosts or None) for hosts in ((), ("jobs.example.com",), ("*",))}
NAMES = ["Host", "Origin", "Authorization", "Cookie", "Content-Type", "Content-Length", "Sec-Fetch-Site", "X-Forwarded-Host"]


@given(
    st.dictionaries(st.sampled_from(NAMES), wrong),
    st.sampled_from(["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]),
    st.sampled_from(["/", "/retries", "/queue/job", "/%FF", "/retries/%00", "/static/..%2f", "//x", "/retries/all/delete?"]),
    st.binary(max_size=100),
    st.sampled_from([None, ["jobs.example.com"], ["*"]]),
)
def test_wrong_input_is_never_an_error_of_ours(
    headers: dict[str, str], method: str, path: str, body: bytes, hosts: list[str] | None
) -> None:
    app = APPS[tuple(hosts or ())]
    for application in (app, DispatcherMiddleware(app, {"/jobs": app})):
        answer = Client(application).open(path, method=method, headers=headers, data=body)
        assert answer.status_code < 500


# Another name for this machine


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost:9876", "127.0.0.1:9876", "[::1]:9876", "LOCALHOST", "127.0.0.2:80", "localhost.", "127.8.8.8"],
)
@pytest.mark.parametrize("mounted", [False, True])
def test_without_a_password_the_names_of_this_machine_are_answered(some: redis_py.Redis, host: str, mounted: bool) -> None:
    assert visit(dashboard(), host, mounted).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:9876", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.7", "x@localhost", "127.0.0.1x"],
)
@pytest.mark.parametrize("mounted", [False, True])
@pytest.mark.parametrize("hosts", [None, ["jobs.example.com"]])
def test_without_a_password_a_strangers_name_is_refused_wherever_it_is_mounted(
    some: redis_py.Redis, host: str, mounted: bool, hosts: list[str] | None
) -> None:
    answer = visit(dashboard(hosts=hosts), host, mounted)
    assert answer.status_code == 400
    assert "SendGif" not in answer.text
    assert "Retries" not in answer.text


def test_it_answers_to_the_names_that_it_is_given(some: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    for mounted in (False, True):
        assert visit(dashboard(hosts=["Jobs.example.com"]), "jobs.example.com:443", mounted).status_code == 200
        assert visit(dashboard(hosts=["*"]), "any.example", mounted).status_code == 200
    trusting = dashboard()
    trusting.config["TRUSTED_HOSTS"] = ["jobs.example.com"]
    assert visit(trusting, "jobs.example.com", True).status_code == 200
    for host in ("evil.example", "x@evil", "["):
        assert visit(trusting, host, True).status_code == 400
    monkeypatch.setenv("MINIJOBS_WEB_PASSWORD", "Jzq3oPXk0cE2w7uV")  # no stranger's page could send that
    assert visit(dashboard(), "jobs.example.com", True).status_code == 401


def visit(app: Any, host: str, mounted: bool) -> TestResponse:
    application = DispatcherMiddleware(app, {"/jobs": app}) if mounted else app
    return Client(application).get("/jobs/retries" if mounted else "/retries", headers={"Host": host})
