"""How late jobs are: in letters, as a picture, and in words for those who cannot see it."""

from __future__ import annotations

import re

import pytest

from lessons.kit import Lateness
from lessons.kit.lateness import COLUMNS, HEIGHTS, MARKS


@pytest.fixture
def two():
    """One process whose jobs are all a little late, and ten of which one is very late."""
    return Lateness({"1 process": [1.0, 2.0, 3.0, 4.0], "10 processes": [0.5, 0.5, 0.5, 0.5, 20.0]})


def rows(picture):
    """The bars of each group."""
    return [re.search(f"[{HEIGHTS}]+", line)[0] for line in picture.lines()[1:]]


def test_each_group_has_a_row_and_all_have_one_scale(two):
    head, first, second = two.lines()
    assert head.split() == ["0", "s", "late", "by", "20.0", "s", *" ".join(MARKS).split()]
    assert first.startswith("1 process ")
    assert second.startswith("10 processes ")
    assert {len(bars) for bars in rows(two)} == {COLUMNS}


def test_a_bar_is_as_high_as_many_are_late_by_so_much(two):
    first, second = rows(two)
    assert second[0] == second.replace(HEIGHTS[0], "")[0] == HEIGHTS[-1]  # four of five: the highest of all
    assert [first[int(late / 20 * COLUMNS)] for late in (1, 2, 3, 4)] == [first[1]] * 4
    assert HEIGHTS[0] < first[1] < HEIGHTS[-1]


def test_one_of_many_can_be_seen():
    (bars,) = rows(Lateness({"jobs": [0.1] * 10_000 + [9.0]}))
    assert bars[-1] == HEIGHTS[1]
    assert set(bars[1:-1]) == {HEIGHTS[0]}


def test_beside_a_row_stands_how_late_half_nearly_all_and_all_of_them_are(two):
    assert [two.within("10 processes", share) for share in MARKS.values()] == ["0.5 s", "20.0 s", "20.0 s"]
    assert two.lines()[1].endswith("2.0 s     4.0 s   4.0 s")


def test_short_times_are_told_more_closely():
    assert Lateness({"jobs": [0.123, 0.456]}).within("jobs", 1) == "0.46 s"


def test_no_line_is_wider_than_a_terminal():
    picture = Lateness({"10 processes": [0.0, 123.4]})
    assert max(map(len, picture.lines())) <= 80


def test_a_clock_that_is_a_moment_ahead_makes_nobody_early():
    assert Lateness({"jobs": [-0.001, 0.5]}).within("jobs", 0.5) == "0.00 s"


@pytest.mark.parametrize("groups", [{}, {"jobs": []}, {"jobs": [0.0]}])
def test_nothing_and_nobody_late_can_be_shown(groups):
    picture = Lateness(groups)
    assert len(picture.lines()) == 1 + len(groups)
    assert picture.html().startswith("<img")


def test_the_drawing_says_the_same_in_words_and_is_the_same_each_time(two):
    html = two._repr_html_()
    assert html == two._repr_html_()
    assert re.search(r'alt="([^"]*)"', html)[1] == (
        "How late: 1 process: half by 2.0 s, 19 of 20 by 4.0 s, all by 4.0 s; "
        "10 processes: half by 0.5 s, 19 of 20 by 20.0 s, all by 20.0 s"
    )
