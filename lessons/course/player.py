"""A lesson in the terminal: prose, code, its output; Enter for the next step when somebody is watching."""

from __future__ import annotations

import ast
import io
import linecache
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from types import CodeType
from typing import Any

from lessons.kit import session, stage
from lessons.kit.timeline import reading

from . import progress
from .catalogue import TERMINAL_ONLY, Cell, Lesson
from .console import code, how, prompt, prose, say, show
from .pages import paged, running, unpaged


class NoSuchStep(LookupError):
    """A lesson has no step of that number."""


class LessonBroke(Exception):
    """A cell raised what it should not have: the lesson no longer tells the truth."""


def play(lesson: Lesson, start: int = 1) -> None:
    """Play it to its end, from step `start` on; the steps before that run unseen. When somebody wants to stop, it just ends.

    Raises LessonBroke.
    """
    watched = sys.stdin.isatty() and sys.stdout.isatty()
    # What a cell defines belongs to __main__, as in a notebook.
    names: dict[str, Any] = {"__name__": "__main__"}
    steps = _steps(lesson.in_terminal())
    if not 1 <= start <= len(steps):
        raise NoSuchStep(f"Lesson {lesson.number} has steps 1 to {len(steps)}.")
    following = start
    stack = ExitStack()
    try:
        with _unseen():
            for step in steps[: start - 1]:
                for number, cell in step:
                    if cell.kind == "code":
                        _run_cell(lesson, number, cell, names)
        stage.watched, stage.look = watched, lambda: _look(names)
        if watched:
            stack.enter_context(paged(lambda: _wait("── Enter: the rest · p: a Python prompt, here · q: stop ── ")))
        if start > 1:
            say(f"Steps 1 to {start - 1} have already run, unseen, with their pauses cut short.")
            say("")
        for here, step in enumerate(steps[start - 1 :], start=start):
            following = here
            for number, cell in step:
                if cell.kind == "code":
                    _run_cell(lesson, number, cell, names)
                else:
                    prose(cell.source)
                    say("")
            if stage.watched and here < len(steps):
                following = here + 1
                _wait(f"── {here} of {len(steps)} · Enter: go on · p: a Python prompt, here · q: stop ── ")
    except stage.Stop:
        say(_stopped(lesson, following))
        return
    except KeyboardInterrupt:
        if stage.watched:
            say("\n" + _stopped(lesson, following))
        raise
    finally:
        stack.close()
        session.end()
        stage.look = None
    say(f"Your exercise: {progress.relative(lesson.exercise)}")
    say(f"When you have changed it: {how('check', lesson.number)}")
    progress.note(lesson, played=True)


def _steps(cells: list[Cell]) -> list[list[tuple[int, Cell]]]:
    """The cells, with their numbers, step by step: prose and the code that belongs to it are one."""
    steps: list[list[tuple[int, Cell]]] = []
    for number, cell in enumerate(cells, start=1):
        belongs = cell.kind == "code" or TERMINAL_ONLY in cell.tags
        if steps and belongs and steps[-1][-1][1].kind == "markdown":
            steps[-1].append((number, cell))
        else:
            steps.append([(number, cell)])
    return steps


def _stopped(lesson: Lesson, step: int) -> str:
    return f"Stopped. To go on from here: {how('lesson', lesson.number, FROM=step)}"


def _run_cell(lesson: Lesson, number: int, cell: Cell, names: dict[str, Any]) -> None:
    if not (stage.watched and "hide-input" in cell.tags):  # a question stands below its code, in the same words
        code(cell.source)
    name = f"<lesson {lesson.number}, cell {number}>"
    linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
    try:
        with running():
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


def _wait(question: str) -> None:
    """Wait until somebody wants to go on. Raises Stop if they want to stop, or press Ctrl-D."""
    while True:
        try:
            answer = stage.ask(question).lower()
        except EOFError:
            print()
            raise stage.Stop from None
        print()
        if answer in ("q", "quit"):
            raise stage.Stop
        if not answer:
            return
        if answer == "p":
            assert stage.look is not None
            stage.look()
        else:
            say("Press Enter, or type p or q. (You can guess where there is a question.)")


def _look(names: dict[str, Any]) -> None:
    with reading(), unpaged():
        prompt("Everything from this lesson is here: its names, its Redis. Ctrl-D takes you back to it.", names)


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
