"""The keys at a step, with their marks, as text, in a notebook and in a terminal."""

from __future__ import annotations

import io
import re
import threading
import time
from html.parser import HTMLParser

import pytest
from rich.console import Console

from lessons.kit import keys
from lessons.kit.keys import Keys, Snapshot, Value
from minijobs import Worker


def lines_about(name):
    """What `keys()` says about a key: its line and the indented ones under it."""
    about, mine = [], False
    for line in keys().lines():
        mine = line[2:].startswith(f"{name}  ") if not line.startswith("    ") else mine
        if mine:
            about.append(line)
    return about


def test_an_empty_redis_is_said_to_be_empty(lesson):
    assert str(keys()) == "(Redis holds nothing)"
    assert keys().html() == "<p>(Redis holds nothing)</p>"


def test_a_key_is_new_then_unchanged_then_changed_then_gone(lesson):
    lesson.rpush("letters", "a")
    assert keys().changes() == {"letters": "+"}
    assert keys().changes() == {"letters": " "}
    lesson.rpush("letters", "b")
    assert keys().changes() == {"letters": "~"}
    lesson.delete("letters")
    assert keys().changes() == {"letters": "-"}
    assert keys().changes() == {}


def test_a_key_that_is_gone_is_one_line(lesson):
    lesson.rpush("letters", "a", "b")
    keys()
    lesson.delete("letters")
    assert keys().lines() == ["- letters  gone"]


def test_an_unchanged_key_is_one_line(lesson, gif):
    gif.perform_async("ada@example.com", "hello")
    keys()
    assert keys().lines() == ["  queue:default  list, 1 entry", "  queues  set, 1 member"]


# For each type of key: what is written first, then, and last, and what is said about it each time.
STEPS = {
    "list": (
        lambda redis: redis.rpush("it", "a", "b"),
        ["+ it  list, 2 entries", "    + a", "    + b"],
        lambda redis: redis.lpush("it", "c"),
        ["~ it  list, 3 entries", "    + c"],
        lambda redis: redis.lrem("it", 1, "a"),
        ["~ it  list, 2 entries", "    - a"],
    ),
    "set": (
        lambda redis: redis.sadd("it", "b", "a"),
        ["+ it  set, 2 members", "    + a", "    + b"],
        lambda redis: redis.sadd("it", "c"),
        ["~ it  set, 3 members", "    + c"],
        lambda redis: redis.srem("it", "a", "b"),
        ["~ it  set, 1 member", "    - a", "    - b"],
    ),
    "sorted set": (
        lambda redis: redis.zadd("it", {"a": 0.5, "b": 1.5}),
        ["+ it  sorted set, 2 members", "    + score 0.500 (AWAY): a", "    + score 1.500 (AWAY): b"],
        lambda redis: redis.zadd("it", {"b": 2.5}),
        ["~ it  sorted set, 2 members", "    + score 2.500 (AWAY): b", "    - score 1.500 (AWAY): b"],
        lambda redis: redis.zrem("it", "a"),
        ["~ it  sorted set, 1 member", "    - score 0.500 (AWAY): a"],
    ),
    "hash": (
        lambda redis: redis.hset("it", mapping={"name": "Ada", "town": "London"}),
        ["+ it  hash, 2 fields", "    + name: Ada", "    + town: London"],
        lambda redis: redis.hset("it", "name", "Grace"),
        ["~ it  hash, 2 fields", "    ~ name: Grace"],
        lambda redis: redis.hdel("it", "town"),
        ["~ it  hash, 1 field", "    - town: London"],
    ),
    "string": (
        lambda redis: redis.set("it", "one"),
        ["+ it  string", "    + one"],
        lambda redis: redis.set("it", "two"),
        ["~ it  string", "    + two", "    - one"],
        lambda redis: redis.delete("it"),
        [],  # it is gone: a line of its own, see above
    ),
}


@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_what_enters_a_key_what_changes_in_it_and_what_leaves_it_is_marked(lesson, steps):
    for write, said in zip(steps[::2], steps[1::2], strict=True):
        write(lesson)
        about = [re.sub(r"\([^)]* ago\)", "(AWAY)", line) for line in lines_about("it")]
        assert about == (said or ["- it  gone"])


def test_of_two_equal_entries_only_the_one_that_came_is_new(lesson):
    lesson.rpush("letters", "a")
    keys()
    lesson.rpush("letters", "a")
    assert keys().lines() == ["~ letters  list, 2 entries", "    + a"]


def test_of_very_many_entries_some_are_shown_and_the_others_counted(lesson):
    lesson.rpush("many", *range(1_101))
    assert keys().lines() == ["+ many  list, 1101 entries", *(f"    + {n}" for n in range(30)), "    + … and 1,071 more"]
    lesson.delete("many")
    lesson.rpush("many", "last")
    assert keys().lines()[-2:] == ["    - 29", "    - … and 1,071 more"]


def test_a_value_is_shown_as_it_is_with_its_spaces(lesson):
    lesson.hset("it", "name", "Ada  Lovelace")
    assert lines_about("it") == ["+ it  hash, 1 field", "    + name: Ada  Lovelace"]


