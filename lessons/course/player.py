"""A lesson in the terminal: prose, code, its output; Enter for the next step when somebody is watching."""

from __future__ import annotations

import ast
import io
import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from types import CodeType
from typing import Any

from lessons.kit import session, stage
from lessons.kit.timeline import reading

from . import progress
from .catalogue import Cell, Lesson
from .console import code, how, prompt, prose, say, show


class NoSuchStep(LookupError):
    """A lesson has no step of that number."""


class LessonBroke(Exception):
    """A cell raised what it should not have: the lesson no longer tells the truth."""


def play(lesson: Lesson, start: int = 1) -> None:
    """Play it to its end, from step `start` on; the steps before that run unseen. When somebody types q, it just ends.

    Raises LessonBroke.
    """
    watched = sys.stdin.isatty() and sys.stdout.isatty()
    # What a cell defines belongs to __main__, as in a notebook.
    names: dict[str, Any] = {"__name__": "__main__"}
    cells = lesson.cells()
    if not 1 <= start <= len(cells):
        raise NoSuchStep(f"Lesson {lesson.number} has steps 1 to {len(cells)}.")
    try:
        with _unseen():
            for number, cell in enumerate(cells[: start - 1], start=1):
                if cell.kind == "code":
                    _run_cell(lesson, number, cell, names)
        stage.watched = watched
        if start > 1:
            say(f"Steps 1 to {start - 1} have been run unseen, with their pauses cut short.")
            say("")
        for number, cell in enumerate(cells[start - 1 :], start=start):
            if cell.kind == "code":
                _run_cell(lesson, number, cell, names)
            else:
                prose(cell.source)
                say("")
            following = cells[number].kind if number < len(cells) else None
            # Prose and the code that belongs to it are one step.
            pause = following is not None and (cell.kind, following) != ("markdown", "code")
            if stage.watched and pause and not _next_step(number, len(cells), names):
                say(f"Stopped. To go on from here: {how('lesson', lesson.number, FROM=number + 1)}")
                return
    finally:
        session.end()
    progress.note(lesson, played=True)
    say(f"Your exercise: {progress.relative(lesson.exercise)}")
    say(f"When you have changed it: {how('check', lesson.number)}")


def _run_cell(lesson: Lesson, number: int, cell: Cell, names: dict[str, Any]) -> None:
    if not (stage.watched and "hide-input" in cell.tags):  # a question stands below its code, in the same words
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


def _next_step(number: int, steps: int, names: dict[str, Any]) -> bool:
    """Wait until somebody wants to go on. False: they want to stop."""
    while True:
        try:
            answer = stage.ask(f"── {number} of {steps} · Enter: go on · p: a Python prompt, here · q: stop ── ").lower()
        except EOFError:  # nobody is watching any more
            stage.watched = False
            return True
        print()
        if answer in ("", "q", "quit"):
            return not answer
        if answer == "p":
            with reading():
                prompt("Everything of this lesson is here: its names, its Redis. Ctrl-D leads back to it.", names)
        else:
            say("Enter, p or q. (A guess is asked for where there is a question.)")


@contextmanager
def _unseen() -> Iterator[None]:
    """What happens meanwhile is not shown, not asked and not waited for."""
    pace = os.environ.get(stage.PACE)
    os.environ[stage.PACE] = str(stage.HURRIED)
    stage.watched = False
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        del os.environ[stage.PACE]
        if pace is not None:
            os.environ[stage.PACE] = pace
