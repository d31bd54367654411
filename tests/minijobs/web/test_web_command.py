"""The command `minijobs web`: where it listens, what it refuses, and in how many sentences."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable

import fakeredis
import pytest
import redis as redis_py
import waitress
from processes import SOON
from visitors import ask

from minijobs import connection
from minijobs.cli import main
from minijobs.web.security import MOST_BODY

Start = Callable[..., tuple[subprocess.Popen, str]]


@pytest.fixture(autouse=True)
def _serves_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not refused in this process would be served for ever."""
    monkeypatch.setattr(waitress, "create_server", lambda *_, **__: pytest.fail("it was not refused"))


def refused(capsys: pytest.CaptureFixture[str], *words: str, code: int = 2) -> str:
    """The sentence with which these words are refused; `code` is 1 where the words make sense, but it cannot be done."""
    assert main(["web", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"minijobs: [^\n]+\n", err)
    return err


def test_it_says_where_it_is_and_is_there_for_this_machine_alone(start_web: Start, real: redis_py.Redis) -> None:
    process, line = start_web()
    [url] = re.findall(r"^The dashboard of Redis at .+, database 0 is at (http://127\.0\.0\.1:\d+/)$", line)
    assert ask(url)[0] == 200
    assert "Totals" in ask(url)[1]
    assert ask(url, Host="evil.example")[0] == 400
    process.send_signal(signal.SIGINT)
    assert process.wait(SOON) == 0


def test_it_may_be_bound_elsewhere_with_a_password(start_web: Start, real: redis_py.Redis) -> None:
    _, line = start_web("--host", "0.0.0.0", MINIJOBS_WEB_PASSWORD="secret")
    [port] = re.findall(r"http://0\.0\.0\.0:(\d+)/$", line)
    assert ask(f"http://127.0.0.1:{port}/")[0] == 401
    known = {"Authorization": "Basic bWluaWpvYnM6c2VjcmV0", "Host": "jobs.example.com"}  # minijobs:secret
    assert ask(f"http://127.0.0.1:{port}/", **known)[0] == 200


def test_every_address_of_127_is_this_machine(start_web: Start, real: redis_py.Redis) -> None:
    _, line = start_web("--host", "127.0.0.2")
    [url] = re.findall(r"http://127\.0\.0\.2:\d+/$", line)
    assert ask(url)[0] == 200
    assert ask(url, Host="evil.example")[0] == 400


def test_below_a_prefix_and_with_more_names(start_web: Start, real: redis_py.Redis) -> None:
    _, line = start_web("--prefix", "/ops/jobs", "--allow-host", "jobs.example.com", "--allow-host", "jobs2.example.com")
    [url] = re.findall(r"http://127\.0\.0\.1:\d+/ops/jobs/$", line)
    for host in ("jobs.example.com", "jobs2.example.com", "localhost"):
        status, page = ask(f"{url}retries", Host=host)
        assert status == 200
        assert set(re.findall(r'(?:href|src)="(/[^/"]*/[^/"]*/)', page)) == {"/ops/jobs/"}
    assert ask(url, Host="evil.example")[0] == 400


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(start_web: Start, real: redis_py.Redis) -> None:
    _, line = start_web(MINIJOBS_WEB_PASSWORD="Jzq3oPXk0cE2w7uV")
    [port] = re.findall(r":(\d+)/$", line)
    visit = http.client.HTTPConnection("127.0.0.1", int(port), timeout=SOON)
    visit.putrequest("POST", "/retries")
    visit.putheader("Content-Length", str(MOST_BODY + 1))
    visit.endheaders()
    assert visit.getresponse().status == 413
    visit.close()


def test_a_weak_password_is_warned_of_on_the_terminal(start_web: Start, real: redis_py.Redis) -> None:
    process, _ = start_web(MINIJOBS_WEB_PASSWORD="secret")
    assert process.stderr.readline().startswith("MINIJOBS_WEB_PASSWORD is weak: it has fewer than 12 characters.")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_bound_elsewhere_without_a_password_it_does_not_start(
    redis: redis_py.Redis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for password in (None, ""):
        if password is None:
            monkeypatch.delenv("MINIJOBS_WEB_PASSWORD", raising=False)
        else:
            monkeypatch.setenv("MINIJOBS_WEB_PASSWORD", password)
        assert "set MINIJOBS_WEB_PASSWORD" in refused(capsys, "--host", host)


def test_a_port_that_is_taken_is_said_to_be(redis: redis_py.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port}: Address already in use" in refused(capsys, "--port", port, code=1)


def test_a_place_that_is_none_is_said_to_be(redis: redis_py.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    assert "--host no.such.host.invalid" in refused(capsys, "--host", "no.such.host.invalid", code=1)
    assert "--host aaa" in refused(capsys, "--host", "a" * 64, code=1)  # longer than a part of a name may be
    assert "--port 70000" in refused(capsys, "--port", "70000")
    assert "--port -1" in refused(capsys, "--port", "-1")


@pytest.mark.parametrize(
    "words",
    [
        *(("--prefix", prefix) for prefix in ("jobs", "/a b", "/jobs?x", "//evil.example/jobs", "/é", "/jobs\n")),
        *(("--allow-host", name) for name in ("http://jobs", "jobs:80", "", "a b", "jobs/x")),
        *(("--trusted-proxy", proxy) for proxy in ("proxy.example.com", "10.0.0.0/8", "*")),
    ],
)
def test_an_option_that_makes_no_sense_is_said_to_make_none(
    redis: redis_py.Redis, capsys: pytest.CaptureFixture[str], words: tuple[str, str]
) -> None:
    assert words[0] in refused(capsys, *words)


def test_without_a_redis_it_does_not_start(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    assert "No Redis at 127.0.0.1:1" in refused(capsys, "--port", "0", code=1)


def test_a_redis_that_is_none_for_us_is_refused_before_anybody_is_served(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client = fakeredis.FakeRedis()
    connection.connect(client)
    for said, info in (("is version 5.0.7", {"redis_version": "5.0.7"}), ("is a Redis Cluster", {"cluster_enabled": 1})):
        monkeypatch.setattr(client, "info", lambda info=info: info)
        assert said in refused(capsys, "--port", "0", code=1)


@pytest.mark.parametrize("missing", ["flask", "waitress"])
def test_without_flask_it_says_what_to_install(
    redis: redis_py.Redis, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    for name in [name for name in sys.modules if name.startswith("minijobs.web")]:
        monkeypatch.delitem(sys.modules, name)
    assert f'needs {missing}: pip install "minijobs[web]"' in refused(capsys, code=1)
