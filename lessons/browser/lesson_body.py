"""What stands on the page of a lesson: its cells with their stored outputs, and its exercise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from typing import Any

from lessons.course.catalogue import NOTEBOOK_ONLY, Lesson

from . import markup
from .archive import LIVE
from .wording import handed_out, on_page

# A cell that is not shown: it asks, or compares the guess with what was observed.
HIDDEN = re.compile(r"# (A question|The answer)\n")


def lesson_body(lesson: Lesson) -> str:
    """All of it, in the lesson's order."""
    head, *cells = _cells(lesson)
    return "\n".join([head, _where_it_runs(lesson), *cells, _exercise(lesson)])


def _cells(lesson: Lesson) -> Iterator[str]:
    shown = 0
    for cell in json.loads(lesson.notebook.read_text(encoding="utf-8"))["cells"]:
        source, tags = markup.text(cell["source"]), cell["metadata"].get("tags", [])
        if NOTEBOOK_ONLY in tags:
            continue
        if cell["cell_type"] == "markdown":
            yield markup.prose(on_page(source, lesson))
        elif hidden := HIDDEN.match(source):
            yield _hidden(cell, source[hidden.end() :], asks=hidden[1] == "A question")
        else:
            shown += 1
            yield _shown(cell, source, shown, lesson)


def _shown(cell: dict[str, Any], source: str, number: int, lesson: Lesson) -> str:
    fails = any(output["output_type"] == "error" for output in cell["outputs"])
    return (
        f'<div class="cell" role="group" id="{cell["id"]}" data-number="{number}" aria-label="Cell {number}"'
        f'{" data-fails" if fails else ""}><pre class="code"><code>{markup.code(source)}</code></pre>'
        f'<div class="output">{markup.outputs(cell["outputs"])}</div>{_of_threads(source, lesson)}</div>'
    )


def _of_threads(source: str, lesson: Lesson) -> str:
    if lesson.number not in LIVE or "Thread(" not in source:
        return ""
    return (
        '<p class="small with-script">In a browser, Python has no threads. Here they take turns; '
        f"in a copy of this project, <code>make lesson-{lesson.number}</code> runs them side by side.</p>"
    )


def _hidden(cell: dict[str, Any], source: str, *, asks: bool) -> str:
    if asks:
        question, *choices = markup.text(cell["outputs"][0]["data"]["text/plain"]).splitlines()
        listed = "".join(f"<li>{escape(choice.split(maxsplit=1)[1])}</li>" for choice in choices)
        seen = f'<div class="question"><p>{escape(question)}</p><ol type="a">{listed}</ol></div>'
    else:
        seen = f'<div class="output answer">{markup.outputs(cell["outputs"])}</div>'
    what = "question" if asks else "answer"
    return (
        f'<div class="cell" role="group" id="{cell["id"]}" data-{what} aria-label="{what.capitalize()}">'
        f'<pre class="code" hidden>{escape(source)}</pre>{seen}</div>'
    )


def _where_it_runs(lesson: Lesson) -> str:
    how = f"<code>make lesson-{lesson.number}</code> in a terminal, in a copy of this project"
    if lesson.number in LIVE:
        return (
            '<p class="note with-script">Run the cells from the top to the bottom, with their buttons or with Shift-Enter. '
            "You can change each of them, and run it again.</p>"
            '<p class="note without-script">Without JavaScript, this page is to read: below each cell stands what it '
            f"printed. To run it, type {how}.</p>"
        )
    return (
        '<p class="note">This lesson starts programs of its own, which a browser cannot. Below each cell stands what it '
        f"printed in a stored run. To run it, type {how}, or <code>make notebook-{lesson.number}</code> for a notebook.</p>"
    )


def _exercise(lesson: Lesson) -> str:
    number = lesson.number
    if lesson.is_an_application:
        tickets = markup.prose(re.sub("^#.*", "", (lesson.folder / "tickets.md").read_text(encoding="utf-8")), "exercise-")
        given = f"<details><summary>The tickets</summary>{tickets}</details>"
    else:
        given = f'<pre class="code"><code>{markup.code(handed_out(lesson))}</code></pre>'
    if number in LIVE:
        terminal = f"<code>make check-{number}</code> in a terminal checks it. It is in <code>{_path(lesson)}</code>."
        return (
            f'<section class="exercise" id="exercise" aria-label="Exercise">{given}'
            f'<p class="small without-script">{terminal}</p></section>'
        )
    return (
        f'<section class="exercise" id="exercise" aria-label="Exercise">{given}<p>Its check starts programs, too. In a copy '
        f"of this project, <code>make check-{number}</code> checks it, and <code>make hint-{number}</code> gives a hint.</p>"
        "</section>"
    )


def _path(lesson: Lesson) -> str:
    return lesson.exercise.relative_to(lesson.folder.parent.parent).as_posix()
