"""Pictures: what is where, and that a reader of any theme sees it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from lessons.kit.drawing import Drawing, ticks

SVG = "{http://www.w3.org/2000/svg}"


def drawn(picture):
    return ElementTree.fromstring(picture.svg())


def drawing(**more):
    return Drawing(200, x=(0, 10), y=(0, 4), across="seconds", **more)


def words(picture):
    return [text.text for text in drawn(picture).iter(f"{SVG}text")]


def test_what_is_twice_as_far_on_the_axis_is_twice_as_far_in_the_picture():
    picture = drawing(rows={1: "one", 3: "three"})
    for x in (0, 5, 10):
        picture.mark(x, 1, "o", "#787878")
    left, middle, right = (float(disc.get("cx")) for disc in drawn(picture).iter(f"{SVG}circle"))
    assert middle - left == pytest.approx(right - middle, abs=0.2)
    assert middle > left


def test_a_higher_number_is_higher_up():
    picture = drawing(up="jobs")
    picture.mark(5, 1, "o", "#787878")
    picture.mark(5, 3, "o", "#787878")
    low, high = (float(disc.get("cy")) for disc in drawn(picture).iter(f"{SVG}circle"))
    assert high < low


def test_a_bar_ends_where_it_should_and_is_under_its_name():
    picture = drawing(rows={1: "worker process"})
    picture.bar(2, 6, 1, 0.5)
    (bar,) = drawn(picture).iter(f"{SVG}rect")
    name = next(text for text in drawn(picture).iter(f"{SVG}text") if text.text == "worker process")
    assert float(bar.get("y")) < float(name.get("y")) < float(bar.get("y")) + float(bar.get("height"))
    assert float(name.get("x")) < float(bar.get("x"))


def test_words_stay_words_whatever_is_in_them():
    picture = drawing(rows={1: "<b> & co"}, code=True, beside=9, legend=[("model & run", "s", "#787878")])
    picture.words(3, 1, "5 < 6", end=True)
    picture.beside(1, ["half by", "all by"])
    assert {"<b> & co", "5 < 6", "half by", "all by", "model & run", "seconds"} <= set(words(picture))


@pytest.mark.parametrize("kind", ["o", "s", "x", "+"])
def test_each_kind_of_mark_looks_different(kind):
    pictures = []
    for one in {"o", "s", "x", "+"} - {kind} | {kind}:
        picture = drawing()
        picture.mark(1, 1, one, "#787878")
        pictures.append(picture.svg())
    assert len(set(pictures)) == 4


def test_a_legend_stands_above_what_is_drawn_and_has_as_many_rows_as_it_needs():
    def rows_of(names):
        picture = drawing(up="jobs", legend=[(name, "o", "#787878") for name in names])
        picture.mark(10, 4, "s", "#787878")
        lowest = max(float(disc.get("cy")) for disc in drawn(picture).iter(f"{SVG}circle"))
        (highest,) = (float(square.get("y")) for square in drawn(picture).iter(f"{SVG}rect"))
        assert lowest < highest
        return len({disc.get("cy") for disc in drawn(picture).iter(f"{SVG}circle")})

    assert rows_of(["model", "measured"]) == 1
    assert rows_of([f"what was measured, number {n}" for n in range(4)]) > 1


def test_counts_have_no_halves():
    assert ticks(0.5, 2.5, most=8, whole=True) == [1, 2]
    assert 1.5 in ticks(0.5, 2.5, most=8)


@pytest.mark.parametrize(("first", "last"), [(0, 0), (0, 1e-9), (0, 0.003), (-0.1, 12.4), (0, 86400), (3, 4)])
def test_an_axis_has_a_few_round_numbers(first, last):
    found = ticks(first, last, most=8)
    assert len(found) <= 9
    assert all(first - 1e-9 <= number <= last + 1e-9 for number in found)