def test_a_new_job_is_unfolded_a_field_a_line(lesson, gif):
    jid = gif.perform_async("ada@example.com", "hello")
    lines = lines_about("queue:default")
    assert lines[0] == "+ queue:default  list, 1 entry"
    assert lines[1].startswith("    + { ")
    assert '        args: ["ada@example.com", "hello"]' in lines
    assert f'        jid: "{jid}"' in lines
    assert lines[-1].endswith(" }")


def test_a_job_that_left_is_folded_into_a_line(lesson, gif):
    gif.perform_async("ada@example.com", "one")
    gif.perform_async("ada@example.com", "two")
    keys()
    lesson.rpop("queue:default")
    _, left = lines_about("queue:default")
    assert re.fullmatch(r"    - \{\".{38}…", left)


@pytest.mark.parametrize(
    ("away", "said"),
    [(0, "now"), (15, "15 s from now"), (-15, "15 s ago"), (600, "10 minutes from now"), (-86_400 * 3, "3 days ago")],
)
def test_a_score_says_how_far_away_it_is(away, said):
    looked = Keys(Snapshot({}), Snapshot({"retry": Value("zset", ((f"{time.time() + away:.3f}", "a"),))}))
    assert f"({said})" in looked.lines()[1]


def test_a_key_that_redis_will_delete_says_when(lesson):
    lesson.set("short", "x", ex=60)
    assert lines_about("short")[0] == "+ short  string, expires in 60 s"


def test_keys_named_after_a_process_come_last(lesson):
    for name in ("zebra", "a-machine:12:0123456789ab", "apple"):
        lesson.set(name, "x")
    assert list(keys().changes()) == ["apple", "zebra", "a-machine:12:0123456789ab"]


def test_what_another_program_keeps_in_the_same_database_does_not_stop_the_look(lesson):
    lesson.execute_command("XADD", "events", "*", "field", "value")  # a stream: a type that no lesson is about
    lesson.set(b"\xff\xfe", b"\xff")  # neither the name nor the value is text
    assert keys().lines() == ["+ \\xff\\xfe  string", "    + \\xff", "+ events  stream"]


def test_a_job_that_moves_meanwhile_is_seen_in_one_place_each_time(lesson):
    over = threading.Event()

    def move():
        while not over.is_set():
            lesson.lmove("here", "there", "LEFT", "RIGHT")
            lesson.lmove("there", "here", "RIGHT", "LEFT")

    lesson.rpush("here", "job", "one that stays")
    lesson.rpush("there", "another one")
    mover = threading.Thread(target=move)
    mover.start()
    seen = [list(Snapshot.take(lesson).values.values()) for _ in range(100)]
    over.set()
    mover.join()
    assert [sum(("", "job") in value.entries for value in values) for values in seen] == [1] * 100


class Words(HTMLParser):
    """The text of a page, cell by cell, as it is left when every style is stripped; and whether each tag was closed."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.words, self.open = [], [], []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_in_a_notebook_it_is_a_table_with_the_marks_in_words(lesson):
    lesson.rpush("letters", "a")
    lesson.set("gone", "x")
    keys()
    lesson.rpush("letters", "b")
    lesson.delete("gone")
    lesson.hset("new", "name", "Ada")
    page = Words(keys().html())
    assert not page.open
    assert {"table", "tr", "td"} <= set(page.tags)
    assert page.words == [
        *("key", "type", "holds"),
        *("-", "gone", "gone"),
        *("~", "letters", "list, 2 entries", "+ b"),
        *("+", "new", "hash, 1 field", "+ name: Ada"),
    ]


def test_in_a_notebook_nothing_out_of_redis_is_read_as_html(lesson):
    lesson.set("<b>key</b>", "<script>alert(1)</script>")
    page = Words(keys().html())
    assert "<b>key</b>" in page.words
    assert "+ <script>alert(1)</script>" in page.words
    assert "script" not in page.tags


def in_a_terminal(value, width=80):
    paper = io.StringIO()
    Console(file=paper, width=width, highlight=False).print(value)
    return paper.getvalue()


def test_in_a_terminal_it_is_the_same_text(lesson, gif):
    gif.perform_async("ada@example.com", "hello")
    looked = keys()
    assert [line.rstrip() for line in in_a_terminal(looked).splitlines()] == looked.lines()


def test_in_a_terminal_a_square_bracket_is_no_markup(lesson):
    lesson.set("[bold]key", "[red]value[/red]")
    assert "[red]value[/red]" in in_a_terminal(keys())


def test_a_job_that_waits_and_one_that_failed_fit_a_terminal_of_80_columns(lesson, gif):
    from minijobs import Fetcher, Processor

    class Fails(Worker):
        def perform(self, email, thought):
            raise ConnectionError("451 The mail server is busy, try again later")

    gif.perform_async("ada@example.com", "a cat on a skateboard")
    Fails.set(queue="cards").perform_async("ada@example.com", "a cat on a skateboard")
    Processor(Fetcher("cards")).process_one()
    assert max(map(len, keys().lines())) <= 80
