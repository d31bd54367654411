"""Pictures as SVG: the same tones, letters that stay letters, and nothing that is left to chance."""

from __future__ import annotations

import base64
import math
import textwrap
from collections.abc import Mapping, Sequence
from html import escape

# Tones that can be read on a white page and on a black one.
GREY, BLUE, RED = "#787878", "#4c78a8", "#e45756"

WIDE = 540  # pixels
SIZE, SMALL = 13, 11  # of letters
LETTER = 0.6  # how wide a letter is, of its size; in a font whose letters differ, on average at most
BELOW = 44  # for the numbers on the axis, and what they are
LEGEND = 22  # for a row of what the lines are

Point = tuple[float, float]


class Drawing:
    """A picture, `height` pixels high, with numbers from left to right, and either names or numbers from the top down.

    `x` and `y` are the first and the last number on each axis. `rows` are the names, by their y; in letters of one width, if
    `code`. `across` and `up` say what the numbers are; those across are counts, if `whole`. `beside` is the most letters
    that stand to the right; `legend`, the name, the mark and the colour of each line.
    """

    def __init__(
        self,
        height: float,
        *,
        x: Point,
        y: Point,
        across: str,
        up: str = "",
        rows: Mapping[float, str] | None = None,
        code: bool = False,
        whole: bool = False,
        beside: int = 0,
        legend: Sequence[tuple[str, str, str]] = (),
    ) -> None:
        self._x, self._y = x, y
        size = SMALL if code else SIZE
        widest = max(map(len, (rows or {}).values()), default=6) * size * LETTER
        self._left, self._right = widest + (12 if rows else 28), WIDE - 12 - beside * SMALL * LETTER
        self._parts: list[str] = []
        self._top, self.height = 6.0, height
        self._legend(legend)
        for at, name in (rows or {}).items():
            family = "monospace" if code else "sans-serif"
            where = (4, "start") if code else (self._left - 10, "end")
            self._letters(where[0], self._down(at), name, where[1], size, family=family)
        self._axis(across, up, whole)

    def bar(self, begin: float, end: float, y: float, thick: float, colour: str = BLUE) -> None:
        """A bar from `begin` to `end`."""
        top, bottom = self._down(y + thick / 2), self._down(y - thick / 2)
        self._add(
            "rect", x=self._over(begin), y=top, width=self._over(end) - self._over(begin), height=bottom - top, fill=colour
        )

    def line(self, points: Sequence[Point], colour: str, *, dashed: bool = False, thin: bool = False) -> None:
        """A line through these points."""
        style = {"stroke_dasharray": "6 4"} if dashed else {}
        self._add("path", d=self._path(points), fill="none", stroke=colour, stroke_width=1 if thin else 2, **style)

    def area(self, points: Sequence[Point], colour: str = BLUE) -> None:
        """What lies within these points."""
        self._add("path", d=self._path(points) + "Z", fill=colour)

    def mark(self, x: float, y: float, kind: str, colour: str) -> None:
        """A point, as a disc (o), a square (s), a cross (x) or a plus (+)."""
        self._symbol(self._over(x), self._down(y), kind, colour)

    def _symbol(self, over: float, down: float, kind: str, colour: str) -> None:
        half = 4
        if kind == "o":
            self._add("circle", cx=over, cy=down, r=half, fill=colour)
        elif kind == "s":
            self._add("rect", x=over - half, y=down - half, width=2 * half, height=2 * half, fill=colour)
        else:
            turned = {"transform": f"rotate(45 {_short(over)} {_short(down)})"} if kind == "x" else {}
            way = f"M{_short(over - half)} {_short(down)}h{2 * half}m-{half} -{half}v{2 * half}"
            self._add("path", d=way, fill="none", stroke=colour, stroke_width=2, **turned)

    def words(self, x: float, y: float, text: str, *, end: bool = False, shift: float = 0) -> None:
        """Words that begin there, or end; `shift` pixels further down."""
        self._letters(self._over(x), self._down(y) + shift, text, "end" if end else "start", SMALL)

    def beside(self, y: float, lines: Sequence[str]) -> None:
        """Lines to the right of the picture."""
        for number, line in enumerate(lines):
            shift = (number - (len(lines) - 1) / 2) * SMALL * 1.2
            self._letters(self._right + 8, self._down(y) + shift, line, "start", SMALL)

    def svg(self) -> bytes:
        """The picture."""
        head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE}" height="{_short(self.height)}"'
        parts = "\n".join(self._parts)
        return f'{head} viewBox="0 0 {WIDE} {_short(self.height)}">\n{parts}\n</svg>\n'.encode()

    def _legend(self, names: Sequence[tuple[str, str, str]]) -> None:
        """What the lines are, in rows of their own above the picture."""
        over = WIDE  # so the first one begins a row
        for name, kind, colour in names:
            wide = 16 + len(name) * SMALL * LETTER
            if over + wide > WIDE:
                over, self._top, self.height = round(self._left) + 6, self._top + LEGEND, self.height + LEGEND
            self._symbol(over, self._top - LEGEND + 8, kind, colour)
            self._letters(over + 10, self._top - LEGEND + 8, name, "start", SMALL)
            over += round(wide) + 14

    def _axis(self, across: str, up: str, whole: bool) -> None:
        bottom = self.height - BELOW
        for number in ticks(*self._x, most=8, whole=whole):
            self._add("path", d=f"M{_short(self._over(number))} {_short(bottom)}v4", stroke=GREY)
            self._letters(self._over(number), bottom + 14, f"{number:,.10g}", "middle", SMALL)
        self._add("path", d=f"M{_short(self._left)} {_short(bottom)}H{_short(self._right)}", stroke=GREY)
        furthest = WIDE - 4 - len(across) * SIZE * LETTER / 2  # what is long must not leave the picture
        self._letters(min((self._left + self._right) / 2, furthest), bottom + 33, across, "middle", SIZE)
        if up:
            for number in ticks(*self._y, most=5):
                self._add("path", d=f"M{_short(self._left)} {_short(self._down(number))}h-4", stroke=GREY)
                self._letters(self._left - 7, self._down(number), f"{number:,.10g}", "end", SMALL)
            self._add("path", d=f"M{_short(self._left)} {_short(self._top)}V{_short(bottom)}", stroke=GREY)
            lines = textwrap.wrap(up, int(self.height / (SIZE * LETTER)))
            for over, line in zip((9, 23), lines, strict=False):
                middle = max(len(line) * SIZE * LETTER / 2, (self._top + bottom) / 2) if len(lines) == 1 else self.height / 2
                self._letters(over, middle, line, "middle", SIZE, transform=f"rotate(-90 {over} {_short(middle)})")

    def _over(self, x: float) -> float:
        first, last = self._x
        return self._left + (x - first) / ((last - first) or 1) * (self._right - self._left)

    def _down(self, y: float) -> float:
        first, last = self._y
        return self._top + (last - y) / ((last - first) or 1) * (self.height - BELOW - self._top)

    def _path(self, points: Sequence[Point]) -> str:
        return "M" + "L".join(f"{_short(self._over(x))} {_short(self._down(y))}" for x, y in points)

    def _letters(
        self, x: float, y: float, text: str, anchor: str, size: float, family: str = "sans-serif", **more: object
    ) -> None:
        style = {"font_size": size, "font_family": family, "text_anchor": anchor, "fill": GREY, "xml:space": "preserve"}
        self._add("text", escape(text), x=x, y=y + size * 0.35, **style, **more)

    def _add(self, tag: str, content: str = "", **attributes: object) -> None:
        told = " ".join(
            f'{name.replace("_", "-")}="{_short(value) if isinstance(value, (int, float)) else escape(str(value))}"'
            for name, value in attributes.items()
        )
        self._parts.append(f"<{tag} {told}>{content}</{tag}>" if content else f"<{tag} {told}/>")


def ticks(first: float, last: float, most: int, *, whole: bool = False) -> list[float]:
    """Round numbers on an axis, from the first to the last, so many at most.

    >>> ticks(0, 5.2, most=8), ticks(-0.1, 12, most=5)
    ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 5.0, 10.0])
    """
    power = math.floor(math.log10(((last - first) or 1) / most))
    tenth = 10 ** (max(power, 0) if whole else power)
    step = next(step for step in (tenth, 2 * tenth, 5 * tenth, 10 * tenth) if (last - first) / step <= most)
    numbers = range(math.ceil(first / step - 1e-9), math.floor(last / step + 1e-9) + 1)
    return [round(float(number * step), 12) for number in numbers]


def image(picture: bytes, words: str) -> str:
    """The picture for a notebook, with the same in words. By itself, a notebook would show an image without its words."""
    source = f"data:image/svg+xml;base64,{base64.b64encode(picture).decode()}"
    return f'<img src="{source}" alt="{escape(words)}">'


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
