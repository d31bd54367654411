"""Which lessons there are, and where their parts lie."""

from __future__ import annotations

import ast
import codecs
import importlib.util
import json
import re
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

LESSONS = Path(__file__).parent.parent
NOTEBOOKS = LESSONS.parent / "notebooks"


# Before 3.11.5, Python fails with a SystemError if two threads parse at the same time. (CPython's issue 106905.)
_parsing = threading.Lock()

# What is in a folder without being anybody's.
JUNK = {"__pycache__", ".pytest_cache", ".DS_Store"}

# The tags of cells that only one of the two shows.
TERMINAL_ONLY, NOTEBOOK_ONLY = "terminal-only", "notebook-only"


class Cell(NamedTuple):
    """A piece of a lesson: prose ("markdown") or code."""

    kind: str
    source: str
    tags: tuple[str, ...]


@dataclass(frozen=True)
class Lesson:
    """One lesson: a folder `lesson_03_retries` with everything that belongs to it."""

    number: int
    name: str
    folder: Path

    @property
    def script(self) -> Path:
        """The only source of the lesson: prose and code, in cells."""
        return self.folder / "lesson.py"

    @property
    def is_an_application(self) -> bool:
        """Whether its exercise is a whole application: a folder, and not a file. Its answers are patches."""
        return (self.folder / "stub").is_dir()

    @property
    def exercise(self) -> Path:
        """The learner's file, theirs to change; or their folder."""
        return self.folder / ("app" if self.is_an_application else "exercise.py")

    @property
    def stub(self) -> Path:
        """The exercise as it was handed out, kept for `reset`."""
        return self.folder / ("stub" if self.is_an_application else "stub.py")

    @property
    def solution(self) -> Path:
        """An answer that passes, with its explanation; of an application, a walk-through."""
        return self.folder / ("solution.md" if self.is_an_application else "solution.py")

    @property
    def check(self) -> Path:
        """What an answer must do, as pytest tests."""
        return self.folder / "test_exercise.py"

    @property
    def mistakes(self) -> list[Path]:
        """Plausible wrong answers, each of which the check must reject in its own words."""
        return sorted((self.folder / "mistakes").glob(self._answers))

    @property
    def answers(self) -> list[Path]:
        """Right answers in differing styles, each of which the check must accept."""
        return sorted((self.folder / "answers").glob(self._answers))

    @property
    def _answers(self) -> str:
        return "*.patch" if self.is_an_application else "*.py"

    @property
    def notebook(self) -> Path:
        """The notebook that is built from the script."""
        return NOTEBOOKS / f"{self.number:02}_{self.name}.ipynb"

    @property
    def working_copy(self) -> Path:
        """The learner's own notebook, which git ignores: running it must not stand in the way of a pull."""
        return NOTEBOOKS / f"{self.number:02}_{self.name}.mine.ipynb"

    def cells(self) -> list[Cell]:
        """The lesson, cell by cell."""
        return in_cells(self.script.read_text(encoding="utf-8"))

    @property
    def starts_processes(self) -> bool:
        """Whether it starts worker processes, and so needs a Redis that they can reach."""
        return "start(server=True)" in self.script.read_text(encoding="utf-8")

    def in_notebook(self) -> list[Cell]:
        """The cells of the notebook: those that are for a terminal only are left out."""
        return [cell for cell in self.cells() if TERMINAL_ONLY not in cell.tags]

    def in_terminal(self) -> list[Cell]:
        """The cells that a terminal plays: those that are for a notebook only are left out."""
        return [cell for cell in self.cells() if NOTEBOOK_ONLY not in cell.tags]

    def id_of_cell(self, number: int) -> str:
        """The id of a cell in the notebook, counted from 1. By itself it would be another one at every build."""
        return f"lesson-{self.number}-cell-{number}"

    def ids_of_code(self) -> list[str]:
        """The ids of the cells that must have run for the lesson to be played; the one that checks its exercise need not."""
        numbered = enumerate(self.in_notebook(), start=1)
        return [self.id_of_cell(n) for n, cell in numbered if cell.kind == "code" and NOTEBOOK_ONLY not in cell.tags]

    def hints(self, about: str = "") -> list[str]:
        """The hints, the gentlest first: the sections of hints.md; of several parts of an exercise, those `about` one.

        Without a check that said what it should be about, it is the first part.
        """
        about = about or next(iter(self.parts), "")
        return [text for title, text in self._hints() if about in ("", title)]

    @property
    def parts(self) -> list[str]:
        """The parts of an exercise that has several, each with hints of its own."""
        return list(dict.fromkeys(title for title, _ in self._hints() if not title.isdigit()))

    def _hints(self) -> list[tuple[str, str]]:
        text = (self.folder / "hints.md").read_text(encoding="utf-8")
        sections = [part.strip() for part in re.split(r"^## (.*)$", text, flags=re.MULTILINE)[1:]]
        return list(zip(sections[::2], sections[1::2], strict=True))

    def heading(self) -> Heading:
        """What the first cell says of the lesson."""
        first = self.cells()[0].source
        title = re.search(r"^# \d+ · (.+)$", first, re.MULTILINE)
        question = re.search(r"^\*\*(.+)\*\*$", first, re.MULTILINE)
        minutes = re.search(r"(\d+) minutes", first)
        if not (title and question and minutes):
            raise ValueError(f"{self.script}: the first cell must give a title, a question in bold, and the minutes.")
        return Heading(title[1], question[1], int(minutes[1]))


