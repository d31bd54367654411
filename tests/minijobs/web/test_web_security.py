"""Who may look, and what must not be done to a visitor behind his back."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
import redis as redis_py
from visitors import Visitor
from werkzeug.test import Client, TestResponse

from minijobs.web import dashboard
from minijobs.web.security import only_for_this_machine


def token_of(visitor: Visitor) -> str:
    return re.findall(r'name="token" value="([^"]+)"', visitor.get("/retries").text)[0]


def forge(visitor: Visitor, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    data = {"do": "delete", "key": visitor.keys("/retries"), **form}
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
        "/scheduled",
        "/scheduled/all",
        "/dead",
        "/dead/all",
        "/queue/job",
        "/queue/clear",
        "/busy",
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
    assert set(changing) == {shelf, f"{shelf}/all", "/queue/job", "/queue/clear", "/busy"}


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},  # another port of this machine, or a neighbour of this name
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:3000"},
        {"Origin": "null"},
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
    assert other.post("/retries", data={"token": token, "do": "delete", "key": keys}).status_code == 303
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


# Another name for this machine


@pytest.mark.parametrize("host", ["localhost", "localhost:9876", "127.0.0.1:9876", "[::1]:9876", "LOCALHOST"])
def test_alone_on_this_machine_its_own_names_are_answered(some: redis_py.Redis, host: str) -> None:
    app = dashboard()
    only_for_this_machine(app)
    assert app.test_client().get("/", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example:9876", "localhost.evil.example", "127.0.0.1.evil.example", "192.168.0.7", "x@localhost"]
)
def test_alone_on_this_machine_a_strangers_name_is_refused(some: redis_py.Redis, host: str) -> None:
    app = dashboard()
    only_for_this_machine(app)
    answer = app.test_client().get("/retries", headers={"Host": host})
    assert answer.status_code == 400
    assert "SendGif" not in answer.text
