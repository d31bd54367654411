"""Which Redis; and what becomes of a command whose answer does not come."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fakeredis
import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from minijobs import (
    BadPayload,
    Client,
    Fetcher,
    Heartbeat,
    Processor,
    RedisUnavailable,
    UnitOfWork,
    Worker,
    connect,
    connection,
    poll,
)
from minijobs.connection import DEFAULT_URL, address, current, execute
from minijobs.retry import dead

JOB = {"class": "Mail", "args": ["ada"]}

SOONER = 2.0  # seconds


@contextmanager
def stalled(client: redis_py.Redis) -> Iterator[None]:
    """The server, which is this test run's own, answers nobody meanwhile; what it was sent waits, and is done afterwards.

    It is back at the worst of moments: just when a client connects anew, to send the same thing again.
    """
    pid = client.info("server")["process_id"]
    connect_anew = redis_py.UnixDomainSocketConnection._connect

    def back_when_connecting(connection: Any) -> Any:
        os.kill(pid, signal.SIGCONT)
        return connect_anew(connection)

    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(redis_py.UnixDomainSocketConnection, "_connect", back_when_connecting)
            yield
    finally:
        os.kill(pid, signal.SIGCONT)


def careless_client(url: str) -> redis_py.Redis:
    """A client with the retries that `Redis(…)` gives it, except that it does not wait between them."""
    return redis_py.Redis(unix_socket_path=url.removeprefix("unix://"), socket_timeout=SOONER, retry=Retry(NoBackoff(), 10))


@pytest.fixture
def impatient(real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client gives up sooner than after five seconds; but not as soon as a busy machine may keep it waiting."""
    monkeypatch.setattr("minijobs.connection.SOCKET_TIMEOUT", SOONER)


