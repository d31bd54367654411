"""Redis's own clock, and what each of its errors means."""

from __future__ import annotations

import importlib.metadata
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fakeredis
import pytest
import redis as redis_py
from network import TcpServer
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError
from redis.retry import Retry

from minijobs import Client, RedisUnavailable, Server, cli, connect, connection
from minijobs.cli import run
from minijobs.connection import address, execute, kind_of, now, translate_errors

NEVER_AGAIN = Retry(NoBackoff(), 0)
JOB = {"class": "Mail", "args": ["ada"]}


def failure(client: redis_py.Redis, *words: object) -> redis_py.RedisError:
    """The error that this command is answered with."""
    with pytest.raises(redis_py.RedisError) as failed:
        client.execute_command(*words)
    return failed.value


def test_now_is_the_clock_of_redis(redis: redis_py.Redis) -> None:
    seconds, microseconds = redis.time()
    assert now(redis) == pytest.approx(seconds + microseconds / 1e6, abs=1)


class Clock:
    """A Redis whose clock is an hour ahead, and who counts how often it is read."""

    def __init__(self) -> None:
        self.connection_pool = redis_py.ConnectionPool()
        self.read = 0

    def time(self) -> tuple[int, int]:
        self.read += 1
        return int(time.time()) + 3600, 0


def test_the_clock_is_read_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    assert now(clock) == pytest.approx(time.time() + 3600, abs=2)
    assert now(clock) == pytest.approx(time.time() + 3600, abs=2)
    assert clock.read == 1
    monkeypatch.setattr(connection, "CLOCK_READ_EVERY", -1)
    now(clock)
    assert clock.read == 2


def test_the_clock_is_read_anew_after_a_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, wall = Clock(), time.time
    now(clock)
    monkeypatch.setattr(time, "time", lambda: wall() + 500)
    assert now(clock) == pytest.approx(wall() + 4100, abs=2)
    now(clock)
    assert clock.read == 2


def test_each_client_has_its_clock() -> None:
    ahead = Clock()
    assert now(ahead) - now(fakeredis.FakeRedis()) > 3000


@contextmanager
def replica(real: redis_py.Redis) -> Iterator[None]:
    """The server is a replica of nobody who is there."""
    real.replicaof("127.0.0.1", "1")
    try:
        yield
    finally:
        real.config_set("replica-serve-stale-data", "yes")
        real.replicaof("NO", "ONE")


def test_a_replica_and_who_is_not_there_are_away(real: redis_py.Redis) -> None:
    script = "return redis.call('LPUSH', 'list', 1)"
    with replica(real):
        assert kind_of(failure(real, "LPUSH", "list", 1)) == "away"
        assert kind_of(failure(real, "EVAL", script, 0)) == "away"
        pipeline = real.pipeline().lpush("list", 1)
        with pytest.raises(redis_py.ReadOnlyError) as failed:
            pipeline.execute()
        assert kind_of(failed.value) == "away"
        real.config_set("replica-serve-stale-data", "no")
        assert kind_of(failure(real, "GET", "text")) == "away"
    assert kind_of(failure(redis_py.Redis(port=1, retry=NEVER_AGAIN), "PING")) == "away"


def test_no_room_is_full(real: redis_py.Redis) -> None:
    real.config_set("maxmemory", 1)
    try:
        assert kind_of(failure(real, "LPUSH", "list", 1)) == "full"
        assert kind_of(failure(real, "EVAL", "return redis.call('LPUSH', 'list', 1)", 0)) == "full"
    finally:
        real.config_set("maxmemory", 0)


def test_no_right_and_no_such_command_are_refusals(real: redis_py.Redis, real_redis_url: str) -> None:
    real.execute_command("ACL", "SETUSER", "bob", "ON", ">secret", "~q*", "+eval", "+get", "+hello")
    path = real_redis_url.removeprefix("unix://")
    try:
        bob = redis_py.Redis(unix_socket_path=path, username="bob", password="secret")
        assert kind_of(failure(bob, "LPUSH", "q", 1)) == "refused"
        assert kind_of(failure(bob, "GET", "other")) == "refused"
        assert kind_of(failure(bob, "EVAL", "return redis.call('LPUSH', 'q', 1)", 0)) == "refused"
        assert kind_of(failure(bob, "EVAL", "return redis.call('GET', 'other')", 0)) == "refused"
        assert kind_of(failure(bob, "EVAL", "return redis.call('NONE')", 0)) == "refused"
        wrong = redis_py.Redis(unix_socket_path=path, username="bob", password="wrong", retry=NEVER_AGAIN)
        assert kind_of(failure(wrong, "PING")) == "refused"
        assert kind_of(failure(redis_py.Redis(unix_socket_path=path, db=99), "PING")) == "refused"
        assert kind_of(failure(real, "NONE", "x")) == "refused"
    finally:
        real.execute_command("ACL", "DELUSER", "bob")


