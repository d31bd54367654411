"""The daily history, as shapes: a bar for each day, in a picture that is 100 high and one unit wide for each day."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

HIGH = 100.0


class Bar(NamedTuple):
    """One day: how many runs succeeded and how many failed, and the heights of its two bars; the failed one is below."""

    day: date
    done: int
    failed: int
    done_height: float
    failed_height: float


class Chart(NamedTuple):
    """The bars of some days, earliest first, and the number of runs that the full height stands for."""

    bars: list[Bar]
    top: int


def bars(history: dict[date, tuple[int, int]]) -> Chart:
    """The bars for a history of `Stats`, which has for each day the number of runs, and how many of them failed.

    >>> [bar] = bars({date(2026, 11, 24): (80, 20)}).bars
    >>> bar.done, bar.failed, bar.done_height, bar.failed_height
    (60, 20, 75.0, 25.0)
    """
    top = round_up(max((max(runs, failed) for runs, failed in history.values()), default=0))
    drawn = []
    for day, (runs, failed) in sorted(history.items()):
        done = max(0, runs - failed)
        drawn.append(Bar(day, done, failed, HIGH * done / top, HIGH * failed / top))
    return Chart(drawn, top)


def round_up(count: int) -> int:
    """The next number that reads well at the end of an axis: one digit and zeros, or 15 and zeros.

    >>> [round_up(count) for count in (0, 1, 7, 80, 120, 10_400, 99_999)]
    [1, 1, 8, 80, 150, 15000, 100000]
    """
    unit = int("1" + "0" * (len(str(count)) - 1))
    return next(top for step in (10, 15, 20, 30, 40, 50, 60, 80, 100) if (top := -(-step * unit // 10)) >= count)
