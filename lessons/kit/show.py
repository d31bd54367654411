"""One object, good in a terminal, in a stored notebook and as plain text.

A notebook keeps a plain HTML table, because a web page may strip every style from it; a terminal gets colour, but never
colour alone: what matters is in the marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from rich.text import Text

MARKS = {"+": "green", "~": "yellow", "-": "red"}


class Shown:
    """What a cell can end with. A subclass says its lines as text, and as HTML if that differs."""

    def lines(self) -> list[str]:
        """The lines of the plain text. A line whose first sign is a mark (+ ~ -) is coloured by it in a terminal."""
        raise NotImplementedError

    def html(self) -> str:
        """The same for a notebook."""
        return pre(self.lines())

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.html()

    def __rich__(self) -> Text:
        text = Text()
        for number, line in enumerate(self.lines()):
            text.append(("\n" if number else "") + line, style=MARKS.get(line.lstrip()[:1], ""))
        return text


class Table(Shown):
    """Rows under headings.

    >>> Table(["", "perform", "perform_async"], [["you waited", "5.0 s", "0.0 s"]])
                perform  perform_async
    you waited  5.0 s    0.0 s
    """

    def __init__(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        self.headings = list(headings)
        self.rows = [[str(value) for value in row] for row in rows]

    def lines(self) -> list[str]:
        widths = [max(map(len, column)) for column in zip(self.headings, *self.rows, strict=True)]
        rows = [self.headings, *self.rows]
        return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

    def html(self) -> str:
        names_rows = not self.headings[0]  # a first column without a heading says what its row is about
        return table(self.headings, [[escape(cell) for cell in row] for row in self.rows], 0 if names_rows else None)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], names: int | None = None) -> str:
    """An HTML table; what is in `rows` is HTML already. Where a page strips the styles, it still reads well.

    `names` is the column, counted from 0, that says what a row is about: a screen reader says it before each cell.
    """
    left = 'style="text-align: left"'  # JupyterLab would put everything to the right

    def written(column: int, cell: str) -> str:
        return f'<th scope="row" {left}>{cell}</th>' if column == names else f"<td {left}>{cell}</td>"

    head = "".join(f'<th scope="col" {left}>{escape(heading)}</th>' for heading in headings)
    body = "".join("<tr>" + "".join(written(*cell) for cell in enumerate(row)) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def pre(lines: Iterable[str]) -> str:
    """Lines as they are, in letters of one width."""
    text = escape("\n".join(lines))
    return f'<pre style="font-family: monospace; text-align: left; background: none">{text}</pre>'