def test_a_key_of_another_type_is_about_that_entry(redis: redis_py.Redis) -> None:
    redis.set("text", "x")
    assert kind_of(failure(redis, "LPUSH", "text", 1)) == "entry"
    assert kind_of(failure(redis, "EVAL", "return redis.call('LPUSH', 'text', 1)", 0)) == "entry"


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)", "away"),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", "away"),
        ("LOADING Redis is loading the dataset in memory", "away"),
        ("CLUSTERDOWN The cluster is down", "away"),
        ("TRYAGAIN Multiple keys request during rehashing of slot", "away"),
        ("ERR max number of clients reached", "away"),
        ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.", "full"),
        ("NOAUTH Authentication required.", "refused"),
        ("DENIED Redis is running in protected mode", "refused"),
        ("CROSSSLOT Keys in request don't hash to the same slot", "refused"),
        ("ERR AUTH <password> called without any password configured for the default user.", "refused"),
        ("ERR Error running script (call to f_12): @user_script:1: -OOM command not allowed when used memory", "full"),
        ("ERR Error running script (call to f_12): @user_script: 1: -READONLY You can't write", "away"),
        ("ERR value is not an integer or out of range", "entry"),
    ],
)
def test_an_error_as_the_server_words_it(words: str, kind: str) -> None:
    from redis._parsers.base import BaseParser

    assert kind_of(BaseParser.parse_error(words)) == kind


# What is said


@pytest.fixture(autouse=True)
def _nobody_kept_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_kept", None)


def said(client: redis_py.Redis, *words: object, kind: type[Exception] = RedisUnavailable) -> str:
    """What a person reads when a plain command fails."""
    with pytest.raises(kind) as failed, translate_errors(client, "a test"), translate_errors(client, "the outer one"):
        client.execute_command(*words)
    assert "\n" not in str(failed.value)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    return str(failed.value)


def test_a_server_that_refuses_is_there_and_its_error_keeps_its_class(real: redis_py.Redis, real_redis_url: str) -> None:
    path = real_redis_url.removeprefix("unix://")
    with connect(f"unix://bob:wrong@{path}") as client:
        message = said(client, "PING", kind=redis_py.AuthenticationError)
    assert message.startswith(
        f"Redis at {path}, database 0 refuses this, so this was not done: the outer one. (What Redis says: "
    )
    assert "WRONGPASS" in message
    assert "Start one" not in message


def test_a_refusal_that_was_put_into_words_is_still_of_its_kind(real: redis_py.Redis) -> None:
    with pytest.raises(redis_py.ResponseError) as failed, translate_errors(real, "a test"):
        real.execute_command("NONE", "s3cret")
    assert kind_of(failed.value) == "refused"
    assert "s3cret" not in str(failed.value)
    disk = redis_py.ResponseError("MISCONF Errors writing to the AOF file")
    with (
        pytest.raises(redis_py.ResponseError, match="takes no more data, because it cannot save any, so this") as failed,
        translate_errors(real, "a test"),
    ):
        raise disk
    assert kind_of(failed.value) == "full"  # as long as it lasts, the same is to be done


def test_a_full_redis_says_so_and_that_a_part_may_be_done(real: redis_py.Redis) -> None:
    with connection.closing(connection.PinnedConnection(real)) as pinned:
        real.config_set("maxmemory", 1)
        try:
            with pytest.raises(OutOfMemoryError, match="has no room left, so this was not done: pushing 1 job"):
                Client(real).push(JOB)
            with (
                pytest.raises(OutOfMemoryError, match="was not done, or not all of it: a test"),
                translate_errors(real, "a test"),
            ):
                pinned.execute(("DEL", "list"), ("LPUSH", "list", 1))
        finally:
            real.config_set("maxmemory", 0)


