"""The exercises: the stub fails as stated, the solution passes, every plausible mistake is rejected in its own words."""

from __future__ import annotations

import ast
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from lessons.course import checking, telling
from lessons.course.catalogue import Lesson, lessons

LESSONS = lessons()
NAMES = [one.folder.name for one in LESSONS]
MISTAKES = [(one, mistake) for one in LESSONS for mistake in one.mistakes]
PARTS = ["Expected:    ", "Instead:     ", "Looks like:  ", "Look:        "]

# What a check costs is mostly the start of a process. So they run side by side, all of them before the first test here.
SIDE_BY_SIDE = 3

CREATE = "def create(email, thought):\n"

# Answers that are no attempt at all, or broken ones. Of each, words that must be in what the learner is told.
BROKEN = {
    "a syntax error": ("import os\ndef create(:\n", ["a syntax error.py cannot be read: line 2"]),
    "raises when it is loaded": (
        "raise RuntimeError('not today')\n",
        ["Your code raised RuntimeError: not today", "at line 1 of raises when it is loaded.py: raise Runtime"],
    ),
    "raises in create": (
        CREATE + "    return email / 2\n",
        ["Your code raised TypeError: unsupported operand", "at line 2 of raises in create.py: return email / 2"],
    ),
    "exits when it is loaded": ("import sys\nsys.exit()\n", ["Your code raised SystemExit", "at line 2 of"]),
    "exits in create": (CREATE + "    raise SystemExit('bye')\n", ["Your code raised SystemExit: bye", "at line 2 of"]),
    "ends the process": (CREATE + "    import os\n    os._exit(0)\n", ["the process of the check ended in the middle"]),
    "an empty file": ("", ["Your code raised AttributeError: module 'exercise' has no attribute 'create'"]),
    "no text": (b"\x00\xff\xfe", ["Your code raised SyntaxError: source code string cannot contain null bytes"]),
    "another encoding": (b"x = '\xe4'\n", ["another encoding.py cannot be read: line", "utf-8"]),
    "asks for something": (CREATE + "    return input('who? ')\n", ["Your code raised OSError"]),
    "raises bare": (CREATE + "    assert False\n", ["Your code raised AssertionError", "at line 2 of"]),
}


# Mistakes in the call itself, which Python refuses: the learner is told the line of it.
SLIPS = {
    "calls_on_the_class": "SendGifToUserWorker.perform(",
    "names_the_arguments": "SendGifToUserWorker.perform_async(email=",
}

WORKER = "from minijobs import Worker\n\nclass Gif(Worker):\n    def perform(self, email, thought): ...\n\n"
SLIPS_ELSEWHERE = {
    "gives the arguments to the class": (
        WORKER + CREATE + "    Gif(email, thought).perform()\n",
        "giving the arguments to the class",
    ),
}


def place(mistake):
    """Where a slip is: its line, with its number, as the learner is told."""
    lines = enumerate(mistake.read_text().splitlines(), start=1)
    ((number, line),) = ((number, line) for number, line in lines if SLIPS[mistake.stem] in line)
    return f"line {number} of {mistake.name}: {line.strip()}"


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """What the checks found: of each stub, solution and mistake, by its path, and of each broken answer, by its name."""
    folder = tmp_path_factory.mktemp("answers")
    answers = {path: (one, path) for one in LESSONS for path in (one.stub, one.solution, *one.mistakes)}
    for name, (source, _) in [*BROKEN.items(), *SLIPS_ELSEWHERE.items()]:
        answers[name] = (LESSONS[0], folder / f"{name}.py")
        answers[name][1].write_bytes(source if isinstance(source, bytes) else source.encode())
    noise = "import sys\nprint('{\"event\": \"end\"}')\nprint('FAILED', file=sys.stderr)\nsys.stdout.flush()\n"
    for name, path in (("noisy stub", LESSONS[0].stub), ("noisy solution", LESSONS[0].solution)):
        answers[name] = (LESSONS[0], folder / f"{name}.py")
        answers[name][1].write_text(path.read_text() + "\n" + noise)
    answers["no check"] = (Lesson(9, "gone", folder), LESSONS[0].solution)
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        results = pool.map(lambda one: checking.examine(*one), answers.values())
        return dict(zip(answers, results, strict=True))


def misconception(path):
    return ast.get_docstring(ast.parse(path.read_text())).splitlines()[0]


