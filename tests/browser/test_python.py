"""Python in a real browser: each cell says what the notebook says, each exercise is judged as everywhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import forking
import pytest
from playwright.sync_api import Browser, Page

from lessons.browser.archive import LIVE
from lessons.course import catalogue, checking, notebooks
from lessons.course.catalogue import NOTEBOOK_ONLY
from lessons.course.notebooks import Normaliser
from lessons.kit.prediction import QUESTION

every_lesson = pytest.mark.parametrize("number", LIVE)

# A page that is nothing but the worker: `ask` sends messages, and has all that comes until each of them has been answered.
START = """(lesson) => {
    window.said = [];
    window.python = new Worker("page/python.js", { type: "module" });
    python.onmessage = ({ data }) => { said.push(data); window.heard?.(); };
    window.until = (enough) => new Promise((done) => {
        window.heard = () => { if (enough()) { done(said.splice(0)); } };
        window.heard();
    });
    python.postMessage({ type: "start", lesson });
    return until(() => said.some(({ type }) => type === "ready" || type === "failed"));
}"""
ASK = """(messages) => {
    for (const one of messages) python.postMessage(one);
    const answers = messages.filter(({ type }) => type !== "guess").length;
    return until(() => said.filter(({ type }) => type === "ended" || type === "said").length === answers);
}"""
HURRY = "import os\nos.environ['MINIJOBS_LESSON_PACE'] = '0.02'"
NOTHING = "from minijobs import worker\nworker.registry.clear()\nglobals().clear()\n__name__ = '__main__'"

Ask = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def start(browser: Browser, address: str) -> Iterator[Callable[..., Ask]]:
    """Starts Python in a worker, and gives what sends it messages and returns the answers."""
    with browser.new_context(service_workers="block") as context:

        def started(lesson: int = 1) -> Ask:
            page: Page = context.new_page()
            page.set_default_timeout(0)
            page.goto(f"{address}manifest.json")
            first = page.evaluate(START, lesson)
            assert first[-1]["type"] == "ready", first[-1]
            loading = [one for one in first if one["type"] == "loading"]
            assert loading[-1]["loaded"] == loading[-1]["total"]
            return lambda *messages: page.evaluate(ASK, list(messages))

        yield started


@pytest.fixture(scope="module")
def ask(start: Callable[..., Ask]) -> Ask:
    """Python that the tests share: to start one takes longer than most of them. Those of lessons begin with no names."""
    return start()


@pytest.fixture(scope="module")
def with_pytest(start: Callable[..., Ask]) -> Ask:
    """The same for lesson 5, with which all that a check needs is loaded."""
    return start(5)


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
def test_every_cell_says_what_the_notebook_says(request, number):
    ask = request.getfixturevalue("with_pytest" if number == 5 else "ask")
    lesson = catalogue.lesson(number)
    stored = {cell.id: cell for cell in notebooks.stored(lesson).cells}
    cells = [
        (lesson.id_of_cell(place), cell.source)
        for place, cell in enumerate(lesson.in_notebook(), start=1)
        if cell.kind == "code" and NOTEBOOK_ONLY not in cell.tags
    ]
    said = ask(run(HURRY), run(NOTHING), *(run(source, name) for name, source in cells))
    ours, theirs = Normaliser(), Normaliser()
    for name, source in cells:
        now, then = ours(printed(said, name)), theirs("".join(notebooks._texts(stored[name].outputs)))
        if now.startswith(QUESTION):  # a page makes its buttons of this; a stored notebook has only the words
            assert now.partition("text/plain\n")[2] == then.partition("text/plain\n")[2]
        else:
            assert now == then, f"{name}:\n{source}"


# Of each lesson one mistake, where there is one of those that need what a browser does not have: threads.
MISTAKES = {
    1: "pushes_from_a_thread",
    2: "own_thread",
    3: "thread_in_perform",
    4: "pages_that_move",
    5: "asserts_in_vain",
    7: "own_timer",
}


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    """Starts the process of a check, as the tests of the exercises do."""
    with forking.checks(tmp_path_factory.mktemp("checks")) as start:
        yield start


@pytest.mark.parametrize("which", ["stub", "solution", "mistake"])
@every_lesson
def test_an_exercise_is_judged_as_everywhere_else(ask, fork, number, which, tmp_path):
    lesson = catalogue.lesson(number)
    mistake = lesson.folder / "mistakes" / f"{MISTAKES[number]}.py"
    source = {"stub": lesson.stub, "solution": lesson.solution, "mistake": mistake}[which].read_text()
    answer = tmp_path / "exercise.py"
    answer.write_text(source)
    elsewhere = checking.examine(lesson, answer, start=fork)
    (said,) = [one for one in ask({"type": "check", "lesson": number, "answer": source}) if one["type"] == "said"]
    words = [tuple(piece) for piece in said["pieces"]]
    assert said["passed"] == elsewhere.passed == (which == "solution")
    assert [text for kind, text in words if kind == "ok"] == elsewhere.met
    assert [text for kind, text in words if kind == "no"] == [elsewhere.unmet] * (not elsewhere.passed)
    for line in elsewhere.reason.splitlines():
        label, _, text = line.partition(":")
        assert label == "Look" or ("text", f"{label}: {text.strip()}") in words


def test_it_is_told_where_an_endless_loop_is(ask):
    loop = "number = 0\nwhile number < 400_000:\n    number += 1\n"
    lines = [(one["cell"], one["line"]) for one in ask(run(loop)) if one["type"] == "at"]
    assert lines[0] == ("lesson-1-cell-100", 1)
    assert {line for _, line in lines[-2:]} <= {2, 3}
    check = {
        "type": "check",
        "lesson": 1,
        "answer": f"def create(email, thought):\n    {loop.replace(chr(10), chr(10) + '    ')}",
    }
    lines = [(one["cell"], one["line"]) for one in ask(check) if one["type"] == "at"]
    assert lines[-1][0] == "check"
    assert lines[-1][1] in (3, 4)


def test_what_a_check_says_to_look_with_is_there_in_a_cell(ask):
    said = ask(run("from lessons.kit import start\nredis = start()"), run("inbox"), run("work()"), run("inbox = 7\ninbox"))
    assert [one["ok"] for one in said if one["type"] == "ended"] == [True] * 4
    assert printed(said).endswith("text/plain\n7")


def test_what_waits_is_told_of_too(ask):
    said = ask(run("import time\n\ntime.sleep(1)"))
    assert [one["line"] for one in said if one["type"] == "at"][-2:] == [3, 3]
    assert [one["seconds"] > 0.5 for one in said if one["type"] == "at"][-1]


def test_what_is_printed_comes_before_the_cell_ends(ask):
    said = ask(run("import time\nprint('begun')\ntime.sleep(0.5)\nprint('ended')"))
    texts = [one["output"]["text"] for one in said if one["type"] == "output"]
    assert texts == ["begun\n", "ended\n"]
    assert said[-1] == {"type": "ended", "cell": "lesson-1-cell-100", "ok": True}


def test_what_is_printed_without_end_is_cut(ask):
    text = printed(ask(run("for _ in range(100):\n    print('x' * 10_000)")))
    assert 200_000 <= len(text) < 201_000
    assert text.endswith("which is not shown.\n")


def test_an_answer_that_prints_without_end_or_ends_the_process_is_told_so(ask):
    for source, words in {
        "while True:\n        print('x' * 10_000)": "it printed more than",
        "import os\n    os._exit(0)": "the process of the check ended in the middle",
    }.items():
        answer = f"def create(email, thought):\n    {source}\n"
        (said,) = [one for one in ask({"type": "check", "lesson": 1, "answer": answer}) if one["type"] == "said"]
        assert words in str(said["pieces"])


def test_a_guess_is_kept_until_the_answer(ask):
    asked = "from lessons.kit import predict\nfirst = predict('Where?', a='Here.', b='There.')\nfirst"
    guess = {"type": "guess", "question": "Where?", "letter": "b"}
    shown = ask(run("from lessons.kit import start\nredis = start()"), guess, run(asked), guess)
    (data,) = [one["output"]["data"] for one in shown if one.get("output", {}).get("kind") == "display"]
    assert data[QUESTION] == {"question": "Where?", "choices": {"a": "Here.", "b": "There."}, "guess": "b"}
    assert "You guessed it." in printed(ask(run("first.answer('it', a=False, b=True)")))


def test_an_error_says_where_in_the_cells_it_was_by_the_numbers_that_stand_beside_them(ask, site):
    page = (site / "lesson-1.html").read_text(encoding="utf-8")
    numbered = {number: cell for cell, number in re.findall(r'id="(lesson-1-cell-\d+)" data-number="(\d+)"', page)}
    said = ask(run("def ask():\n    return nobody\n", numbered["9"]), run("ask()", numbered["10"]))
    (error,) = [one["output"]["text"] for one in said if one["type"] == "output"]
    assert "Cell 10, line 1" in error
    assert "Cell 9, line 2, in ask\n    return nobody" in error
    assert "NameError: name 'nobody' is not defined" in error
    assert error.endswith("Run the cells above, then this one.")
    assert said[-1]["ok"] is False


def test_a_hint_more_each_time_and_the_solution_when_it_is_earned(ask):
    def said(kept, **message):
        (answer,) = [one for one in ask({"lesson": 2, "kept": kept, **message}) if one["type"] == "said"]
        return answer

    first = said({}, type="hint")
    second = said(first["kept"], type="hint")
    assert "make " not in str(said({"2": {"hints": 9}}, type="hint")["pieces"])
    assert [str(one["pieces"]).count("**Hint ") for one in (first, second)] == [1, 2]
    refused = said(second["kept"], type="solution")
    assert refused["passed"] is False
    assert "the button Show it anyway" in str(refused["pieces"])
    assert "class " in str(said(refused["kept"], type="solution", force=True)["pieces"])
    assert "class " in str(said({"2": {"solved": True}}, type="solution")["pieces"])


def test_each_visitor_gets_other_random_numbers_and_their_own_time(browser, address):
    told = []
    for zone in ("America/New_York", "Asia/Tokyo"):  # Python was loaded once, when the site was built
        with browser.new_context(service_workers="block", timezone_id=zone) as context:
            page = context.new_page()
            page.set_default_timeout(0)
            page.goto(f"{address}manifest.json")
            page.evaluate(START, 1)
            lines = (
                "import datetime, random, secrets, uuid, minijobs.retry",
                "print(random.random(), minijobs.retry._rng.random(), secrets.token_hex(8), uuid.uuid4())",
                "print(datetime.datetime.fromtimestamp(0).hour)",
            )
            told.append(printed(page.evaluate(ASK, [run("\n".join(lines))])).split())
    first, second = told
    assert not set(first) & set(second), told
    assert (first[-1], second[-1]) == ("19", "9")


def test_a_file_that_is_not_there_is_an_understandable_failure(browser, address):
    with browser.new_context(service_workers="block") as context:
        page = context.new_page()
        page.route("**/course.pack", lambda route: route.fulfill(status=404))
        page.goto(f"{address}manifest.json")
        failed = page.evaluate(START, 1)[-1]
    assert failed == {"type": "failed", "reason": "Python could not be loaded: course.pack is not there (404)"}