def test_an_error_about_an_entry_is_let_through(redis: redis_py.Redis) -> None:
    redis.set("text", "x")
    assert "WRONGTYPE" in str(failure(redis, "LPUSH", "text", 1)) or "wrong kind" in str(failure(redis, "LPUSH", "text", 1))
    with pytest.raises(redis_py.ResponseError) as failed, translate_errors(redis, "a test"):
        redis.lpush("text", 1)
    assert "a test" not in str(failed.value)


def test_a_replica_is_there(real: redis_py.Redis) -> None:
    with replica(real):
        message = said(real, "LPUSH", "list", 1)
    assert "cannot do this now, so this was not done" in message
    assert "Start one" not in message


def test_a_server_with_too_many_clients_is_there(real: redis_py.Redis, real_redis_url: str) -> None:
    real.ping()
    limit = real.config_get("maxclients")["maxclients"]
    real.config_set("maxclients", len(real.client_list()))
    try:
        with connect(real_redis_url) as client:
            message = said(client, "PING")
    finally:
        real.config_set("maxclients", limit)
    assert message.startswith("Redis at ")  # it closes the connection; whether its answer is read before that is chance
    assert "Start one" not in message
    answer = redis_py.ConnectionError("max number of clients reached", status_code="ERR")
    with (
        pytest.raises(RedisUnavailable, match="cannot do this now, so this was not done: a test"),
        translate_errors(real, "a test"),
    ):
        raise answer


@pytest.mark.parametrize("pool", [redis_py.ConnectionPool, redis_py.BlockingConnectionPool])
def test_an_exhausted_pool_is_not_a_redis_that_is_away(real: redis_py.Redis, real_redis_url: str, pool: type) -> None:
    waits = {"timeout": 0.01} if pool is redis_py.BlockingConnectionPool else {}
    client = connect(redis_py.Redis.from_pool(pool.from_url(real_redis_url, max_connections=1, **waits)))
    with connection.closing(connection.PinnedConnection(client)) as pinned:
        pinned.execute(("PING",))
        message = said(client, "PING")
    assert message.startswith("All connections that the pool allows to Redis at ")
    assert "so this was not done" in message
    client.close()


