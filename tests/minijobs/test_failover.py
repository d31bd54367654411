"""A master that is one no longer: behind one address, and where Sentinels know it."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis as redis_py
from processes import eventually
from redis.backoff import NoBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from minijobs import Client, Fetcher, RedisUnavailable, connect, connection
from minijobs.connection import address, execute
from minijobs.monitor import watch

JOB = {"class": "Mail", "args": ["ada"]}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """A Redis, or with a file of settings a Sentinel, on a port."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.port = free_port()
        command = ["redis-server", *words, "--port", str(self.port), "--dir", str(folder)]
        self.popen = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        self.client = redis_py.Redis(port=self.port, retry=Retry(NoBackoff(), 0))
        try:
            eventually(self.answers)
        except BaseException:
            self.popen.kill()
            self.popen.wait()
            raise

    def answers(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis_py.AuthenticationError:
            return True
        except redis_py.RedisError:
            return False


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers that do not outlive the test."""
    started = []

    def serve(*words: str) -> Server:
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Server(folder, *words))
        return started[-1]

    yield serve
    for server in started:
        server.client.close()
        server.popen.kill()
        server.popen.wait()


class Proxy:
    """One address that leads to a server, and later to another. What is connected stays where it is."""

    def __init__(self, port: int) -> None:
        self.leads_to = port
        self.sockets: list[socket.socket] = [socket.create_server(("127.0.0.1", 0))]
        self.port = self.sockets[0].getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            try:
                near, _ = self.sockets[0].accept()
                far = socket.create_connection(("127.0.0.1", self.leads_to))
            except OSError:
                return
            self.sockets += [near, far]
            for pair in ((near, far), (far, near)):
                threading.Thread(target=self.pump, args=pair, daemon=True).start()

    @staticmethod
    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return

    def close(self) -> None:
        for one in self.sockets:
            one.close()


@pytest.fixture
def failover(serve: Callable[..., Server]) -> Iterator[tuple[Proxy, Callable[[], None], Server]]:
    """An address, what carries out a failover behind it, and who is the master after it."""
    old, new = serve("--save", ""), serve("--save", "")
    proxy = Proxy(old.port)

    def fail_over() -> None:
        old.client.replicaof("127.0.0.1", str(new.port))
        proxy.leads_to = new.port

    yield proxy, fail_over, new
    proxy.close()


@pytest.fixture(autouse=True)
def _nobody_kept_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_kept", None)
    monkeypatch.setattr(connection, "FRESH", 60.0)  # or the connection could be opened anew for another reason


def test_a_push_after_a_failover_fails_once_and_reaches_the_new_master(failover: tuple) -> None:
    proxy, fail_over, new = failover
    with connect(f"redis://127.0.0.1:{proxy.port}"):
        Client().push(JOB)
        fail_over()
        with pytest.raises(RedisUnavailable, match=r"cannot do this now, so this was not done: pushing 1 job.*READONLY"):
            Client().push(JOB)
        Client().push(JOB)
    assert new.client.llen("queue:default") == 1


def test_a_client_of_redis_py_reaches_the_new_master_too(failover: tuple) -> None:
    proxy, fail_over, new = failover
    with connect(f"redis://127.0.0.1:{proxy.port}") as client:
        client.ping()
        fail_over()
        with pytest.raises(RedisUnavailable, match="READONLY"), connection.translate_errors(client, "a test"):
            client.set("text", "x")
        client.set("text", "x")
    assert new.client.get("text") == b"x"


def test_what_is_noticed_as_an_outage_is_not_used_again(failover: tuple) -> None:
    proxy, fail_over, _new = failover
    with connect(f"redis://127.0.0.1:{proxy.port}") as client:
        outage = connection.Outage(client)
        outage.noticed(redis_py.ConnectionError("the first, which is said"))
        client.ping()
        fail_over()
        with pytest.raises(redis_py.ReadOnlyError) as failed:
            client.set("text", "x")
        outage.noticed(failed.value)
        client.set("text", "x")


@pytest.fixture
def sentinel(serve: Callable[..., Server], tmp_path: Path) -> Server:
    """A Sentinel that watches a master, which has a password, and its replica."""
    secret = ("--requirepass", "s3cret", "--masterauth", "s3cret", "--save", "", "--repl-diskless-sync-delay", "0")
    master = serve(*secret)
    master.client = redis_py.Redis(port=master.port, password="s3cret")
    replica = serve(*secret, "--replicaof", "127.0.0.1", str(master.port))
    replica.client = redis_py.Redis(port=replica.port, password="s3cret")
    settings = tmp_path / "sentinel.conf"
    settings.write_text(
        f"sentinel monitor mymaster 127.0.0.1 {master.port} 1\nsentinel auth-pass mymaster s3cret\n"
        "sentinel down-after-milliseconds mymaster 5000\nsentinel failover-timeout mymaster 10000\n"
    )
    watcher = serve(str(settings), "--sentinel")
    eventually(lambda: replica.client.info("replication")["master_link_status"] == "up")
    eventually(lambda: [one for one in watcher.client.sentinel_slaves("mymaster") if not one["is_sdown"]])
    return watcher


def fail_over(sentinel: Server) -> None:
    """Carry out a failover, to its end."""
    before = sentinel.client.sentinel_get_master_addr_by_name("mymaster")
    eventually(lambda: not failed(lambda: sentinel.client.execute_command("SENTINEL", "FAILOVER", "mymaster")))
    eventually(lambda: sentinel.client.sentinel_get_master_addr_by_name("mymaster") != before)
    old = redis_py.Redis(port=before[1], password="s3cret")
    eventually(lambda: not failed(lambda: old.ping()) and old.info("replication")["role"] == "slave")
    old.close()


def failed(step: Callable[[], object]) -> bool:
    try:
        step()
    except redis_py.RedisError:
        return True
    return False


@pytest.mark.parametrize("by_url", [True, False])
def test_sentinels_lead_to_the_master_also_after_a_failover(sentinel: Server, by_url: bool) -> None:
    made = Sentinel([("127.0.0.1", sentinel.port)]).master_for("mymaster", password="s3cret")
    url = f"redis+sentinel://:s3cret@127.0.0.1:1,127.0.0.1:{sentinel.port}/mymaster/0"
    with connect(url if by_url else made) as client:
        assert "mymaster" in address(client)
        assert str(sentinel.port) in address(client)
        assert "s3cret" not in address(client)
        assert client.get_retry().get_retries() == 0
        assert Client().push(JOB)
        assert client.wait(1, 0) == 1  # the replica has it
        fail_over(sentinel)
        eventually(lambda: not failed(lambda: Client().push({**JOB, "jid": "the second"})))
        fetched = [Fetcher("default").fetch(), Fetcher("default").fetch()]
        assert b"the second" in fetched[1].raw
        with ThreadPoolExecutor(1) as pool:
            told = watch(client, "marker")
            seen = pool.submit(next, told)
            eventually(lambda: execute(client, ("ECHO", "marker")) and seen.done())
            assert seen.result().words == ("ECHO", "marker")
            told.close()
