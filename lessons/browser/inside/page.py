"""The messages from the page, and the answers to them. Their format is that of `python.js`."""

from __future__ import annotations

import importlib.util
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from lessons.course import catalogue, cells, checking, commands, console, progress
from lessons.kit import catch_mail, prediction
from lessons.kit.project import Project
from lessons.kit.timeline import cells_run_on
from minijobs import Fetcher, Processor, retry

from . import cell, lines, lua

UNKNOWN_NAME = (
    "If this name is from a cell further up: that cell has not run since Python started. Run the cells above, then this one."
)
NOT_HERE = "in a terminal, {}"


class Shell:
    """What runs the cells: the kit and the course listen to it as they listen to IPython."""

    def __init__(self) -> None:
        self.events = self
        self._listening: dict[str, list[Callable[[Any], None]]] = defaultdict(list)

    def register(self, event: str, function: Callable[[Any], None]) -> None:
        """Call this function at each event of this name."""
        self._listening[event].append(function)

    def happens(self, event: str, cell_id: str) -> None:
        """An event: a cell begins, or has ended."""
        for function in self._listening[event]:
            function(SimpleNamespace(info=SimpleNamespace(cell_id=cell_id)))

    def set_custom_exc(self, kinds: Any, handler: Any) -> None:
        """A name that is not there is explained by `explain`, in words for a page."""


class Said(cells.Page):
    """What a command of the course says, as pieces of a page."""

    def how(self, verb: str, number: int | None, options: dict[str, object], terminal: str) -> str:
        """Which button to press for it; or that it is for a terminal."""
        return how(verb, number, options, terminal)

    def labelled(self, label: str, text: str) -> None:
        """A requirement that is met or not; or a line of a reason, after its label."""
        word = label.strip()
        self._pieces.append((word, text) if word in ("ok", "no") else ("text", f"{word} {text}".strip()))

    def markdown(self, source: str) -> None:
        """Prose, with buttons in place of commands; or code."""
        said = re.sub(r"`(make (\w+)-(\d+))`", lambda found: how(found[2], int(found[3]), {}, f"`{found[1]}`"), source)
        self._pieces.append(("markdown", said))

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """What was said: the kind of each piece, and its text."""
        return self._pieces


def how(verb: str, number: int | None, options: dict[str, object], terminal: str) -> str:
    """What to do on a page for it, or that it is for a terminal.

    >>> how("check", 3, {}, "make check-3"), how("watch", 3, {}, "make watch-3")
    ('the button Check', 'in a terminal, make watch-3')
    """
    if verb == "solution" and options.get("FORCE"):
        return "the button Show it anyway"
    if verb in ("check", "hint", "solution", "reset"):
        return f"the button {verb.title()}"
    if verb == "try" and number is not None and not catalogue.lesson(number).folder.joinpath("tools.py").exists():
        return "copy your exercise into a cell of the lesson and run it"
    if verb == "progress":
        return "the list of lessons"
    if verb == "lesson" and number is not None and not options:
        return f"lesson {number}"
    return NOT_HERE.format(terminal)


class Names(dict[str, Any]):
    """What cells have defined; and what one looks at an exercise with, wherever no cell has defined it."""

    def __missing__(self, name: str) -> Any:
        if name == "inbox":
            self[name] = catch_mail()
        elif name == "work":
            self[name] = Processor(Fetcher()).process_one
        else:
            raise KeyError(name)
        return self[name]


class Course:
    """The course at work. `post` takes a message for the page, as JSON."""

    def __init__(self, post: Callable[[str], object]) -> None:
        self._post = post
        self._names = Names(__name__="__main__")  # what a cell defines belongs to __main__, as in a notebook
        self._shell = Shell()
        cells_run_on(self._shell)
        cells.listen()
        Project._start = lambda project: None  # type: ignore[method-assign, assignment, return-value]
        Project._run = lambda project, runs: _tests().run(project, runs)  # type: ignore[method-assign]
        self._printed = sys.stdout = cell.Printed(self.tell)

    def tell(self, **message: Any) -> None:
        """Tell the page something."""
        self._post(json.dumps(message))

    def handle(self, message: str) -> None:
        """Do what the page asks for."""
        asked = json.loads(message)
        getattr(self, f"_{asked.pop('type')}")(**asked)

    def _run(self, cell: str, source: str) -> None:
        self._printed.begin(cell)
        self._shell.happens("pre_run_cell", cell)
        ok = False
        try:
            ok = run_cell(cell, source, self._names, self.tell, explain)
        finally:
            self._shell.happens("post_run_cell", cell)
            self.tell(type="ended", cell=cell, ok=ok)

    def _guess(self, question: str, letter: str) -> None:
        prediction.guessed(question, letter)

    def _check(self, lesson: int, answer: str, kept: Any = None) -> None:
        one = catalogue.lesson(lesson)
        one.exercise.write_text(answer, encoding="utf-8")
        self._printed.begin("")

        def at(line: int, seconds: float) -> None:
            self.tell(type="at", cell="check", line=line, seconds=round(seconds, 2))

        def check() -> bool:
            with lines.told(str(one.exercise), at):
                return checking.check(one, watching=True, start=_tests().check)

        self._said("check", lesson, kept, check)

    def _hint(self, lesson: int, kept: Any = None) -> None:
        self._said("hint", lesson, kept, lambda: commands.hint(lesson))

    def _solution(self, lesson: int, force: bool = False, kept: Any = None) -> None:
        self._said("solution", lesson, kept, lambda: not commands.solution(lesson, force))

    def _progress(self, kept: Any = None) -> None:
        self._said("progress", None, kept, commands.show_progress)

    def _said(self, to: str, lesson: int | None, kept: Any, command: Callable[[], bool | None]) -> None:
        """Run a command of the course. `kept` is what the page keeps of the reader's progress; it gets it back."""
        if kept is not None:
            progress.FILE.write_text(json.dumps(kept), encoding="utf-8")
        page = console.page = Said()
        passed = None
        try:
            passed = command()
        except commands.TROUBLE as error:
            page.text(str(error))
        finally:
            console.page = None
        self.tell(type="said", to=to, lesson=lesson, passed=passed, pieces=page.pieces, kept=progress.kept())


run_cell = cell.run


def _tests() -> Any:
    from . import tests  # it takes a moment, and most cells do not need it

    return tests


def explain(error: BaseException) -> str:
    """What a reader should know about an error that a cell raised, beside what Python says."""
    return UNKNOWN_NAME if isinstance(error, NameError) else ""


def load() -> None:
    """Import what most cells need. It is done once, when the site is built: a browser gets the memory of this process."""
    if importlib.util.find_spec("lupa") is None:
        sys.modules["lupa"] = sys.modules["lupa.lua51"] = lua  # fakeredis imports it by this name
    importlib.import_module("fakeredis")


def start(post: Callable[[str], object]) -> Course:
    """The course, ready to work in this process."""
    for numbers in (random, retry._rng):  # otherwise each visitor would get the same ones
        numbers.seed()
    return Course(post)
