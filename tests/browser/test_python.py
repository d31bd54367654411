"""Python in a real browser: each cell says what the notebook says, each exercise is judged as everywhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from lessons.browser.archive import LIVE
from lessons.course import catalogue, notebooks
from lessons.course.catalogue import NOTEBOOK_ONLY
from lessons.course.notebooks import Normaliser
from lessons.kit.prediction import QUESTION

every_lesson = pytest.mark.parametrize("number", LIVE)

# A page that is nothing but the worker: `ask` sends messages, and has all that comes until each of them has been answered.
START = """() => {
    window.said = [];
    window.python = new Worker("page/python.js", { type: "module" });
    python.onmessage = ({ data }) => { said.push(data); window.heard?.(); };
    window.until = (enough) => new Promise((done) => {
        window.heard = () => { if (enough()) { done(said.splice(0)); } };
        window.heard();
    });
    python.postMessage({ type: "start", lesson: 1 });
    return until(() => said.some(({ type }) => type === "ready" || type === "failed"));
}"""
ASK = """(messages) => {
    for (const one of messages) python.postMessage(one);
    const answers = messages.filter(({ type }) => type !== "guess").length;
    return until(() => said.filter(({ type }) => type === "ended" || type === "said").length === answers);
}"""
HURRY = "import os\nos.environ['MINIJOBS_LESSON_PACE'] = '0.02'"

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def start(browser: Browser, address: str) -> Iterator[Callable[[], Ask]]:
    """Starts Python in a worker, and gives what sends it messages and returns the answers."""
    with browser.new_context(service_workers="block") as context:

        def started() -> Ask:
            page: Page = context.new_page()
            page.set_default_timeout(0)
            page.goto(f"{address}manifest.json")
            first = page.evaluate(START)
            assert first[-1]["type"] == "ready", first[-1]
            loading = [one for one in first if one["type"] == "loading"]
            assert loading[-1]["loaded"] == loading[-1]["total"]
            return lambda *messages: page.evaluate(ASK, list(messages))

        yield started


@pytest.fixture(scope="module")
def ask(start: Callable[[], Ask]) -> Ask:
    """Python that has just started, for all tests that leave nothing behind."""
    return start()


def run(source: str, cell: str = "lesson-1-cell-100") -> dict[str, Any]:
    return {"type": "run", "cell": cell, "source": source}


def printed(said: list[dict[str, Any]], cell: str = "lesson-1-cell-100") -> str:
    """What a cell printed, showed and raised, as `notebooks.outputs` has it of a notebook."""
    told = []
    for output in (one["output"] for one in said if one["type"] == "output" and one["cell"] == cell):
        if output["kind"] == "display":
            told += [f"{kind}\n{content}" for kind, content in sorted(output["data"].items())]
        else:
            told.append(output["text"].splitlines()[-1] if output["kind"] == "error" else output["text"])
    return "".join(told)


@every_lesson
def test_every_cell_says_what_the_notebook_says(start, number):
    lesson = catalogue.lesson(number)
    stored = {cell.id: cell for cell in notebooks.stored(lesson).cells}
    cells = [
        (lesson.id_of_cell(place), cell.source)
        for place, cell in enumerate(lesson.in_notebook(), start=1)
        if cell.kind == "code" and NOTEBOOK_ONLY not in cell.tags
    ]
    said = start()(run(HURRY), *(run(source, name) for name, source in cells))
    ours, theirs = Normaliser(), Normaliser()
    for name, source in cells:
        now, then = ours(printed(said, name)), theirs("".join(notebooks._texts(stored[name].outputs)))
        if now.startswith(QUESTION):  # a page makes its buttons of this; a stored notebook has only the words
            assert now.partition("text/plain\n")[2] == then.partition("text/plain\n")[2]
        else:
            assert now == then, f"{name}:\n{source}"