def parts(reason):
    """The four parts of a rejection, by their names. Everything in it must belong to one."""
    lines = reason.splitlines()
    assert [line[:13] for line in lines] == PARTS, reason
    return {line[:13].strip(): line[13:] for line in lines}


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_stub_fails_for_the_stated_reason(found, lesson):
    result = found[lesson.stub]
    assert result.unmet
    assert "the exercise as it was handed out" in parts(result.reason)["Looks like:"]


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_solution_passes_every_requirement(found, lesson):
    result = found[lesson.solution]
    assert result.passed, result.reason
    assert len(result.met) == lesson.check.read_text().count("def test_")


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_there_are_five_mistakes_or_more(lesson):
    assert len({misconception(mistake) for mistake in lesson.mistakes}) >= 5


@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES, ids=[f"{one.number}-{path.stem}" for one, path in MISTAKES])
def test_a_mistake_is_rejected_in_words_that_no_other_mistake_hears(found, lesson, mistake):
    words = misconception(mistake)
    heard = [path.stem for path in (lesson.stub, *lesson.mistakes) if words in found[path].reason]
    assert heard == [mistake.stem], found[mistake].reason


@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES, ids=[f"{one.number}-{path.stem}" for one, path in MISTAKES])
def test_a_rejection_has_four_parts_and_no_traceback(found, lesson, mistake):
    result = found[mistake]
    assert not result.passed
    told = parts(result.reason)
    assert all(told.values())
    if mistake.stem in SLIPS:  # Python itself refused the call: it is known where
        assert told["Look:"] == place(mistake)
        assert told["Instead:"].startswith("Python said: ")
    else:
        assert f"make try-{lesson.number}" in told["Look:"]
    for word in ("Traceback", "assert", "Assertion", 'File "'):
        assert word not in result.reason


def test_every_slip_that_is_known_was_made():
    stems = {path.stem for _, path in MISTAKES}
    assert stems.issuperset(SLIPS)
    assert len(telling.SLIPS) == len(SLIPS) + len(SLIPS_ELSEWHERE)


@pytest.mark.parametrize("name", SLIPS_ELSEWHERE)
def test_a_slip_that_is_no_mistake_of_a_lesson_is_told_in_four_parts_too(found, name):
    told = parts(found[name].reason)
    source, words = SLIPS_ELSEWHERE[name]
    assert told["Expected:"] == found[name].unmet
    assert told["Instead:"].startswith("Python said: ")
    assert words in told["Looks like:"]
    line = len(source.splitlines())
    assert told["Look:"] == f"line {line} of {name}.py: {source.splitlines()[-1].strip()}"


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_requirements_are_sentences(found, lesson):
    for requirement in found[lesson.solution].met:
        assert requirement.endswith(".")
        assert not requirement.startswith("test_")


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_answer_is_told_what_is_wrong_and_where(found, name):
    result = found[name]
    assert not result.passed
    for words in BROKEN[name][1]:
        assert words in result.reason
    assert "Traceback" not in result.reason
    assert len(result.reason.splitlines()) <= 4


def test_a_check_that_cannot_start_lets_nothing_pass_and_says_what_pytest_said(found):
    assert not found["no check"].passed
    assert found["no check"].unmet == "The check can start."
    assert "file or directory not found" in found["no check"].reason


def test_what_an_answer_prints_changes_nothing(found):
    assert found["noisy stub"].reason == found[LESSONS[0].stub].reason
    assert found["noisy solution"].passed


def test_an_answer_that_never_ends_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "LONGEST_CHECK", 2)
    answers = [tmp_path / "loaded.py", tmp_path / "called.py"]
    for answer, source in zip(answers, ["while True: pass\n", CREATE + "    while True: pass\n"], strict=True):
        answer.write_text(source)
    with ThreadPoolExecutor(2) as pool:
        for result in pool.map(lambda answer: checking.examine(LESSONS[0], answer), answers):
            told = result.reason.splitlines()
            assert told[0] == "Expected:    the check ends within 2 seconds."
            assert told[1] == "Instead:     it is still running."
            assert "never ends" in told[2]
            assert result.unmet


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_exercise_as_committed_is_the_stub(lesson):
    """A learner's checkout may hold their answer, and their `make test` must not fail for it. CI's is as committed."""
    if os.environ.get("CI") == "true":
        assert lesson.exercise.read_bytes() == lesson.stub.read_bytes()


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_stub_is_readable_in_a_terminal_and_says_how_to_check(lesson):
    source = lesson.stub.read_text()
    assert max(map(len, source.splitlines())) <= 100
    assert f"make check-{lesson.number}" in ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_solution_explains_itself(lesson):
    assert len(ast.get_docstring(ast.parse(lesson.solution.read_text())).split()) >= 30


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_hints_lead_to_the_solution_in_three_steps_or_more(lesson):
    hints = lesson.hints()
    assert len(hints) >= 3
    assert all(hints)
    # Only the last ones give code away.
    assert "perform_async(" not in hints[0]
