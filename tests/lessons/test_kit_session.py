"""A lesson's own Redis; and that in somebody else's it never deletes a key that it did not make."""

from __future__ import annotations

import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
import redis as redis_py

from lessons.kit import commands, keys, session, stage, start, where
from lessons.kit.timeline import worker_lane
from minijobs import Fetcher, Heartbeat, Processor, connection, middleware


def put_foreign_keys(redis):
    """What another program may keep: every type of key, names that look like a lesson's, and bytes that are not text."""
    redis.set("foreign", b"\x00\xff not text")
    redis.set(b"\xff\xfe", "a name that is not text")
    redis.set("expires some day", "x", ex=100_000)
    redis.rpush("queue:foreign", "a", "b")
    redis.sadd("foreign:queues", "a", "b")
    redis.zadd("foreign:retry", {"a": 1.5, "b": 2})
    redis.hset("host:1:abc", mapping={"busy": "1"})
    redis.xadd("foreign:stream", {"field": "value"})


def fill(server, *numbers):
    for number in numbers:
        put_foreign_keys(server.database(number))


def test_without_a_server_a_lesson_is_embedded_and_says_so(capsys, push):
    redis = start()
    assert capsys.readouterr().out == "Redis: embedded in this process, no server needed. It is empty.\n"
    assert redis.keys() == []
    push()
    assert redis.keys() != []


def test_before_start_one_sentence_says_what_to_run():
    for look in (keys, commands, lambda: where("jid")):
        with pytest.raises(RuntimeError, match=r"There is no Redis yet: run the cell with start\(\) first\."):
            look()


def test_starting_again_is_starting_anew(lesson, push):
    push()
    redis = start()
    assert keys().changes() == {}
    assert commands().names() == "nothing"
    push()
    assert redis.llen("queue:default") == 1


def test_a_lesson_can_start_again_where_a_check_has_put_its_middleware_away():
    start()
    middleware.server.remove(worker_lane)
    start()
    assert worker_lane in middleware.server._links
    session.end()
    assert worker_lane not in middleware.server._links


def test_where_says_the_keys_that_hold_a_job(lesson, push):
    jid = push()
    assert where(jid) == "queue:default"
    lesson.sadd("seen", jid)
    assert where(jid) == "queue:default, seen"
    assert where("another") == "nowhere"


def test_where_leaves_out_that_a_heartbeat_quotes_the_job(lesson, push):
    jid = push()
    processor = Processor(Fetcher("default"))
    heard = []

    def look(worker, job, run):
        Heartbeat(processor).beat()
        heard.append((where(jid), [name.decode() for name in lesson.scan_iter("*:work") if lesson.hlen(name)]))
        run()

    middleware.server.add(look)
    processor.process_one()
    ((found, quoted),) = heard
    assert len(quoted) == 1  # the heartbeat does quote it
    assert found != "nowhere"
    assert quoted[0] not in found
    assert where(jid) == "nowhere"
    lesson.set("homework", jid)  # a name that only looks like it
    assert where(jid) == "homework"


def test_after_the_end_the_workers_lane_is_no_middleware_any_more(lesson):
    session.end()
    assert middleware.server._links == []
    session.end()  # twice is the same as once


def test_a_server_is_used_when_the_environment_names_one(server, monkeypatch, capsys, push):
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    assert "database 15, which held nothing. It is empty." in capsys.readouterr().out
    push()
    assert server.database(15).llen("queue:default") == 1
    assert connection.address(connection.current()).endswith("database 15")


@pytest.mark.parametrize("named", ["?db=0", "?db=15"])
def test_whichever_database_the_url_names_an_empty_one_is_taken(server, monkeypatch, named, push):
    fill(server, 15, 13)
    before = server.everything()
    monkeypatch.setenv("REDIS_URL", server.url + named)
    start()
    assert server.database(14).dbsize() == 1
    push()
    assert server.database(14).llen("queue:default") == 1
    session.end()
    assert server.everything() == before


def test_a_taken_database_is_marked_and_the_mark_is_not_shown(server, monkeypatch):
    monkeypatch.setenv("REDIS_URL", server.url)
    redis = start()
    assert server.database(15).get(session.TAKEN).startswith(b"a lesson is using this database")
    assert str(keys()) == "(Redis holds nothing)"
    assert redis.keys() == []


def test_two_lessons_at_once_have_a_database_each(server):
    one, two = session.Session(server.url), session.Session(server.url)
    one.redis.set("mine", 1)
    two.redis.set("mine", 2)
    assert (server.database(15).get("mine"), server.database(14).get("mine")) == (b"1", b"2")
    one.end()
    assert server.database(14).get("mine") == b"2"
    two.end()
    assert server.everything() == {}


