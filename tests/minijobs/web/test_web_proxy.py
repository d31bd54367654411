"""Behind nginx: the configuration that the README shows, run, with `minijobs web` behind it."""

from __future__ import annotations

import base64
import http.client
import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import redis as redis_py
from processes import SOON, eventually
from visitors import three_of_each

README = Path(__file__).parents[3] / "README.md"
PASSWORD = "Jzq3oPXk0cE2w7uV"
KNOWN = {"Authorization": "Basic " + base64.b64encode(f"minijobs:{PASSWORD}".encode()).decode()}

AROUND = """
daemon off; pid {folder}/pid; error_log stderr; worker_processes 1; events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {server}
}}
"""

Answer = tuple[int, http.client.HTTPMessage, str]


class Nginx:
    """nginx, with the server of the README, which asks the dashboard at this port."""

    def __init__(self, folder: Path, port: int, scheme: str) -> None:
        [server] = re.findall(r"```nginx\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        for shown, here in (
            ("listen 80;", f"listen 127.0.0.1:{self.port};"),
            ("127.0.0.1:9876", f"127.0.0.1:{port}"),
            ("$scheme", scheme),
        ):
            assert shown in server
            server = server.replace(shown, here)
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder, server=server))
        command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
        self.popen = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        eventually(lambda: self.listens() or self.popen.poll() is not None)
        assert self.popen.poll() is None, self.popen.stderr.read()

    def listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def ask(self, path: str, method: str = "GET", form: dict[str, object] | None = None, **headers: str) -> Answer:
        visit = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON)
        more = {"Host": "jobs.example.com", **headers}
        if form is not None:
            more["Content-Type"] = "application/x-www-form-urlencoded"
        visit.request(method, path, urlencode(form or {}, doseq=True) if form is not None else None, more)
        answer = visit.getresponse()
        try:
            return answer.status, answer.headers, answer.read().decode()
        finally:
            visit.close()


@pytest.fixture
def behind(
    start_web: Callable[..., tuple[subprocess.Popen, str]], tmp_path: Path, real: redis_py.Redis
) -> Iterator[Callable[..., Nginx]]:
    """Starts the dashboard with these words, and nginx before it."""
    if shutil.which("nginx") is None:
        pytest.skip("no nginx on PATH: apt-get install nginx-light")
    started = []

    def start(*words: str, scheme: str = "$scheme", **environment: str) -> Nginx:
        _, line = start_web(*words, **environment)
        [port] = re.findall(r"http://127\.0\.0\.1:(\d+)/", line)
        started.append(Nginx(tmp_path, int(port), scheme))
        return started[-1]

    yield start
    for nginx in started:
        nginx.popen.terminate()
        nginx.popen.wait()
        nginx.popen.stderr.close()


def options() -> list[str]:
    """The options that the README gives to `minijobs web` behind nginx."""
    [line] = re.findall(r"minijobs web (--prefix .*)", README.read_text(encoding="utf-8"))
    return line.split()


def test_behind_nginx_every_address_stays_below_the_prefix_and_buttons_work(
    behind: Callable[..., Nginx], real: redis_py.Redis
) -> None:
    three_of_each(real)
    nginx = behind(*options(), scheme="https", MINIJOBS_WEB_PASSWORD=PASSWORD)
    assert nginx.ask("/jobs/")[0] == 401
    status, headers, page = nginx.ask("/jobs/retries", **KNOWN)
    assert status == 200
    links = re.findall(r'(?:href|src|action)="([^"#][^"]*)"', page)
    assert len(links) > 8
    assert all(link.startswith("/jobs/") for link in links)
    cookie = headers["Set-Cookie"]
    assert "; Secure;" in cookie  # nginx was asked by https, and was believed to be
    assert "Path=/jobs;" in cookie
    assert nginx.ask("/jobs/static/dashboard.css", **KNOWN)[0] == 200
    sent = {**KNOWN, "Cookie": cookie.partition(";")[0], "Origin": "https://jobs.example.com"}
    token, key = (re.findall(f'name="{name}" value="([^"]+)"', page)[0] for name in ("token", "key"))
    form = {"token": token, "do": "delete", "sure": "yes", "key": key}
    status, headers, _ = nginx.ask("/jobs/retries", "POST", form, **sent)
    assert (status, headers["Location"]) == (303, "/jobs/retries")
    assert real.zcard("retry") == 2
    status, _, _ = nginx.ask("/jobs/retries", "POST", form, **{**sent, "Origin": "https://evil.example"})
    assert status == 403


def test_behind_nginx_a_visitor_is_known_by_his_own_address_and_cannot_take_another(
    behind: Callable[..., Nginx], start_web: Callable[..., tuple[subprocess.Popen, str]]
) -> None:
    nginx = behind(*options(), MINIJOBS_WEB_PASSWORD=PASSWORD)
    wrong = {"Authorization": "Basic bWluaWpvYnM6eA=="}
    statuses = [
        nginx.ask("/jobs/", **wrong, **{"X-Forwarded-For": f"192.0.2.{number}", "X-Forwarded-Host": "localhost"})[0]
        for number in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2


def test_a_name_that_is_not_allowed_is_refused_behind_nginx_too(behind: Callable[..., Nginx]) -> None:
    nginx = behind(*options(), MINIJOBS_WEB_PASSWORD=PASSWORD)
    status, _, page = nginx.ask("/jobs/", **{**KNOWN, "Host": "evil.example"})
    assert status == 400
    assert "--allow-host" in page
    assert nginx.ask("/jobs/", **{**KNOWN, "Host": "localhost"})[0] == 200


@pytest.mark.parametrize("trusted", [None, "192.0.2.1"])
def test_a_proxy_that_is_not_trusted_is_not_believed(
    start_web: Callable[..., tuple[subprocess.Popen, str]], real: redis_py.Redis, trusted: str | None
) -> None:
    _, line = start_web(*(("--trusted-proxy", trusted) if trusted else ()))
    [port] = re.findall(r":(\d+)/$", line)
    visit = http.client.HTTPConnection("127.0.0.1", int(port), timeout=SOON)
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "192.0.2.7"}
    visit.request("GET", "/retries/all/delete", headers=said)
    answer = visit.getresponse()
    assert answer.status == 200
    assert "Secure" not in answer.headers["Set-Cookie"]
    visit.close()
