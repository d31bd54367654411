"""The page lessons/PRODUCTION.md: each of its commands is typed, and each of its files used, on a real Redis."""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import redis as redis_py
from processes import SOON, eventually
from test_failover import Server, free_port, serve  # noqa: F401

from minijobs import Client, preflight, retry
from minijobs.cli.parser import parser
from minijobs.cli.supervisor import SLACK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "lessons" / "PRODUCTION.md").read_text(encoding="utf-8")


def blocks(heading: str) -> list[str]:
    """What is under this heading between fences, in its order."""
    (section,) = [text for text in re.split(r"^## ", PAGE, flags=re.MULTILINE) if text.startswith(f"{heading}\n")]
    return re.findall(r"^```\w+\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)


def test_everything_between_fences_is_tried() -> None:
    headings = [text.partition("\n")[0] for text in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]]
    tried = set(re.findall(r'blocks\("([^"]+)"\)', Path(__file__).read_text(encoding="utf-8")))
    assert {heading for heading in headings if blocks(heading)} == tried
    assert len(re.findall(r"^```\w+$", PAGE, re.MULTILINE)) == sum(len(blocks(heading)) for heading in headings)


class Host:
    """A folder in which the page's commands are typed, and a Redis of its own, which they take for the one of the page."""

    def __init__(self, folder: Path, redis: Server) -> None:
        self.folder, self.redis = folder, redis
        self.port = redis.port
        self.instead = {"127.0.0.1:6379": f"127.0.0.1:{redis.port}"}  # what differs here from the page
        tools = folder / "tools"
        tools.mkdir()
        for name, command in (("redis-cli", f"{shutil.which('redis-cli')} -p {redis.port}"), ("python", sys.executable)):
            (tools / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
            (tools / name).chmod(0o755)
        (folder / "my_workers.py").write_text(blocks("At least once")[0])
        with self.shop() as shop:
            shop.execute("CREATE TABLE payments (id INTEGER PRIMARY KEY, cents INTEGER)")
        self.environment = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        self.environment |= {"REDIS_URL": f"redis://127.0.0.1:{redis.port}/0", "SHOP": str(folder / "shop.db")}
        self.started: list[subprocess.Popen[bytes]] = []

    def shop(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(self.folder / "shop.db", timeout=SOON))

    def paid(self) -> list[int]:
        """The orders that were paid, each as often as it was."""
        with self.shop() as shop:
            return [number for (number,) in shop.execute("SELECT id FROM payments ORDER BY id")]

    def of_this_host(self, text: str) -> str:
        for name, other in self.instead.items():
            text = text.replace(name, other)
        return text

    def type(self, script: str, **environment: str) -> str:
        """What these commands print, each of which must do what it should."""
        command = ["bash", "-euo", "pipefail", "-c", self.of_this_host(script)]
        known = {**self.environment, **environment}
        with (self.folder / "typed").open("w+") as printed:  # no pipe: what goes on in the background would keep it open
            code = subprocess.call(command, cwd=self.folder, env=known, stdout=printed, stderr=printed, timeout=SOON)
            printed.seek(0)
            told = printed.read()
        assert code == 0, f"{script}\n{told}"
        return told

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        """`python -m minijobs …`, which does not outlive the test."""
        known = {**self.environment, **environment}
        with (self.folder / f"log-{len(self.started)}").open("wb") as log:
            command = [sys.executable, "-m", "minijobs", *words]
            self.started.append(subprocess.Popen(command, cwd=self.folder, env=known, stdout=log, stderr=log))
        return self.started[-1]

    def log(self, number: int = 0) -> str:
        return (self.folder / f"log-{number}").read_text()

    def push(self, order: int, **fields: object) -> None:
        job = {"class": "Pay", "args": [order, 250], "queue": "mail", "jid": f"{order:024}", "retry": True, **fields}
        self.redis.client.lpush("queue:mail", json.dumps(job))


@pytest.fixture
def host(tmp_path: Path, serve: Callable[..., Server]) -> Iterator[Host]:  # noqa: F811
    """A host with the page's own redis.conf."""
    folder = tmp_path / "host"
    folder.mkdir()
    (folder / "redis.conf").write_text(blocks("Persistence, memory and eviction")[0])
    host = Host(folder, serve(str(folder / "redis.conf")))
    yield host
    for process in host.started:
        process.kill()
        process.wait()


def test_a_redis_of_the_page_is_one_that_will_do(host: Host) -> None:
    (look,) = blocks("Which Redis")
    told = host.type(look)
    assert "cluster_enabled:0" in told
    assert told.split()[-2:] == ["maxmemory-policy", "noeviction"]
    preflight.check(host.redis.client, queues=["mail"])


def test_a_killed_redis_has_lost_nothing_and_a_job_takes_as_much_as_the_page_says(host: Host) -> None:
    conf, measure = blocks("Persistence, memory and eviction")
    for line in conf.splitlines():
        name, value = line.split()
        assert host.redis.client.config_get(name)[name] == {"1gb": str(2**30)}.get(value, value)
    Client(redis=host.redis.client).push_bulk({"class": "Pay", "queue": "mail", "args": [[n, 250] for n in range(1000)]})
    taken, count = map(int, host.type(measure).split())
    assert count == 1000
    assert 150 < taken / count < 250
    host.redis.popen.kill()
    host.redis.popen.wait()
    host.redis.popen = subprocess.Popen(host.redis.popen.args, stdout=subprocess.DEVNULL)
    eventually(host.redis.answers)
    assert host.redis.client.llen("queue:mail") == 1000
    assert f"the newest {retry.DEAD_SIZE:,} are kept, each for six months" in " ".join(PAGE.split())
    assert retry.DEAD_FOR == 180 * 24 * 60 * 60


def test_the_rights_of_the_page_are_enough_and_nobody_else_gets_in(host: Host) -> None:
    users, addresses, look, lock = blocks("Least privilege")
    host.type(users)
    assert "mail" in host.type(addresses)
    host.push(1, jid="again")  # the job of the page once more
    host.push(2, args=["too", "many", "arguments"])
    host.push(3, args=["too", "many", "arguments"], retry=0)
    host.redis.client.zadd("schedule", {json.dumps({"class": "Pay", "args": [4, 1], "queue": "mail", "jid": "4"}): 1})
    host.redis.client.sadd("inflight", "gone:1:abc|mail")
    host.redis.client.lpush("inflight:gone:1:abc|mail", json.dumps({"class": "Pay", "args": [5, 1], "jid": "5"}))
    url = f"redis://worker:worker-password@127.0.0.1:{host.port}/0"
    worker = host.start("worker", "-r", "my_workers.py", "-q", "mail", "-c", "2", "--heartbeat", "0.2", REDIS_URL=url)
    eventually(lambda: host.paid() == [1, 4, 5])
    eventually(lambda: host.redis.client.zcard("retry") == host.redis.client.zcard("dead") == 1)

    url = f"redis://dashboard:dashboard-password@127.0.0.1:{host.port}/0"
    port = str(free_port())
    host.start("web", "--port", port, REDIS_URL=url)
    eventually(lambda: "The dashboard of Redis" in host.log(1))
    host.redis.client.sadd("queues", "low")
    host.redis.client.lpush("queue:low", json.dumps({"class": "Pay", "args": [6, 1], "jid": "6"}))
    for path in ("", "queues", "queue?name=low", "retries", "scheduled", "dead", "busy", "stats"):
        assert host.type(f"curl -fsS 'http://127.0.0.1:{port}/{path}'")
    assert "1 job waiting in queue low" in host.type(f"curl -sS http://127.0.0.1:{port}/health")
    host.type("python -m minijobs retry retry --all && python -m minijobs dead clear --yes", REDIS_URL=url)

    worker.terminate()
    assert worker.wait(SOON) == 0
    refused = [one["object"] for one in host.redis.client.acl_log()]
    assert set(refused) <= {"client|setinfo"}
    assert host.type(look).count("client|setinfo") == len(refused)

    host.type(lock)
    with pytest.raises(redis_py.AuthenticationError):
        redis_py.Redis(port=host.port).ping()
    assert "user default off" in (host.folder / "redis.conf").read_text()


def test_the_rights_of_a_worker_are_those_that_its_start_asks_for() -> None:
    (granted,) = re.findall(r"ACL SETUSER worker (.*?)\nredis-cli", blocks("Least privilege")[0], re.DOTALL)
    asked = {part.split()[0].lower() for part in preflight.COMMANDS.strip().replace("\n", "|").split("|")}
    asked = asked - {"script"} | {"script|exists", "script|load", "hello", "info", "multi", "exec"}
    assert {word.strip("'+") for word in granted.split() if "+" in word} == asked


def test_tls(host: Host, serve: Callable[..., Server]) -> None:  # noqa: F811
    conf, command = blocks("TLS")
    host.instead |= {"6380": str(free_port()), "/etc/redis": str(host.folder)}
    names = "-subj /CN=redis -addext subjectAltName=IP:127.0.0.1"
    host.type(
        f"openssl req -x509 -newkey rsa:2048 -nodes -days 2 {names} -keyout redis.key -out redis.crt; cp redis.crt ca.crt"
    )
    (host.folder / "tls.conf").write_text(host.of_this_host(conf))
    serve(str(host.folder / "tls.conf"))
    assert "processed" in host.type(command)
    for wrong in (re.sub(r"\?ssl_ca_certs=\S+'", "'", command), command.replace("127.0.0.1", "localhost")):
        with pytest.raises(AssertionError, match=r"(?i)certificate.verify.failed"):  # nobody known signed it; another name
            host.type(wrong)


def test_sentinel(host: Host, serve: Callable[..., Server]) -> None:  # noqa: F811
    (command,) = blocks("Sentinel")
    host.redis.client.config_set("requirepass", "s3cret")
    settings = host.folder / "sentinel.conf"
    settings.write_text(f"sentinel monitor mymaster 127.0.0.1 {host.port} 1\nsentinel auth-pass mymaster s3cret\n")
    sentinel = serve(str(settings), "--sentinel")
    host.instead = {"26379": str(sentinel.port), "26380": str(free_port())}  # one of the two is down
    assert "processed" in host.type(command)


def test_the_example_runs_a_job_twice_and_it_has_happened_once(host: Host) -> None:
    (_,) = blocks("At least once")
    host.push(7)
    host.push(7)
    host.start("worker", "-r", "my_workers.py", "-q", "mail", "-c", "1")
    eventually(lambda: host.log().count("done:") == 2)
    assert host.paid() == [7]


def test_the_systemd_unit(tmp_path: Path) -> None:
    (text,) = blocks("A systemd unit")
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(text)
    service = unit["Service"]
    options = started_by(shlex.split(service["ExecStart"])[1:])
    assert float(service["TimeoutStopSec"]) > options.timeout + SLACK
    if shutil.which("systemd-analyze"):
        file = tmp_path / "minijobs.service"
        file.write_text(text.replace(service["ExecStart"].split()[0], sys.executable).replace("User=app\n", ""))
        run = subprocess.run(["systemd-analyze", "verify", file], capture_output=True, text=True)
        assert [line for line in run.stderr.splitlines() if "minijobs.service" in line] == []


def test_the_container() -> None:
    dockerfile, limits = blocks("A container")
    (command,) = re.findall(r"^CMD (.+)$", dockerfile, re.MULTILINE)
    options = started_by(json.loads(command)[1:])
    seconds = [float(number) for number in re.findall(r": (\d+)", limits)]
    assert len(seconds) == 2
    assert min(seconds) > options.timeout + SLACK


def started_by(words: list[str]) -> object:
    """The options of a worker process with this command line, without the program."""
    assert words[:3] == ["-m", "minijobs", "worker"]
    return parser().parse_args(words[2:])


def test_as_process_1_it_obeys_term(host: Host) -> None:
    if subprocess.call(["unshare", "--pid", "--fork", "true"], stderr=subprocess.DEVNULL):
        assert os.environ.get("CI") != "true", "a process 1 cannot be made here"
        pytest.skip("a process 1 cannot be made here: that needs to be root")
    words = ["-m", "minijobs", "worker", "-r", "my_workers.py", "-q", "mail"]
    alone = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, *words]
    with (host.folder / "log-0").open("wb") as log:
        host.started.append(subprocess.Popen(alone, cwd=host.folder, env=host.environment, stderr=log))
    eventually(lambda: "Workers: Pay" in host.log())
    identity = eventually(lambda: host.redis.client.smembers("processes")).pop().decode()
    assert identity.split(":")[1] == "1"
    (child,) = Path(f"/proc/{host.started[0].pid}/task/{host.started[0].pid}/children").read_text().split()
    os.kill(int(child), 15)
    assert host.started[0].wait(SOON) == 0
    assert "stopped: nothing was left unfinished" in host.log()