@pytest.fixture(params=["fakeredis", "real"])
def away(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[redis_py.Redis]:
    """A Redis that is not there."""
    if request.param == "real":
        client = connect(f"unix://{tmp_path}/nobody.sock")
    else:
        server = fakeredis.FakeServer()
        server.connected = False
        client = connect(fakeredis.FakeRedis(server=server))
    yield client
    client.close()


def test_a_client_that_was_connected_is_the_current_one(redis: redis_py.Redis) -> None:
    assert current() is redis
    other = connect(fakeredis.FakeRedis())
    assert current() is other


def test_without_a_target_redis_url_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://example.com:6380/2")
    assert address(connect()) == address(current()) == "example.com:6380, database 2"


def test_without_anything_a_redis_on_this_machine_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    assert address(current()) == "localhost:6379, database 0"
    assert DEFAULT_URL == "redis://localhost:6379/0"


def test_connecting_sends_nothing(told: Callable, real_redis_url: str) -> None:
    assert told(lambda: connect(real_redis_url)) == []


def test_a_client_that_decodes_its_answers_is_refused() -> None:
    with pytest.raises(ValueError, match="without decode_responses=True"):
        connect(fakeredis.FakeRedis(decode_responses=True))


def test_an_address_tells_a_person_where_and_never_the_password() -> None:
    assert address(redis_py.Redis.from_url("redis://:secret@example.com:6380/2")) == "example.com:6380, database 2"
    assert address(redis_py.Redis.from_url("unix:///run/redis.sock?db=3")) == "/run/redis.sock, database 3"
    assert address(fakeredis.FakeRedis()) == "the Redis embedded in this process"


@pytest.mark.parametrize(
    ("step", "lost"),
    [
        (lambda: Client().push(JOB), "pushing 1 job"),
        (lambda: Client().push({**JOB, "at": 9e9}), "pushing 1 job"),
        (lambda: Client().push_bulk({**JOB, "args": [["a"], ["b"]]}), "pushing 2 jobs"),
        (lambda: Fetcher("default").fetch(), "fetching a job"),
        (lambda: Fetcher("default").fetch(1), "fetching a job"),
        (lambda: Fetcher("default", "slow").fetch(), "fetching a job"),
        (lambda: Fetcher("default").acknowledge(UnitOfWork("default", b"")), "settling a job"),
        (lambda: Fetcher("default").requeue(UnitOfWork("default", b"")), "requeueing a job"),
        (lambda: Processor(Fetcher("default")).process_one(), "fetching a job"),
        (lambda: poll(), "polling for jobs that are due"),
        (lambda: Heartbeat(Processor(Fetcher("default"))).beat(), "the heartbeat"),
    ],
)
def test_redis_away_is_one_sentence_that_says_what_was_not_done(away: redis_py.Redis, step: Callable, lost: str) -> None:
    with pytest.raises(RedisUnavailable, match=r"^No Redis at .*, so this was not done: ") as failure:
        step()
    assert lost in str(failure.value)
    assert "\n" not in str(failure.value)
    assert failure.value.__cause__ is None
    assert failure.value.__suppress_context__


def test_redis_away_is_still_a_connection_error_for_who_catches_those(away: redis_py.Redis) -> None:
    with pytest.raises(redis_py.ConnectionError):
        Client().push(JOB)


def test_a_worker_says_so_too(away: redis_py.Redis) -> None:
    class Mail(Worker):
        def perform(self) -> None: ...

    with pytest.raises(RedisUnavailable, match="pushing 1 job"):
        Mail.perform_async()


def test_redis_is_used_again_when_it_is_back() -> None:
    server = fakeredis.FakeServer()
    connect(fakeredis.FakeRedis(server=server))
    server.connected = False
    with pytest.raises(RedisUnavailable):
        Client().push(JOB)
    server.connected = True
    assert Client().push(JOB)
    assert Fetcher("default").fetch() is not None
    assert Fetcher("default").fetch() is None  # the push that failed is not there as well


@pytest.mark.parametrize("handed_in", [False, True])
def test_a_push_whose_answer_is_late_is_not_repeated(
    real: redis_py.Redis, impatient: None, real_redis_url: str, handed_in: bool
) -> None:
    # redis-py by itself sends it again: one push, two jobs.
    with connect(careless_client(real_redis_url) if handed_in else real_redis_url) as client:
        client.ping()
        with (
            stalled(real),
            pytest.raises(RedisUnavailable, match="it may or may not have been done, once: pushing 1 job") as late,
        ):
            Client().push(JOB)
        assert late.value.__cause__ is None
        assert late.value.__suppress_context__
    assert real.llen("queue:default") == 1


def test_no_client_sends_again_whoever_made_it() -> None:
    for target in ("redis://localhost:1/0", "unix:///nobody.sock", redis_py.Redis(), fakeredis.FakeRedis()):
        assert connect(target).get_retry().get_retries() == 0


def test_a_client_as_redis_py_makes_it_does_repeat_a_push(real: redis_py.Redis, real_redis_url: str) -> None:
    # Or else the test above shows nothing.
    with careless_client(real_redis_url) as careless:
        careless.ping()
        with stalled(real):
            careless.lpush("queue:default", "a job")
    assert real.llen("queue:default") == 2


def test_a_job_whose_settling_was_not_answered_is_in_one_place(
    real: redis_py.Redis, impatient: None, real_redis_url: str, real_places: Callable
) -> None:
    jid = Client(real).push(JOB)
    with connect(real_redis_url) as client:
        fetcher = Fetcher("default", redis=client)
        unit = fetcher.fetch()
        with stalled(real), pytest.raises(RedisUnavailable, match="settling a job"):
            fetcher.acknowledge(unit, dead(unit.raw, BadPayload("broken"), now=1000.0).to)
    assert len(real_places(jid)) == 1


def test_a_job_whose_fetching_was_not_answered_is_in_one_place(
    real: redis_py.Redis, impatient: None, real_redis_url: str, real_places: Callable
) -> None:
    jid = Client(real).push(JOB)
    with connect(real_redis_url) as client:
        fetcher = Fetcher("default", redis=client)
        client.ping()
        with stalled(real), pytest.raises(RedisUnavailable, match="fetching a job"):
            fetcher.fetch()
    assert len(real_places(jid)) == 1


def test_an_idle_fetch_outlasts_no_socket_timeout() -> None:
    from minijobs.connection import SOCKET_TIMEOUT
    from minijobs.fetch import LONGEST_BLOCK

    assert LONGEST_BLOCK * 2 < SOCKET_TIMEOUT


# Several commands in one go, on a connection that is kept


@pytest.fixture(autouse=True)
def _nobody_kept_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_kept", None)


def test_each_command_has_its_answer(redis: redis_py.Redis) -> None:
    assert execute(redis, ("LPUSH", "list", "a", "b"), ("LRANGE", "list", 0, -1), ("LPOP", "none")) == [
        2,
        [b"b", b"a"],
        None,
    ]
    assert execute(redis, ("ZADD", "set", 1.5, "c")) == [1]
    assert execute(redis) == []


def test_an_error_among_the_answers_is_raised_and_nobody_gets_those_behind_it(redis: redis_py.Redis) -> None:
    redis.set("text", "x")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        execute(redis, ("LPUSH", "list", "a"), ("LPUSH", "text", "a"), ("LPUSH", "list", "b"))
    assert execute(redis, ("GET", "text"), ("LLEN", "list")) == [b"x", 2]


def test_after_an_error_among_the_answers_the_connection_is_still_good(real: redis_py.Redis) -> None:
    real.set("text", "x")
    (name,) = execute(real, ("CLIENT", "ID"))
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        execute(real, ("LPUSH", "text", "a"), ("PING",))
    assert execute(real, ("CLIENT", "ID")) == [name]


def test_who_asks_nothing_needs_no_redis(away: redis_py.Redis) -> None:
    assert execute(away) == []


def test_a_connection_that_goes_back_is_not_kept_as_well(real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    execute(real, ("PING",))
    release = real.connection_pool.release

    def interrupted(connection: Any) -> None:
        release(connection)
        raise KeyboardInterrupt

    monkeypatch.setattr(real.connection_pool, "release", interrupted)
    monkeypatch.setattr(connection, "FRESH", -1.0)
    with pytest.raises(KeyboardInterrupt):
        execute(real, ("PING",))
    monkeypatch.setattr(real.connection_pool, "release", release)
    somebodys = real.connection_pool.get_connection()
    (kept,) = execute(real, ("CLIENT", "ID"))
    somebodys.send_command("CLIENT", "ID")
    assert somebodys.read_response() != kept
    real.connection_pool.release(somebodys)


def connections(real: redis_py.Redis) -> int:
    return len(real.client_list())


def test_one_connection_is_kept(real: redis_py.Redis) -> None:
    before = connections(real)
    for _ in range(10):
        execute(real, ("PING",))
    assert connections(real) == before + 1


def test_threads_that_ask_at_the_same_time_do_not_wait_for_each_other(real: redis_py.Redis) -> None:
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(execute, real, ("BLPOP", "list", 30)) for _ in range(4)]
        while len(real.client_list()) < 5 or real.info("clients")["blocked_clients"] < 4:
            assert not any(future.done() for future in waiting)
        execute(real, ("RPUSH", "list", "a", "b", "c", "d"))
        assert sorted(future.result() for future in waiting) == [[[b"list", name]] for name in (b"a", b"b", b"c", b"d")]


def test_whoever_connects_elsewhere_asks_there(real: redis_py.Redis) -> None:
    other = fakeredis.FakeRedis()
    execute(real, ("SET", "where", "real"))
    execute(other, ("SET", "where", "embedded"))
    assert (execute(real, ("GET", "where")), execute(other, ("GET", "where"))) == ([b"real"], [b"embedded"])


def test_a_kept_connection_goes_back_to_its_pool_when_another_client_asks(real: redis_py.Redis) -> None:
    before = connections(real)
    for _ in range(10):
        execute(real, ("PING",))
        execute(fakeredis.FakeRedis(), ("PING",))
    assert connections(real) <= before + 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # no other thread of ours holds a lock
def test_a_forked_process_does_not_speak_on_its_parents_connection(real: redis_py.Redis) -> None:
    execute(real, ("PING",))
    child = os.fork()
    if child == 0:
        try:
            for number in range(100):
                execute(real, ("RPUSH", "child", number))
        finally:
            os._exit(0)
    for number in range(100):
        assert execute(real, ("RPUSH", "parent", number)) == [number + 1]
    assert os.waitpid(child, 0)[1] == 0
    assert (real.llen("parent"), real.llen("child")) == (100, 100)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_whose_pool_has_an_end_pushes_too(real: redis_py.Redis, real_redis_url: str) -> None:
    pool = redis_py.BlockingConnectionPool.from_url(real_redis_url, max_connections=2, timeout=1)
    client = connect(redis_py.Redis.from_pool(pool))
    Client().push(JOB)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            Client().push(JOB)
            Client().push(JOB)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert real.llen("queue:default") == 3
    client.close()


def cut(real: redis_py.Redis) -> None:
    """Every connection to the server, but the one that says so, is closed by it."""
    real.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")


def test_a_connection_that_was_cut_while_nobody_used_it_is_made_anew(
    real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(real, ("PING",))
    cut(real)
    monkeypatch.setattr(connection, "FRESH", -1.0)  # as if it had been a while
    assert execute(real, ("PING",)) == [b"PONG"]


def test_a_connection_that_was_cut_just_now_says_so_once(real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "FRESH", 60.0)
    execute(real, ("PING",))
    cut(real)
    with pytest.raises(redis_py.ConnectionError):
        execute(real, ("LPUSH", "list", "a"))
    assert execute(real, ("LLEN", "list")) == [0]


def test_a_push_on_a_connection_that_broke_does_not_say_that_it_was_not_done(
    real: redis_py.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Redis may have died just after it had done it. Who believes that it was not done pushes once more.
    monkeypatch.setattr(connection, "FRESH", 60.0)
    Client().push(JOB)
    cut(real)
    with pytest.raises(RedisUnavailable, match=r"it may or may not have been done, once: pushing 1 job\."):
        Client().push(JOB)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "nonsense"])
def test_a_client_that_writes_another_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(ValueError, match=f"^minijobs needs a client whose encoding is utf-8, not {encoding}"):
        connect(redis_py.Redis(encoding=encoding))


@pytest.mark.parametrize("encoding", ["utf-8", "UTF8", "utf_8"])
def test_utf_8_has_several_names(encoding: str) -> None:
    assert connect(redis_py.Redis(encoding=encoding)) is current()


def test_a_url_that_is_no_text_is_none() -> None:
    with pytest.raises(ValueError, match=r"^This is no URL of a Redis\."):
        connect("redis://:p\udcff@localhost:6379/0")
