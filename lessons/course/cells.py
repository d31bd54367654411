"""The course in a notebook: what its cells can call, and what goes on beside them.

    from lessons.course.cells import check, hint, progress, solution

Each returns one object, which the cell shows. `make notebook-3` has every kernel load this module when it starts
(`startup.py`), so that cells are counted, and a name that is not there is explained, from the first cell on.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from html import escape
from itertools import groupby
from typing import Any

from lessons.kit.show import Shown
from lessons.kit.timeline import notebook_shell

from . import catalogue, commands, console
from . import progress as remembered

UNKNOWN_NAME = (
    "If this name is from a cell further up: that cell has not run in this kernel. After a kernel restart, no cell has. "
    "Run > Run All Above Selected Cell runs them."
)


# JupyterLab alone would break a line inside a word.
WRAPS = "margin: 0; background: none; white-space: pre-wrap; word-break: normal; overflow-wrap: anywhere"


class Page(Shown):
    """What a command of the course says, as one object: Markdown in a notebook, plain text elsewhere."""

    def __init__(self) -> None:
        self._pieces: list[tuple[str, str]] = []

    def text(self, line: str) -> None:
        """A line of plain words."""
        self._pieces.append(("text", line))

    def labelled(self, label: str, text: str) -> None:
        """A text after its label, which goes on below its beginning."""
        self._pieces.append(("labelled", f"{label}\n{text}"))

    def markdown(self, source: str) -> None:
        """Prose, or code between its marks."""
        self._pieces.append(("markdown", console.typed_here(source)))

    def how(self, verb: str, number: int | None, options: dict[str, object], terminal: str) -> str:
        """What to type in a cell for it; or that it is for a terminal."""
        if verb in ("check", "hint", "solution"):
            return f"{verb}({number}{', force=True' if options.get('FORCE') else ''})"
        if verb == "progress":
            return "progress()"
        if verb == "lesson" and number is not None:
            return f"open {catalogue.lesson(number).working_copy.name}"
        return f"in a terminal, {terminal}"

    def lines(self) -> list[str]:
        lines = []
        for kind, piece in self._pieces:
            label, _, text = piece.partition("\n")
            lines += console.hung(label, text, console.WIDEST) if kind == "labelled" else piece.splitlines() or [""]
        return lines

    def _repr_markdown_(self) -> str:
        parts = []
        for words, pieces in groupby(self._pieces, key=lambda piece: piece[0] != "markdown"):
            source = "\n".join(_wraps(*piece) if words else piece[1] for piece in pieces)
            parts.append(source.strip("\n"))
        return "\n\n".join(parts)

    _repr_html_ = None  # a notebook would prefer it


def _wraps(kind: str, piece: str) -> str:
    """Words that a notebook wraps at spaces, as narrow as it is; what does not fit into a line goes on below its beginning.

    A notebook reads two dollar signs as the ends of a formula, so they are written otherwise.
    """
    label, _, text = piece.partition("\n") if kind == "labelled" else (re.match(" *", piece)[0], "", piece.lstrip(" "))  # type: ignore[index]
    words = escape(label + text).replace("$", "&#36;") or " "
    return f'<pre style="{WRAPS}; padding-left: {len(label)}ch; text-indent: -{len(label)}ch">{words}</pre>'


def check(number: int) -> Page:
    """Check your exercise, as it was saved last."""
    return _said(_check, number=number)


def hint(number: int) -> Page:
    """One more hint."""
    return _said(commands.hint, number=number)


def solution(number: int, *, force: bool = False) -> Page:
    """A solution, with its explanation, once your exercise passes; before that with `force=True`."""
    return _said(commands.solution, number=number, force=force)


def progress() -> Page:
    """What is done, and what is next."""
    return _said(commands.show_progress)


def _check(number: int) -> None:
    exercise = catalogue.lesson(number).exercise
    if exercise.exists():
        at = time.localtime(catalogue.saved(exercise) / 1e9)
        # At once, while the check goes on: what it says is shown when it has ended.
        print(f"Your exercise, as it was saved at {time.strftime('%H:%M:%S', at)}, is being checked …", flush=True)
    commands.check(number)


def _said(command: Callable[..., Any], **arguments: Any) -> Page:
    page = console.page = Page()
    try:
        command(**arguments)
    except commands.TROUBLE as error:
        page.text(str(error))
    except KeyboardInterrupt:
        page.text("Interrupted. Nothing was found out.")
    finally:
        console.page = None
    return page


_heard = False
_ran: set[str] = set()  # the ids of the cells that have run in this kernel


def listen() -> None:
    """From now on, note when all cells of a lesson have run, and explain a name that is not there."""
    global _heard
    shell = notebook_shell()
    if shell is None or _heard:
        return
    _heard = True
    shell.events.register("post_run_cell", lambda result: _note_run(getattr(result.info, "cell_id", None)))

    def explain(shell: Any, kind: Any, error: Any, traceback: Any, tb_offset: Any = None) -> None:
        shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
        if advice := UNKNOWN_NAME if isinstance(error, NameError) else _how_to_install(error.name):
            print(advice)

    shell.set_custom_exc((NameError, ModuleNotFoundError), explain)


def _how_to_install(module: str | None) -> str:
    """What to do if this module is not there; empty if no lesson needs it."""
    found = (number for number, needed in commands.NEEDED.items() if module in dict(needed))
    number = next(found, None)
    return f"To install {module}: make notebook-{number} in a terminal. Then run this cell again." if number else ""


def _note_run(cell_id: str | None) -> None:
    """A cell has run. Its lesson counts as played if that was the last one missing."""
    found = re.fullmatch(r"lesson-(\d+)-cell-\d+", cell_id or "")
    if found is None or cell_id in _ran:
        return
    _ran.add(found[0])
    one = catalogue.lesson(int(found[1]))
    if set(one.ids_of_code()) <= _ran:
        remembered.note(one, played=True)


listen()