def test_two_lessons_that_find_the_same_database_empty_at_the_same_moment_do_not_share_it(server, monkeypatch):
    monkeypatch.setattr(redis_py.Redis, "dbsize", lambda self: 0)  # what both were told before either took it
    one, two = session.Session(server.url), session.Session(server.url)
    two.redis.set("mine", 2)
    one.end()
    assert server.database(14).get("mine") == b"2"
    two.end()


def test_databases_that_the_server_does_not_have_are_passed_over(server, monkeypatch, push):
    monkeypatch.setattr(session, "DATABASES", range(17, 0, -1))
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    push()
    assert server.database(15).llen("queue:default") == 1


def test_what_a_lesson_makes_is_deleted_at_its_end_and_nothing_else(server, monkeypatch, push):
    fill(server, *range(15), 15 - 1)
    monkeypatch.setenv("REDIS_URL", server.url)
    redis = start()
    put_foreign_keys(server.database(15))  # another program finds the same database empty, meanwhile
    foreign = {name: held for name, held in server.everything().items() if name[1] != session.TAKEN.encode()}
    push()
    redis.set("by hand", "x")
    keys()
    session.end()
    assert server.everything() == foreign


def test_starting_again_leaves_nothing_of_the_first_time(server, monkeypatch, push):
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    push()
    start()
    assert list(server.everything()) == [(15, session.TAKEN.encode())]


def test_when_every_database_is_taken_one_sentence_says_so(server, monkeypatch):
    fill(server, *range(1, 16))
    before = server.everything()
    monkeypatch.setenv("REDIS_URL", server.url)
    with pytest.raises(SystemExit, match=r"Every database of the Redis at REDIS_URL holds keys.*Or unset REDIS_URL\.$"):
        start()
    assert server.everything() == before


# A lesson that was killed leaves its keys, and their names.


def killed(server, *made):
    """What a lesson leaves in the last database if its process is killed: its keys, and a mark that expires."""
    database = server.database(15)
    database.set(session.TAKEN, "another lesson", ex=30)
    for name in made:
        database.set(name, "x")
        database.sadd(session.MADE, name)
    return database


def test_the_mark_expires_unless_its_lesson_renews_it(server, monkeypatch):
    monkeypatch.setattr(session, "MARK_LASTS", 1)
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    lasts = [server.database(15).pttl(session.TAKEN)]
    for _ in range(2):  # renewed twice: it lasts longer than it did
        stage.wait_until(lambda: lasts.append(server.database(15).pttl(session.TAKEN)) or lasts[-1] > lasts[-2])
    assert all(0 < left <= 1000 for left in lasts)


def test_as_long_as_its_mark_stands_the_database_of_another_lesson_is_left(server, monkeypatch):
    killed(server, "theirs")
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    assert server.database(15).get("theirs") == b"x"
    assert session._session.where.startswith(f"{connection.address(server.database(14))}")


def test_what_a_killed_lesson_left_is_deleted_by_the_next_one(server, monkeypatch, push):
    killed(server, "theirs", "queue:default").delete(session.TAKEN)  # it has expired
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    assert list(server.everything()) == [(15, session.TAKEN.encode())]
    push()
    assert server.database(15).llen("queue:default") == 1


def test_where_somebody_elses_keys_lie_beside_them_nothing_is_deleted(server, monkeypatch):
    killed(server, "theirs").set("foreign", "x")
    server.database(15).delete(session.TAKEN)
    before = server.everything()
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    session.end()
    assert server.everything() == before


def test_each_key_that_a_lesson_makes_is_written_down_before_it_is_made(server, monkeypatch, push):
    monkeypatch.setenv("REDIS_URL", server.url)
    redis = start()
    push()
    redis.set("by hand", 1)
    made = server.database(15).smembers(session.MADE)
    assert made == {b"queues", b"queue:default", b"by hand"}
    assert set(server.database(15).keys()) == made | {name.encode() for name in session.OURS}


def test_a_lesson_that_stood_still_while_another_took_its_database_says_so_and_deletes_nothing(server, monkeypatch, push):
    monkeypatch.setattr(session, "MARK_LASTS", 0.04)
    monkeypatch.setattr(redis_py.Redis, "set", no_expiry(redis_py.Redis.set))
    monkeypatch.setenv("REDIS_URL", server.url)
    start()
    push()
    server.database(15).set(session.TAKEN, "another lesson")
    stage.wait_until(lambda: session._session.recorder.over)
    with pytest.raises(RuntimeError, match="another lesson has taken its database"):
        push()
    before = server.everything()
    session.end()
    assert server.everything() == before


