"""Curves: in letters, as a picture, and in words for those who cannot see it."""

from __future__ import annotations

import re

import pytest

from lessons.kit import Curves
from lessons.kit.curves import BOTH, COLUMNS, ROWS


@pytest.fixture
def two():
    """A measured curve, and one that a model has made, which agree at one of three points."""
    return Curves(
        "seconds", "threads", {"measured": [(1, 4.0), (2, 2.0), (5, 1.0)], "model": [(1, 4.0), (2, 4.0), (5, 0.0)]}
    )


def plot(picture):
    """What is inside the frame, row by row."""
    return [match[1] for line in picture.lines() if (match := re.search("┤(.*)├", line))]


def test_a_point_stands_as_high_as_its_value_and_as_far_right(two):
    rows = plot(two)
    assert len(rows) == ROWS
    assert {len(row) for row in rows} == {COLUMNS}
    assert rows[0].startswith(BOTH)  # both are highest at 1 thread
    assert rows[0].rstrip()[-1] == "○"
    assert rows[0].rstrip().index("○") == round((COLUMNS - 1) / 4)
    assert rows[ROWS // 2].strip() == "●"  # 2.0 of 4.0, in the middle
    assert rows[-1] == " " * (COLUMNS - 1) + "○"


def test_the_axes_and_the_values_stand_around_it(two):
    head, first, *_, last, below, measured, model = two.lines()
    assert head == "seconds"
    assert first.split("┤")[0].strip() == "≈ 4.0"
    assert last.split("┤")[0].strip() == "0"
    assert below.split() == ["1", "2", "5", "threads"]
    assert below.index("5") - below.index("1") == COLUMNS - 1
    assert measured.split() == ["●", "measured", "≈", "4.0", "≈", "2.0", "≈", "1.0"]
    assert model.split()[:2] == ["○", "model"]


def test_of_many_points_the_values_are_left_out():
    day = Curves("jobs", "hour", {"day": [(hour / 6, hour % 20) for hour in range(144)]})
    assert day.lines()[-1] == "  ● day"
    assert day.sentences() == "jobs, by hour: day: from ≈ 0.0 to ≈ 3.0, at most ≈ 19.0"


def test_no_line_is_wider_than_a_terminal():
    names = {"a" * 18: [(n, 12_345.0) for n in range(6)], "b": [(n, 0.001) for n in range(6)]}
    assert max(map(len, Curves("jobs a second", "threads", names).lines())) <= 80


@pytest.mark.parametrize("curves", [{}, {"none": []}, {"one": [(1, 0.0)]}])
def test_nothing_and_one_point_can_be_shown(curves):
    picture = Curves("y", "x", curves)
    assert len(plot(picture)) == ROWS
    assert picture.html().startswith("<img")


def test_the_drawing_says_the_same_in_words_and_is_the_same_each_time(two):
    html = two._repr_html_()
    assert html == two._repr_html_()
    assert re.search(r'alt="([^"]*)"', html)[1] == (
        "seconds, by threads: measured: 1: ≈ 4.0, 2: ≈ 2.0, 5: ≈ 1.0; model: 1: ≈ 4.0, 2: ≈ 4.0, 5: ≈ 0.0"
    )
