"""Curves over one axis: in a notebook drawn, elsewhere in letters.

What was measured, or is a rounded number, has `≈` before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .drawing import BLUE, GREY, RED, Drawing, image
from .show import Shown

ROWS, COLUMNS = 7, 52
LEFT = 11  # columns to the left of the picture, for what the highest row means

MARKS = "●○×+"
BOTH = "◉"  # where two curves meet
FEW = 6  # so many points of a curve are told one by one

TONES = (BLUE, RED, GREY, "#72994e")
DRAWN = ("o", "s", "x", "+")
MANY = 30  # points of a curve that are too many to draw each

Points = Sequence[tuple[float, float]]


class Curves(Shown):
    """The picture. `curves` are the points of each curve, by its name; `up` and `across` say what the axes are.

    >>> Curves("seconds waited", "threads", {"measured": [(1, 4.0), (2, 2.0)], "model": [(1, 4.1), (2, 1.9)]}).sentences()
    'seconds waited, by threads: measured: 1: ≈ 4.0, 2: ≈ 2.0; model: 1: ≈ 4.1, 2: ≈ 1.9'
    """

    def __init__(self, up: str, across: str, curves: Mapping[str, Points]) -> None:
        self.up, self.across = up, across
        self.curves = {name: sorted(points) for name, points in curves.items()}
        points = [point for curve in self.curves.values() for point in curve]
        self.highest = max((y for _, y in points), default=0.0) or 1.0
        self.ends = min((x for x, _ in points), default=0.0), max((x for x, _ in points), default=0.0)

    def lines(self) -> list[str]:
        rows = [[" "] * COLUMNS for _ in range(ROWS)]
        for mark, points in zip(MARKS, self.curves.values(), strict=False):
            for x, y in points:
                row, column = rows[ROWS - 1 - round(max(0.0, y) / self.highest * (ROWS - 1))], self._column(x)
                row[column] = mark if row[column] in (" ", mark) else BOTH
        labels = [about(self.highest), *[""] * (ROWS - 2), "0"]
        drawn = [f"{label:>{LEFT}} ┤{''.join(row)}├" for label, row in zip(labels, rows, strict=True)]
        return [self.up, *drawn, self._below(), *self._legend()]

    def sentences(self) -> str:
        """The same in words, for those who cannot see the picture."""
        told = "; ".join(f"{name}: {self._told(points)}" for name, points in self.curves.items())
        return f"{self.up}, by {self.across}: {told}"

    def html(self) -> str:
        """The drawing."""
        return image(self._drawn(), self.sentences())

    def _column(self, x: float) -> int:
        first, last = self.ends
        return round((x - first) / ((last - first) or 1) * (COLUMNS - 1))

    def _below(self) -> str:
        """What stands below the picture: at the two ends, and where there is a point, if there are few and there is room."""
        line = [" "] * (COLUMNS + 4)
        inner = sorted({x for points in self.curves.values() if len(points) <= FEW for x, _ in points})
        for x in [*self.ends, *inner]:
            text, column = f"{x:.3g}", self._column(x)
            if column + len(text) < len(line) and not "".join(line[max(0, column - 1) : column + len(text) + 1]).strip():
                line[column : column + len(text)] = text
        return f"{'':{LEFT + 2}}{''.join(line)} {self.across}".rstrip()

    def _legend(self) -> list[str]:
        wide = max(map(len, self.curves), default=0)
        few = all(len(points) <= FEW for points in self.curves.values())
        values = {name: "".join(f"{about(y):>9}" for _, y in points) if few else "" for name, points in self.curves.items()}
        return [f"  {mark} {name:{wide}}{values[name]}".rstrip() for mark, name in zip(MARKS, self.curves, strict=False)]

    def _told(self, points: Points) -> str:
        if len(points) <= FEW:
            return ", ".join(f"{x:g}: {about(y)}" for x, y in points)
        return f"from {about(points[0][1])} to {about(points[-1][1])}, at most {about(max(y for _, y in points))}"

    def _drawn(self) -> bytes:
        first, last = self.ends
        margin = (last - first) * 0.04 or 1
        across = first - margin, last + margin
        kinds = list(zip(self.curves, DRAWN, TONES, strict=False))
        legend = kinds if len(kinds) > 1 else ()
        picture = Drawing(190, x=across, y=(0, self.highest * 1.05), across=self.across, up=self.up, legend=legend)
        for name, kind, tone in kinds:
            picture.line(self.curves[name], tone, dashed=kind == "s")
            for x, y in self.curves[name] if len(self.curves[name]) <= MANY else []:
                picture.mark(x, y, kind, tone)
        return picture.svg()


def about(value: float) -> str:
    """A measured number as it is shown: two or three digits of it.

    >>> about(1234.5), about(98.7), about(1.234), about(0.0123)
    ('≈ 1,234', '≈ 99', '≈ 1.2', '≈ 0.01')
    """
    return f"≈ {value:,.0f}" if value >= 20 else f"≈ {value:.1f}" if value >= 0.1 or value == 0 else f"≈ {value:.2f}"