def no_expiry(set_key):
    """SET without its EX, for a mark that is renewed more often than Redis can count."""
    return lambda self, name, value, ex=None, **more: set_key(self, name, value, **more)


def test_when_lessons_have_taken_the_last_databases_it_says_how_many_and_what_to_do(server, monkeypatch):
    fill(server, *range(1, 15))
    killed(server)
    monkeypatch.setenv("REDIS_URL", server.url)
    with pytest.raises(SystemExit, match=r"Other lessons are using 1 of them: end one, or wait a minute if it was killed\."):
        start()


def test_an_object_of_the_redis_before_start_was_called_again_says_so(lesson, push):
    processor = Processor(Fetcher("default"))
    push()
    start()
    with pytest.raises(RuntimeError, match=r"This belongs to a Redis that is gone: start\(\) has been called again\."):
        processor.process_one()
    with pytest.raises(RuntimeError, match="a Redis that is gone"):
        lesson.keys()


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="Windows has no such signal")
def test_a_terminal_that_is_closed_leaves_nothing_on_a_shared_server(server, terminal, copied):
    played = terminal(copied(), "play", "2", REDIS_URL=server.url)
    while played.until("go on", "the rest", "It is empty.") != "It is empty.":
        played.type("\n")
    assert server.everything()
    played.process.send_signal(signal.SIGHUP)
    played.ended()
    assert server.everything() == {}


def test_a_lesson_says_in_one_sentence_that_there_is_no_server(ask, copied, tmp_path):
    told = ask(copied(), "play", "2", REDIS_URL=f"unix://{tmp_path}/nobody.sock")
    assert told.returncode == 1
    assert told.stderr.startswith("No Redis answers at REDIS_URL (")
    assert len(told.stderr.splitlines()) == 1


def test_whole_lessons_at_once_leave_a_shared_server_as_it_was(server, ask, copied):
    fill(server, *range(13))  # three are empty, and three lessons want one each
    before = server.everything()
    folder = copied()
    with ThreadPoolExecutor(3) as pool:
        played = list(pool.map(lambda number: ask(folder, "play", number, REDIS_URL=server.url), ["1", "2", "3"]))
    assert [(told.returncode, told.stderr) for told in played] == [(0, "")] * 3
    assert all("which held nothing" in told.stdout.replace("\n", "") for told in played)
    assert server.everything() == before


def test_keys_that_another_program_makes_meanwhile_in_the_same_database_are_left(server, terminal, copied):
    """Somebody plays the lesson step by step, and in the middle of it another program writes into the same database."""
    played = terminal(copied(), "play", "3", REDIS_URL=server.url)
    while played.until("q: stop ── ", "without):", "The answer is") != "The answer is":
        played.type("\n")
    put_foreign_keys(server.database(15))
    foreign = {name: held for name, held in server.everything().items() if name[1] != session.TAKEN.encode()}
    played.until("q: stop ── ")
    played.type("\x04")  # the end of the input: nobody is watching any more, and it goes on
    assert played.ended() == 0, played.text[-1000:]
    assert server.everything() == foreign


def test_a_lesson_that_is_stopped_in_the_middle_leaves_nothing(server, terminal, copied):
    played = terminal(copied(), "play", "3", REDIS_URL=server.url)
    while played.until("q: stop ── ", "without):", "+ retry") != "+ retry":
        played.type("\n")
    assert server.database(15).zcard("retry") == 1
    played.until("q: stop ── ")
    played.type("q\n")
    assert played.ended() == 0
    assert server.everything() == {}


def test_a_password_and_a_user_in_the_url_are_used_by_every_client(tmp_path):
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    assert binary, "the other tests on a real Redis were skipped, and this one should have been too"
    socket = tmp_path / "redis.sock"
    settings = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--requirepass", "secret"]
    with subprocess.Popen([binary, *settings], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        next(line for line in process.stdout if "ready to accept connections" in line.lower())
        one = session.Session(f"unix://:{quote('secret')}@{socket}")
        one.redis.set("mine", 1)
        assert one.looking.get("mine") == b"1"
        one.end()
        with redis_py.Redis(unix_socket_path=str(socket), password="secret", db=15) as client:
            assert client.dbsize() == 0
        process.terminate()
