"""The timeline: who did what when, in letters, as a picture, and in words for who cannot see it."""

from __future__ import annotations

import base64
import builtins
import re
import time
from contextlib import suppress
from xml.etree import ElementTree

import pytest

from lessons.course import player
from lessons.kit import catch_mail, clock, predict, send_gif, stage, timeline
from lessons.kit.timeline import WIDTH, Event, Timeline, mark, now, reading
from minijobs import Fetcher, Processor, Worker


@pytest.fixture
def day():
    """Your code is quick, the worker takes five seconds, and a mail arrives at their end."""
    return Timeline(
        [
            Event("your code", "perform_async", 100.0, 100.001),
            Event("worker process", "SendGif", 101.0, 106.0),
            Event("inbox", "mail to ada@example.com", 106.0, 106.0),
        ]
    )


def bars(drawn):
    """Of each line of the text, where its bar begins and how long it is."""
    return [(min(map(line.find, set(line) & set("█●"))), line.count("█")) for line in drawn.lines()[1:]]


def test_each_lane_has_a_line_in_the_order_of_the_story(day):
    scale, *lanes = day.lines()
    assert scale.split() == ["0", "s", "6.0", "s"]
    assert [line[:14].strip() for line in lanes] == ["your code", "worker process", "inbox"]
    assert "SendGif, 5.0 s" in lanes[1]


def test_what_takes_time_is_a_bar_and_what_happens_at_once_a_dot(day):
    (first, none), (second, long), (third, no) = bars(day)
    assert (none, no) == (0, 0)
    assert long > 20
    assert first < second < third


def test_a_bar_ends_where_the_next_thing_begins(day):
    _, (begin, long), (dot, _) = bars(day)
    assert abs(begin + long - dot) <= 1


def test_no_line_is_wider_than_a_terminal(day):
    assert max(map(len, day.lines())) <= WIDTH + 1 <= 80


def test_a_lane_with_two_events_has_its_name_once():
    drawn = Timeline([Event("worker process", "one", 0, 1), Event("worker process", "two", 1, 2)])
    assert [line.split()[0] for line in drawn.lines()[1:]] == ["your", "worker", "two,", "inbox"]


def test_a_lane_of_ones_own_comes_after_the_others():
    assert Timeline([Event("poller", "poll", 0, 1)]).lines()[-1].startswith("poller")


def test_when_nothing_happened_it_says_so():
    assert str(timeline()) == "(nothing happened)"


def test_the_picture_is_a_picture_with_words_and_text_beside_it(day):
    drawn, alternative = picture(day)
    assert float(drawn.get("width").removesuffix("pt")) > 400
    texts = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert {"your code", "worker process", "inbox", "SendGif, 5.0 s", "seconds"} <= set(texts)
    assert alternative == (
        "your code: perform_async, 0.0 s, at 0.0 s; worker process: SendGif, 5.0 s, at 1.0 s; "
        "inbox: mail to ada@example.com, at 6.0 s"
    )


def test_the_same_day_is_the_same_picture_on_a_page_of_any_colour(day):
    assert day.html() == day.html()
    drawn, _ = picture(day)
    colours = set(re.findall(r"#[0-9a-f]{6}\b", ElementTree.tostring(drawn, encoding="unicode")))
    assert not colours & {"#ffffff", "#000000"}


def picture(drawn):
    """What a notebook shows: the SVG, and the words beside it."""
    source, alternative = re.fullmatch(
        r'<img src="data:image/svg\+xml;base64,([^"]+)" alt="([^"]*)">', drawn.html()
    ).groups()
    return ElementTree.fromstring(base64.b64decode(source)), alternative


def test_an_empty_picture_can_be_drawn_too():
    picture(Timeline([]))


