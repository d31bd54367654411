"""The commands that Redis was told, and which keys were made by them."""

from __future__ import annotations

import re

import pytest

from lessons.kit import commands, session
from lessons.kit.recorder import Commands
from minijobs import Fetcher, Processor, Worker, poll
from minijobs.monitor import Told, folded, unfolded


def test_before_anything_happens_redis_was_told_nothing(lesson):
    assert commands().names() == "nothing"
    assert str(commands()) == "(minijobs sent Redis no command)"


def test_what_a_pipeline_sends_is_written_down_command_by_command(lesson, push):
    push()
    assert commands().names() == "SADD, LPUSH"


def test_a_transaction_is_written_down_with_its_beginning_and_end(lesson):
    with session._session.redis.pipeline(transaction=True) as pipe:
        pipe.set("one", 1)
        pipe.set("two", 2)
        pipe.execute()
    assert commands().names() == "MULTI, SET, SET, EXEC"


def test_a_command_by_itself_is_written_down(lesson, push):
    push()
    commands()
    Fetcher("default").fetch()
    assert commands("lmove").names() == "LMOVE"


def test_each_command_is_told_once(lesson, push):
    push()
    assert len(commands()) == 2
    assert len(commands()) == 0


def test_a_look_with_a_filter_is_a_look_too(lesson, push):
    push()
    assert commands("lpush").names() == "LPUSH"
    assert commands().names() == "nothing"


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("lpush", "LPUSH"),
        ("LPUSH", "LPUSH"),
        ("hset|lpush", "LPUSH"),
        ("ada@example", "LPUSH"),
        ("queue", "SADD, LPUSH"),
        ("^(sadd)", "SADD"),
        ("hset .*:work", "nothing"),
    ],
)
def test_the_filter_is_that_of_grep(lesson, pattern, names, push):
    push()
    told = commands()
    assert told.only(pattern).names() == names
    assert told.names() == "SADD, LPUSH"  # the filter took nothing away


def test_the_client_to_look_with_is_not_listened_to(lesson):
    lesson.set("mine", "x")
    lesson.get("mine")
    assert commands().names() == "nothing"


def test_the_look_itself_is_not_listened_to(lesson, push):
    from lessons.kit import keys, where

    jid = push()
    commands()
    keys()
    assert where(jid) == "queue:default"
    assert commands().names() == "nothing"


def test_a_job_in_a_command_is_folded_into_a_line_and_unfolded_on_request(lesson, push):
    jid = push()
    told = commands()
    sadd, lpush = told.lines()
    assert sadd == "SADD queues default"
    assert lpush.startswith('LPUSH queue:default {"')
    assert lpush.endswith("…")
    assert len(lpush) <= 80
    unfolded = told.only("lpush", unfold=True).lines()
    assert unfolded[0] == "LPUSH queue:default"
    assert f'    jid: "{jid}"' in unfolded
    assert max(map(len, unfolded)) <= 80


def test_a_job_quoted_inside_another_text_is_unfolded_too():
    assert unfolded('{"queue":"default","payload":"{\\"jid\\":\\"1\\"}"}') == [
        '{ queue: "default"',
        "  payload:",
        '      { jid: "1" } }',
    ]


@pytest.mark.parametrize("text", ["default", "[1, 2]", "{broken", "", "1"])
def test_only_a_json_object_is_folded_or_unfolded(text):
    assert unfolded(text) == []
    assert folded(text * 50) == text * 50


def test_a_bytes_argument_that_is_no_text_is_shown_escaped(lesson):
    session._session.redis.set("key", b"\xff")
    assert str(commands()) == "SET key \\xff"


def test_as_html_it_is_preformatted_text_and_nothing_in_it_is_html():
    page = Commands([Told(0, ("SET", "<b>", "&"))])._repr_html_()
    assert re.fullmatch(r"<pre[^>]*>SET &lt;b&gt; &amp;</pre>", page)


def made():
    return session._session.recorder.made


def test_the_keys_of_a_whole_life_of_a_job_are_known(lesson, gif):
    """Whatever is known is deleted at the end; what is not known would stay in somebody's Redis."""

    class Fails(Worker):
        def perform(self):
            raise ConnectionError("no")

    from minijobs import Heartbeat

    processor = Processor(Fetcher("default"))
    Fails.perform_async()
    gif.set(queue="cards").perform_async("ada@example.com", "hello")
    gif.perform_in(1000, "ada@example.com", "later")
    processor.process_one()
    Heartbeat(processor).beat()
    poll(now=4e9)
    assert {name.decode() for name in lesson.scan_iter()} - session.OURS <= made()


def test_the_keys_that_a_script_is_given_are_known(lesson):
    lesson.eval("redis.call('SET', KEYS[1], ARGV[1])", 1, "by a script", "x")
    assert made() == {"by a script"}


def test_reading_makes_no_key(lesson):
    lesson.get("one")
    lesson.lrange("two", 0, -1)
    lesson.exists("three")
    lesson.delete("four")
    assert made() == set()


@pytest.mark.parametrize(
    "typed",
    [
        *("SET it 1", "SETEX it 100 1", "SETNX it 1", "MSET other 1 it 1", "APPEND it x"),
        *("INCR it", "DECR it", "INCRBYFLOAT it 0.5", "LPUSH it a", "RPUSH it a", "SADD it a", "ZADD it 1 a"),
        *("ZINCRBY it 1 a", "HSET it a 1", "HSETNX it a 1", "HINCRBY it a 1", "XADD it * a 1"),
        *("SET other 1; RENAME other it", "SET other 1; COPY other it", "SADD other a; SMOVE other it a"),
        *("RPUSH other a; RPOPLPUSH other it", "RPUSH other a; LMOVE other it LEFT LEFT"),
    ],
)
def test_what_somebody_writes_by_hand_is_known_too(lesson, typed):
    for command in typed.split("; "):
        lesson.execute_command(*command.split())
    assert lesson.exists("it")
    assert "it" in made()