def test_a_plain_command_on_a_connection_that_broke_may_have_been_done(
    real: redis_py.Redis, real_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(real_redis_url) as client:
        client.ping()
        read = redis_py.UnixDomainSocketConnection.read_response

        def cut(self: redis_py.Connection, *words: object, **settings: object) -> object:
            self.disconnect()
            raise redis_py.ConnectionError("Connection closed by server.")

        monkeypatch.setattr(redis_py.UnixDomainSocketConnection, "read_response", cut)
        assert "may or may not have been done" in said(client, "LPUSH", "list", 1)
        monkeypatch.setattr(redis_py.UnixDomainSocketConnection, "read_response", read)


def test_a_redis_without_tls_is_there(tmp_path: Path) -> None:
    server = TcpServer(tmp_path)
    try:
        message = said(connect(f"rediss://127.0.0.1:{server.port}/0?socket_timeout=0.2"), "LPUSH", "list", 1)
    finally:
        server.close()
    assert message.startswith(f"There is a server at 127.0.0.1:{server.port}, database 0, but it did not answer in TLS")
    assert "so this was not done" in message
    assert "write redis:// in place of rediss://" in message
    assert "Start one" not in message


@pytest.mark.parametrize(("scheme", "other"), [("redis", "rediss"), ("rediss", "redis")])
def test_a_server_that_hangs_up_before_the_first_command_is_there(scheme: str, other: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            with listening.accept()[0] as visitor:
                visitor.recv(1)  # what is left unread makes it a reset, as when a server that speaks TLS ends the handshake

        threading.Thread(target=hang_up, daemon=True).start()
        port = listening.getsockname()[1]
        message = said(connect(f"{scheme}://127.0.0.1:{port}/0"), "LPUSH", "list", 1)
    assert f" at 127.0.0.1:{port}, database 0" in message
    assert "so this was not done" in message
    assert f"write {other}:// in place of {scheme}://" in message
    assert "Start one" not in message


def test_a_connection_with_tls_that_breaks_later_may_have_done_it() -> None:
    error = redis_py.ConnectionError("Error while reading from x : (1, '[SSL: BAD_LENGTH] bad length (_ssl.c:2580)')")
    with pytest.raises(RedisUnavailable, match="may or may not have been done"), translate_errors(connect(), "a test"):
        raise error


def test_a_connection_that_another_thread_closes_while_it_is_used_may_have_done_it(
    real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = redis_py.UnixDomainSocketConnection.read_response

    def closed_meanwhile(self: redis_py.Connection, *words: object, **settings: object) -> object:
        real.close()  # which disconnects this one, too
        return read(self, *words, **settings)

    for step in (lambda: Client(real).push(JOB), Server(redis=real).fetcher.fetch):
        real.ping()  # a connection is there, and ready
        monkeypatch.setattr(redis_py.UnixDomainSocketConnection, "read_response", closed_meanwhile)
        with pytest.raises(RedisUnavailable, match="may or may not have been done, once: "):
            step()
        monkeypatch.setattr(redis_py.UnixDomainSocketConnection, "read_response", read)


def test_a_mistake_of_ours_is_not_taken_for_that() -> None:
    with pytest.raises(AttributeError, match="nothing"), translate_errors(fakeredis.FakeRedis(), "a test"):
        object().nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_push_of_which_one_command_is_refused_says_that_a_part_may_be_done(redis: redis_py.Redis) -> None:
    redis.set("queues", "x")
    with pytest.raises(redis_py.ResponseError, match="this was not done, or not all of it: pushing 1 job") as failed:
        Client(redis).push(JOB)
    assert kind_of(failed.value) == "entry"
    assert redis.llen("queue:default") == 1


def test_what_is_no_redis_is_not_called_one() -> None:
    client = fakeredis.FakeRedis()
    with (
        pytest.raises(redis_py.InvalidResponse, match="is no Redis, so it may or may not"),
        translate_errors(client, "a test"),
    ):
        raise redis_py.InvalidResponse("Protocol Error: b'HTTP/1.1 400 Bad Request'")


# Passwords


def use(url: str) -> None:
    """Connect, and ask."""
    client = connect(url)
    with translate_errors(client, address(client)):
        client.ping()


SECRETS = ["hunter2", "p@ss", "pa/ss", "pa#ss", "pa?ss", "12/3", "p:q@r/s"]


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+sentinel", "mysql", "http"])
@pytest.mark.parametrize("secret", SECRETS)
def test_no_part_of_a_password_is_in_what_is_said_about_a_url(scheme: str, secret: str) -> None:
    with pytest.raises((ValueError, RedisUnavailable)) as failed:
        use(f"{scheme}://:zz{secret}zz@127.0.0.1:1/0")
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    message = str(failed.value)
    assert "zz" not in message
    assert "hunter" not in message


def test_a_url_that_was_pasted_in_pieces_is_not_shown() -> None:
    with pytest.raises(ValueError, match="no URL of a Redis") as failed:
        connect("hunter2@example.com")
    assert "hunter2" not in str(failed.value)


@pytest.mark.parametrize("spelling", ["p@ss word", "p%40ss%20word"])
def test_a_password_that_an_error_holds_is_not_said(spelling: str, caplog: pytest.LogCaptureFixture) -> None:
    client = connect("redis://:p%40ss%20word@127.0.0.1:1/0")
    error = redis_py.ConnectionError(f"cannot use {spelling}")
    with pytest.raises(RedisUnavailable) as failed, translate_errors(client, "a test"):
        raise error
    connection.Outage(client).noticed(error)
    assert spelling not in str(failed.value) + caplog.text
    assert "cannot use …" in str(failed.value)


SECRET, WRITTEN = "hunt/er2?", "hunt%2Fer2%3F"
LOGIN = f"bob:{WRITTEN}@"
WRONG = {
    "no scheme": f"{LOGIN}127.0.0.1:1/0",
    "another scheme": f"rediss+sentinel://{LOGIN}127.0.0.1:1/0",
    "not written %2F": f"redis://bob:{SECRET}@127.0.0.1:1/0",
    "a port that is a word": f"redis://{LOGIN}127.0.0.1:{WRITTEN}/0",
    "a port that there is not": f"redis://{LOGIN}127.0.0.1:99999/0",
    "a setting that there is not": f"redis://{LOGIN}127.0.0.1:1/0?setting={WRITTEN}",
    "a setting that is none": f"redis://{LOGIN}127.0.0.1:1/0?socket_timeout={WRITTEN}",
    "a setting of TLS that is none": f"rediss://{LOGIN}127.0.0.1:1/0?ssl_cert_reqs={WRITTEN}",
    "errors by name": f"redis://{LOGIN}127.0.0.1:1/0?retry_on_error={WRITTEN}",
    "a function by name": f"redis://{LOGIN}127.0.0.1:1/0?redis_connect_func={WRITTEN}",
    "answers that are decoded": f"redis://{LOGIN}127.0.0.1:1/0?decode_responses=True",
    "half an address": f"redis://{LOGIN}[::1/0",
    "a host that cannot be a name": f"redis://{LOGIN}{'a' * 64}:1/0",
    "a socket's database": f"unix://{LOGIN}/nobody.sock?db={WRITTEN}",
    "a Sentinel's port": f"redis+sentinel://{LOGIN}127.0.0.1:1,127.0.0.1:{WRITTEN}/mymaster/0",
    "a Sentinel's database": f"redis+sentinel://{LOGIN}127.0.0.1:1/mymaster/{WRITTEN}",
    "a Sentinel's settings": f"redis+sentinel://{LOGIN}127.0.0.1:1/mymaster/0?db={WRITTEN}",
    "no master's name": f"redis+sentinel://{LOGIN}127.0.0.1:1",
    "no Sentinel": f"redis+sentinel://{LOGIN}/mymaster/0",
}
NOBODY = {
    "nobody there": f"redis://{LOGIN}127.0.0.1:1/0",
    "a database that is none": f"redis://{LOGIN}127.0.0.1:1/{WRITTEN}",
    "in the settings": f"redis://127.0.0.1:1/0?username=bob&password={WRITTEN}",
    "with TLS": f"rediss://{LOGIN}127.0.0.1:1/0?ssl_ca_certs=/nobody",
    "no socket": f"unix://{LOGIN}/nobody.sock",
    "no Sentinel there": f"redis+sentinel://{LOGIN}127.0.0.1:1/mymaster/0",
}
COMMANDS = ["worker", "web --port 0", "stats", "queues", "monitor", "retry list", "dead retry --all", "dead clear --yes"]


@pytest.mark.parametrize("url", [*WRONG.values(), *NOBODY.values()], ids=[*WRONG, *NOBODY])
def test_every_command_says_in_one_sentence_what_is_wrong_with_a_url_and_nothing_of_its_password(
    url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setattr(run, "PATIENCE", 0.0)
    monkeypatch.setattr(run, "end", lambda how: sys.exit(how.args[0]))  # which would end this process
    for words in COMMANDS:
        monkeypatch.setattr(connection, "_current", None)
        try:
            code = cli.main(words.split())
        except SystemExit as ended:
            code = ended.code
        out, err = capsys.readouterr()
        said = err.removeprefix("Watching Redis at ") if words == "monitor" else err
        assert (code, out) == (1, "")
        assert said.splitlines()[-1].startswith("minijobs: ")
        assert said.count("\n") == 1 + ("Ctrl-C ends it" in said)
        assert not [part for part in ("hunt", "er2", "Traceback", "<redis") if part in err]


@pytest.mark.parametrize("url", WRONG.values(), ids=WRONG)
def test_so_do_connect_a_server_and_the_dashboard(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from minijobs.web import dashboard  # which needs Flask: the other tests of this file do without

    monkeypatch.setenv("REDIS_URL", url)
    page = dashboard().test_client().get("/")
    assert page.status_code == 503
    assert "REDIS_URL is no address of a Redis" in page.text
    assert not [part for part in ("hunt", "er2") if part in page.text]
    for step in (connect, lambda: connect(url), Server):
        with pytest.raises(ValueError, match=r"^[^\n]+$") as failed:
            step()
        assert not [part for part in ("hunt", "er2") if part in "".join(traceback.format_exception(failed.value))]


def test_a_server_takes_the_clients_that_connect_takes() -> None:
    with pytest.raises(
        TypeError, match=r"needs a client that is a redis\.Redis; this one is a redis\.asyncio\.client\.Redis"
    ):
        Server(redis=redis_py.asyncio.Redis())  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="without decode_responses=True"):
        Server(redis=fakeredis.FakeRedis(decode_responses=True))
    client = redis_py.Redis()
    assert Server(redis=client).redis is client
    assert client.get_retry().get_retries() == 0


# Which clients


def test_a_client_of_asyncio_is_refused() -> None:
    with pytest.raises(
        TypeError, match=r"needs a client that is a redis\.Redis; this one is a redis\.asyncio\.client\.Redis\."
    ):
        connect(redis_py.asyncio.Redis())
    with pytest.raises(TypeError, match="needs a client"):
        connection.check_client("redis://localhost")


def test_a_pipeline_is_refused(redis: redis_py.Redis) -> None:
    with pytest.raises(TypeError, match=r"this one is a .*Pipeline\."):
        connect(redis.pipeline())


class Proxy:
    """Like werkzeug's LocalProxy, it stands for whatever `target` is at the moment, and nothing can refer to it weakly."""

    __slots__ = ("target",)

    def __getattr__(self, name: str) -> object:
        return getattr(self.target, name)


def test_a_proxy_pushes_to_the_redis_that_it_stands_for(real: redis_py.Redis, real_redis_url: str) -> None:
    proxy, other = Proxy(), redis_py.Redis.from_url(real_redis_url, db=1)
    other.flushdb()
    for proxy.target in (real, other):
        connection.check_client(proxy)
        Client(proxy).push(JOB)
        Client(proxy).push({**JOB, "at": now(proxy) + 3600})
    assert [(client.llen("queue:default"), client.zcard("schedule")) for client in (real, other)] == [(1, 1), (1, 1)]
    other.flushdb()
    other.close()


def test_many_threads_or_greenlets_may_push_at_the_same_time(real_redis_url: str) -> None:
    assert connect(real_redis_url).connection_pool.max_connections >= 10_000
    assert connect(f"{real_redis_url}?max_connections=7").connection_pool.max_connections == 7


def test_a_process_with_too_many_open_files_does_not_say_that_there_is_no_redis() -> None:
    client = connect("redis://localhost:1")
    with pytest.raises(RedisUnavailable) as failed, translate_errors(client, "pushing 1 job"):
        raise redis_py.ConnectionError("Error 24 connecting to localhost:1. Too many open files.")
    assert str(failed.value).startswith(
        "This process can open no connection to Redis at localhost:1, database 0: it has too"
    )
    assert "so this was not done: pushing 1 job." in str(failed.value)
    assert "Start one" not in str(failed.value)


def test_a_new_connection_of_a_url_reads_no_file(real_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connect(real_redis_url)
    client.ping()
    monkeypatch.setattr(importlib.metadata, "version", lambda name: pytest.fail("no file descriptor may be left for that"))
    with connection.closing(connection.PinnedConnection(client)) as one:
        one.execute(("PING",))
        assert client.ping()  # on a second connection


@pytest.mark.parametrize("database", ["jobs", "O", "1/2", "-1", "1.5"])
def test_a_database_that_is_no_number_is_refused(database: str) -> None:
    with pytest.raises(ValueError, match="This is no URL of a Redis"):
        connect(f"redis://localhost/{database}")


@pytest.mark.parametrize(("path", "database"), [("", 0), ("/", 0), ("/3", 3), ("/3/", 3), ("?db=4", 4)])
def test_a_database_that_is_one(path: str, database: int) -> None:
    assert connect(f"redis://localhost{path}").get_connection_kwargs().get("db", 0) == database


def test_a_client_that_is_checked_is_the_same_and_does_not_send_again() -> None:
    client = redis_py.Redis()
    assert connection.check_client(client) is client
    assert client.get_retry().get_retries() == 0


# Connections


def test_a_pool_of_one_connection_is_enough(real: redis_py.Redis, real_redis_url: str) -> None:
    client = connect(redis_py.Redis.from_pool(redis_py.ConnectionPool.from_url(real_redis_url, max_connections=1)))
    Client().push(JOB)
    assert client.llen("queue:default") == 1
    Client().push(JOB)
    assert client.llen("queue:default") == 2
    client.close()


def test_a_connection_that_was_idle_for_long_is_opened_anew(real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FRESH", -1.0)
    (first,) = execute(real, ("CLIENT", "ID"))
    assert execute(real, ("CLIENT", "ID")) == [first]
    monkeypatch.setattr(connection, "LONGEST_IDLE", -1.0)
    assert execute(real, ("CLIENT", "ID")) != [first]


def test_an_idle_connection_is_looked_after_by_the_kernel() -> None:
    made = connect("redis://localhost:1").connection_pool.make_connection()
    assert made.socket_keepalive
    assert 30 in made.socket_keepalive_options.values()