class Heading(NamedTuple):
    """A lesson in three words: its title, the question it answers, and how many minutes it takes."""

    title: str
    question: str
    minutes: int


def files(answer: Path) -> dict[str, Path]:
    """The files of an exercise, by their names in it: the file itself, or all that its folder holds."""
    if not answer.is_dir():
        return {answer.name: answer} if answer.exists() else {}
    found = sorted(path for path in answer.rglob("*") if path.is_file() and not JUNK & set(path.parts))
    return {path.relative_to(answer).as_posix(): path for path in found}


def same(answer: Path, other: Path) -> bool:
    """Whether two exercises hold the same."""
    ours, theirs = ([path.read_bytes() for path in files(one).values()] for one in (answer, other))
    return ours == theirs and (not answer.is_dir() or list(files(answer)) == list(files(other)))


def saved(answer: Path) -> int:
    """When an exercise was saved last, in nanoseconds since 1970. Raises FileNotFoundError if it is not there."""
    return max([path.stat().st_mtime_ns for path in files(answer).values()] or [answer.stat().st_mtime_ns])


def unreadable(answer: Path) -> str:
    """Why this file is no Python, in a sentence; empty if it is. Of a folder, of the first of its files that is none."""
    if answer.is_dir():
        reasons = (unreadable(path) for name, path in files(answer).items() if name.endswith(".py"))
        return next(filter(None, reasons), "")
    try:
        content = answer.read_bytes()
    except OSError as error:
        return f"{answer.name} cannot be read: {error.strerror}." if answer.exists() else f"There is no {answer.name}."
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return f"{answer.name} was saved as UTF-16. Save it as UTF-8, which Python reads."
    try:
        with _parsing:
            ast.parse(content)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        return f"{answer.name} cannot be read: {f'line {line}: ' if line else ''}{getattr(error, 'msg', error)}"
    return ""


def load(answer: Path) -> ModuleType:
    """An exercise as a module of its own, loaded afresh. Raises whatever it raises."""
    spec = importlib.util.spec_from_file_location("exercise", answer)
    assert spec is not None
    module = sys.modules["exercise"] = importlib.util.module_from_spec(spec)  # a dataclass looks for its module there
    exec(compiled(answer.read_bytes(), answer), vars(module))
    return module


@lru_cache
def compiled(source: str | bytes, file: Path) -> CodeType:
    """This source of a file as code. It is compiled once, and not for each process that loads it."""
    return compile(source, str(file), "exec", dont_inherit=True)


class NoSuchLesson(LookupError):
    """There is no lesson of that number."""


def lessons() -> list[Lesson]:
    """All lessons, in their order."""
    found = []
    for folder in sorted(LESSONS.glob("lesson_[0-9][0-9]_*")):
        _, number, name = folder.name.split("_", 2)
        found.append(Lesson(int(number), name, folder))
    return found


def lesson(number: int | str) -> Lesson:
    """The lesson of this number. Raises NoSuchLesson, saying which there are; also for a word."""
    for one in lessons():
        if one.number == number:
            return one
    raise NoSuchLesson(f"There is no lesson {number}. There are: {', '.join(str(one.number) for one in lessons())}.")


def in_cells(script: str) -> list[Cell]:
    """The cells of a script in the percent format, which editors and jupytext know. Of prose, each line is a comment.

    >>> for cell in in_cells('# %% [markdown]\\n# Seven.\\n\\n# %% tags=["hide-input"]\\n3 + 4\\n'):
    ...     print(cell)
    Cell(kind='markdown', source='Seven.', tags=())
    Cell(kind='code', source='3 + 4', tags=('hide-input',))
    """
    _, *parts = re.split(r"^# %%(.*)\n", script, flags=re.MULTILINE)
    cells = []
    for head, body in zip(parts[::2], parts[1::2], strict=True):
        known = re.fullmatch(r"(?P<prose> \[markdown\])?(?: tags=(?P<tags>\[.*\]))?", head)
        if known is None:
            raise ValueError(f"No cell begins with: # %%{head}")
        tags, source = tuple(json.loads(known["tags"] or "[]")), body.strip("\n")
        if known["prose"]:
            cells.append(Cell("markdown", re.sub(r"^# ?", "", source, flags=re.MULTILINE), tags))
        else:
            cells.append(Cell("code", source, tags))
    return cells