def test_a_deploy_as_on_the_page_loses_no_job_and_runs_none_twice(host: Host) -> None:
    (deploy,) = blocks("Deploying without losing a job")
    old = host.start("worker", "-r", "my_workers.py", "-q", "mail", "-c", "2")
    for order in range(300):
        host.push(order)
    eventually(lambda: host.paid())
    host.type(f'{deploy}\necho "$!" > new.pid', OLD=str(old.pid))
    new = int((host.folder / "new.pid").read_text())
    try:
        assert old.wait(SOON) == 0
        for order in range(300, 400):
            host.push(order)
        eventually(lambda: host.redis.client.get("stat:processed") == b"400")  # each was run once
        assert host.paid() == list(range(400))
        assert not host.redis.client.exists("stat:failed") or host.redis.client.get("stat:failed") == b"0"
    finally:
        os.kill(new, 9)


def test_what_the_page_says_to_watch_is_there(host: Host) -> None:
    (look,) = blocks("What to watch")
    host.push(1)
    host.redis.client.sadd("queues", "mail")
    host.start("web", "--port", "0")
    at = eventually(lambda: re.search(r"is at http://(127\.0\.0\.1:\d+)/", host.log()))
    host.instead["127.0.0.1:9876"] = at[1]
    with pytest.raises(AssertionError, match="503"):  # a job waits, and nobody is there to run it
        host.type(look)
    host.start("worker", "-r", "my_workers.py", "-q", "mail")
    eventually(lambda: host.paid() == [1])
    told = host.type(look)
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", PAGE, re.MULTILINE)[2:]
    names = [name for watched, where in rows for name in re.findall(r"`(\w+)`", watched)]
    assert len(names) > 9
    for name in names:
        assert re.search(rf'"{name}":|^{name}:', told, re.MULTILINE), name
