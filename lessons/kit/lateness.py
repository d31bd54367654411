"""How late jobs are: a row for each group of them, the higher, the more of them are late by so much."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise

from .drawing import BELOW, RED, Drawing, image
from .show import Shown

COLUMNS = 36
HEIGHTS = "·▁▂▃▄▅▆▇█"  # the first one is none at all

# What stands beside a row, and how many of its jobs are no later than that.
MARKS = {"half by": 0.5, "19 of 20": 0.95, "all by": 1.0}


class Lateness(Shown):
    """The picture: in a notebook drawn, elsewhere in letters. `groups` are the seconds by which jobs were late, by a name.

    >>> Lateness({"a": [0.1, 0.2, 0.4], "b": [0.8]}).sentences()
    'How late: a: half by 0.20 s, 19 of 20 by 0.40 s, all by 0.40 s; b: half by 0.80 s, 19 of 20 by 0.80 s, all by 0.80 s'
    """

    def __init__(self, groups: Mapping[str, Sequence[float]]) -> None:
        self.groups = {name: sorted(max(0.0, one) for one in late) for name, late in groups.items()}
        self.latest = max((late[-1] for late in self.groups.values() if late), default=0.0)

    def lines(self) -> list[str]:
        left = max(map(len, self.groups), default=0)
        scale = f"0 s{f'late by {self._seconds(self.latest)}':>{COLUMNS - 3}}"
        lines = ["  ".join([f"{'':{left}}", scale, *MARKS])]
        highest = max((max(self.shares(name)) for name in self.groups), default=0) or 1
        for name in self.groups:
            bars = "".join(HEIGHTS[math.ceil(share / highest * (len(HEIGHTS) - 1))] for share in self.shares(name))
            marks = [f"{self.within(name, share):>{len(mark)}}" for mark, share in MARKS.items()]
            lines.append("  ".join([f"{name:{left}}", bars, *marks]))
        return lines

    def sentences(self) -> str:
        """The same in words, for those who cannot see the picture."""
        told = {
            name: [f"{mark.removesuffix(' by')} by {self.within(name, share)}" for mark, share in MARKS.items()]
            for name in self.groups
        }
        return "How late: " + "; ".join(f"{name}: {', '.join(marks)}" for name, marks in told.items())

    def html(self) -> str:
        """The drawing."""
        return image(self._drawn(), self.sentences())

    def within(self, name: str, share: float) -> str:
        """So many seconds late is this share of a group at most."""
        late = self.groups[name]
        return self._seconds(late[math.ceil(share * len(late)) - 1]) if late else "–"

    def shares(self, name: str, columns: int = COLUMNS) -> list[float]:
        """Of a group, which share is late by so much, column by column."""
        late, counts = self.groups[name], [0] * columns
        for one in late:
            counts[min(int(one / (self.latest or 1) * columns), columns - 1)] += 1
        return [count / (len(late) or 1) for count in counts]

    def _seconds(self, seconds: float) -> str:
        return f"{seconds:.{1 if self.latest >= 2 else 2}f} s"

    def _drawn(self) -> bytes:
        said = {
            name: [f"{mark} {self.within(name, share)}" for mark, share in MARKS.items() if share in (0.5, 1)]
            for name in self.groups
        }
        picture = Drawing(
            BELOW + 34 * len(self.groups),
            x=(-self.latest * 0.01 - 0.001, self.latest * 1.02 + 0.001),
            y=(-len(self.groups) + 0.9, 1),
            across="seconds late",
            rows={-row + 0.4: name for row, name in enumerate(self.groups)},
            beside=max((len(line) for lines in said.values() for line in lines), default=0),
        )
        columns = 2 * COLUMNS
        edges = [self.latest * number / columns for number in range(columns + 1)]
        highest = max((max(self.shares(name, columns)) for name in self.groups), default=0) or 1
        for row, (name, late) in enumerate(self.groups.items()):
            tops = [-row + 0.85 * share / highest for share in self.shares(name, columns)]
            steps = [(x, top) for ends, top in zip(pairwise(edges), tops, strict=True) for x in ends]
            picture.area([(0, -row), *steps, (edges[-1], -row)])
            if late:
                half = late[math.ceil(len(late) / 2) - 1]
                picture.line([(half, -row), (half, -row + 0.85)], RED)
                picture.beside(-row + 0.4, said[name])
        return picture.svg()