def test_a_run_of_a_job_fills_the_workers_lane_and_a_mail_that_of_the_inbox(lesson):
    catch_mail().refuse(1)

    class SendGif(Worker):
        def perform(self):
            send_gif("ada@example.com", "hello", seconds=0)

    with clock("perform_async"):
        SendGif.perform_async()
        SendGif.perform_async()
    processor = Processor(Fetcher("default"))
    processor.process_one()
    processor.process_one()
    assert [(event.lane, event.what) for event in timeline().events] == [
        ("your code", "perform_async"),
        ("worker process", "SendGif"),
        ("inbox", "refused"),
        ("worker process", "SendGif"),
        ("inbox", "mail to ada@example.com"),
    ]


def test_a_direct_call_is_not_in_the_workers_lane(lesson, gif):
    gif().perform("ada@example.com", "hello")
    assert timeline().events == []


def test_what_fails_is_timed_too():
    with pytest.raises(ValueError, match="no"), clock("perform") as event:
        raise ValueError("no")
    assert event.end >= event.begin
    assert [event.what for event in timeline().events] == ["perform"]


def test_what_is_timed_is_in_the_lane_of_your_code_unless_another_is_named():
    with clock("create"):
        pass
    with clock("poll", "poller"):
        pass
    assert [(event.lane, event.what) for event in timeline().events] == [("your code", "create"), ("poller", "poll")]


# The clock stands still while somebody sits at a prompt.


@pytest.fixture
def at_the_prompt(monkeypatch):
    """Somebody sits at the terminal: each line that they type takes them a hundred seconds. Nothing else takes time."""
    seconds, lines = [5000.0], []

    def read(question=""):
        seconds[0] += 100
        if not lines or lines[0] is EOFError:
            del lines[:1]
            raise EOFError
        return lines.pop(0)

    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    monkeypatch.setattr(builtins, "input", read)
    monkeypatch.setattr(stage, "watched", True)
    return seconds, lines


def test_the_clock_stands_still_while_somebody_reads(at_the_prompt):
    seconds, _ = at_the_prompt
    with clock("before"):
        seconds[0] += 2
    with reading():
        seconds[0] += 1000
    mark("inbox", "after")
    with suppress(KeyboardInterrupt), reading():
        seconds[0] += 1000
        raise KeyboardInterrupt
    with clock("later"):
        seconds[0] += 3
    before, after, later = timeline().events
    assert (before.seconds, later.seconds) == (2, 3)
    assert after.begin == before.end
    assert later.begin == after.end


def test_what_somebody_reads_inside_of_what_is_timed_does_not_count(at_the_prompt):
    seconds, _ = at_the_prompt
    with clock("create") as event:
        seconds[0] += 1
        with reading():
            seconds[0] += 1000
        seconds[0] += 1
    assert event.seconds == 2


def test_the_clock_stands_still_at_a_question(at_the_prompt):
    seconds, lines = at_the_prompt
    lines += ["z", "a"]
    before = now()
    assert predict("Where?", a="Here.", b="There.").guess == "a"
    assert seconds == [5200]
    assert now() == before


def test_the_clock_stands_still_at_a_step_and_at_the_python_prompt_there(at_the_prompt, monkeypatch):
    monkeypatch.setattr(stage, "look", lambda: player._look({}))
    seconds, lines = at_the_prompt
    lines += ["what?", "p", "1 + 1", EOFError, ""]
    before = now()
    player._wait("go on? ")
    assert seconds == [5500]
    assert now() == before


def test_the_clock_stands_still_when_the_input_ends(at_the_prompt):
    seconds, _ = at_the_prompt
    before = now()
    with pytest.raises(stage.Stop):
        player._wait("go on? ")
    assert seconds == [5100]
    assert now() == before


def test_each_picture_begins_where_the_last_one_ended():
    with clock("one"):
        pass
    assert len(timeline().events) == 1
    assert timeline().events == []


def test_a_lesson_begins_with_an_empty_picture():
    from lessons.kit import start

    with clock("before"):
        pass
    start()
    assert timeline().events == []


def test_a_prompt_within_a_prompt_is_not_counted_twice():
    before = now()
    with reading(), reading():
        time.sleep(0.02)
    assert now() >= before
