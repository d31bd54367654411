"""A lesson in the terminal: prose, code, its output; Enter for the next step when somebody is watching."""

from __future__ import annotations

import ast
import linecache
import sys
from types import CodeType
from typing import Any

from lessons.kit import session, stage

from . import progress
from .catalogue import Cell, Lesson
from .console import code, prose, say, show


class LessonBroke(Exception):
    """A cell raised what it should not have: the lesson no longer tells the truth."""


def play(lesson: Lesson) -> None:
    """Play it from beginning to end. Raises LessonBroke; when somebody types q, it just ends."""
    stage.watched = sys.stdin.isatty() and sys.stdout.isatty()
    # What a cell defines belongs to __main__, as in a notebook.
    names: dict[str, Any] = {"__name__": "__main__"}
    try:
        cells = lesson.cells()
        for number, cell in enumerate(cells, start=1):
            if cell.kind == "markdown":
                prose(cell.source)
                say("")
                continue
            _run_cell(lesson, number, cell, names)
            if stage.watched and number < len(cells) and not _next_step():
                say("Stopped. Everything up to here has happened; nothing is kept.")
                return
    finally:
        session.end()
    progress.note(lesson, played=True)
    say(f"Your exercise: {progress.relative(lesson.exercise)}. When you have changed it: make check-{lesson.number}")


def _run_cell(lesson: Lesson, number: int, cell: Cell, names: dict[str, Any]) -> None:
    code(cell.source)
    name = f"<lesson {lesson.number}, cell {number}>"
    linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
    try:
        value = _execute(cell.source, name, names)
    except Exception as error:
        if "raises-exception" not in cell.tags:
            raise LessonBroke(f"Lesson {lesson.number}, cell {number}: {type(error).__name__}: {error}") from error
        say(f"{type(error).__name__}: {error}", style="red")
    else:
        if value is not None:
            show(value)
    say("")


def _execute(source: str, name: str, names: dict[str, Any]) -> Any:
    """Run a cell. Its value is that of its last line, if that is an expression, as in a notebook."""
    tree = ast.parse(source, name)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) and not source.endswith(";") else None
    body: CodeType = compile(tree, name, "exec")
    exec(body, names)
    if isinstance(last, ast.Expr):
        return eval(compile(ast.Expression(last.value), name, "eval"), names)
    return None


def _next_step() -> bool:
    try:
        answer = input("── Enter: the next step · q: stop ── ")
    except EOFError:  # nobody is watching any more
        stage.watched = False
        return True
    print()
    return answer.strip().lower() not in ("q", "quit")
