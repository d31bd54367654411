"""Running a cell, and handing on what it prints, shows and raises, as a notebook would show it."""

from __future__ import annotations

import ast
import io
import linecache
import re
import sys
import time
import traceback
from collections.abc import Callable
from pprint import PrettyPrinter
from typing import Any

from lessons.course import catalogue
from lessons.course.catalogue import NOTEBOOK_ONLY
from lessons.kit.prediction import QUESTION

from . import lines, turns

Post = Callable[..., None]

EVERY = 0.1  # seconds: what is printed is handed on in portions
MOST = 200_000  # letters that a cell may print
TOO_MUCH = "\n… and more, which is not shown.\n"

KINDS = (QUESTION, "text/html", "text/markdown", "image/svg+xml", "text/plain")
METHODS = {"text/html": "_repr_html_", "text/markdown": "_repr_markdown_", "image/svg+xml": "_repr_svg_"}


class Printed(io.TextIOBase):
    """What stands in the place of `sys.stdout`: it hands on what is printed, in portions, to whatever cell runs."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._cell, self._waits, self._left, self._last = "", "", MOST, 0.0

    def begin(self, cell: str) -> None:
        """From now on, this cell prints."""
        self._cell, self._left = cell, MOST

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._left > 0:
            self._waits += text if len(text) <= self._left else text[: self._left] + TOO_MUCH
            self._left -= len(text)
        if "\n" in text and time.monotonic() - self._last > EVERY:
            self.flush()
        return len(text)

    def flush(self) -> None:
        if self._waits and self._cell:
            self._post(type="output", cell=self._cell, output={"kind": "stream", "text": self._waits})
            self._waits, self._last = "", time.monotonic()


def run(cell: str, source: str, names: dict[str, Any], post: Post, explain: Callable[[BaseException], str]) -> bool:
    """Run a cell in which these names are known. Returns whether it came to its end."""
    file = f"<{cell}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)

    def output(kind: str, **what: Any) -> None:
        sys.stdout.flush()
        post(type="output", cell=cell, output={"kind": kind, **what})

    def at(line: int, seconds: float) -> None:
        sys.stdout.flush()
        post(type="at", cell=cell, line=line, seconds=round(seconds, 2))

    try:
        with lines.told(file, at):
            value = execute(source, file, names)
            turns.all_take_one()
        if value is not None:
            names["_"] = value
            output("display", data=shown(value))
    except BaseException as error:
        output("error", text="\n".join(filter(None, [raised(error), explain(error)])))
        return False
    finally:
        sys.stdout.flush()
    return True


class Pretty(PrettyPrinter):
    """Writes what is long over several lines, as a notebook does, but for text: that stays in one piece."""

    _dispatch = {  # type: ignore[misc]  # noqa: RUF012
        how: function
        for how, function in PrettyPrinter._dispatch.items()  # type: ignore[attr-defined]
        if how not in (str.__repr__, bytes.__repr__)
    }


def execute(source: str, file: str, names: dict[str, Any]) -> Any:
    """Run this. Its value is that of its last line, if that is an expression."""
    tree = ast.parse(source, file)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.endswith(";") else None
    exec(compile(tree, file, "exec"), names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), file, "eval"), names)
    return None


def shown(value: Any) -> dict[str, Any]:
    """A value in all the forms that it has, and a page can show."""
    bundle = value._repr_mimebundle_() if hasattr(value, "_repr_mimebundle_") else {}
    for kind, method in METHODS.items():
        made = getattr(value, method, None)
        if callable(made) and not isinstance(value, type):
            bundle.setdefault(kind, made())
    bundle.setdefault("text/plain", Pretty(width=79, sort_dicts=False).pformat(value))
    return {kind: bundle[kind] for kind in KINDS if bundle.get(kind) is not None}


def raised(error: BaseException) -> str:
    """The traceback of an error, with the lines of cells only: the others name files of which a reader has never heard."""
    told = traceback.TracebackException.from_exception(error)
    one: Any = told
    while one is not None:
        one.stack = traceback.StackSummary.from_list([frame for frame in one.stack if frame.filename.startswith("<lesson-")])
        one = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
    text = re.sub(r'File "<(lesson-\d+-cell-\d+)>"', lambda cell: f"Cell {number(cell[1])}", "".join(told.format())).rstrip()
    full = f"{type(error).__module__}.{type(error).__qualname__}"
    return text.replace(f"\n{full}:", f"\n{type(error).__name__}:")  # as a notebook calls it


def number(cell: str) -> int:
    """The number that stands beside a cell on its page, where only code that is shown is counted."""
    _, lesson, _, place = cell.split("-")
    cells = catalogue.lesson(int(lesson)).in_notebook()[: int(place)]
    return sum(one.kind == "code" and not {"hide-input", NOTEBOOK_ONLY} & set(one.tags) for one in cells)
