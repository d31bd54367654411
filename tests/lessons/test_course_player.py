"""Lessons in a terminal: played to the end when nobody watches, step by step when somebody does."""

from __future__ import annotations

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import nbformat
import pytest

from lessons.course import catalogue, console, notebooks
from lessons.course.catalogue import lessons

LESSONS = lessons()
NAMES = [one.folder.name for one in LESSONS]


@pytest.fixture(scope="session")
def played(copied, ask):
    """What each lesson prints when nobody watches, by its number."""
    folder = copied()
    with ThreadPoolExecutor(3) as pool:
        runs = pool.map(lambda one: ask(folder, "play", str(one.number), CI="true"), LESSONS)
        return dict(zip([one.number for one in LESSONS], runs, strict=True))


def words(text, normal):
    """Text with everything replaced that differs from run to run, and without the breaks that a terminal makes."""
    text = re.sub(r"<class '(\w+)'>", r"\1", text)  # a notebook shows a class by its name alone
    return re.sub(r"\s", "", normal(re.sub(r"\s+", " ", text)))


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_lesson_plays_to_its_end_when_nobody_watches(played, lesson):
    told = played[lesson.number]
    assert (told.returncode, told.stderr) == (0, "")
    assert f"make check-{lesson.number}" in told.stdout.splitlines()[-1]
    assert "Enter: the next step" not in told.stdout


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_every_cell_shows_in_the_terminal_what_it_shows_in_the_notebook(played, lesson):
    normal = notebooks.Normaliser()
    printed = words(played[lesson.number].stdout, normal)
    normal = notebooks.Normaliser()  # ids are numbered as they appear, here and there
    read_to = 0
    for number, cell in enumerate(notebooks.stored(lesson).cells, start=1):
        for output in cell.get("outputs", []):
            shown = output.text if output.output_type == "stream" else output.get("data", {}).get("text/plain", "")
            if output.output_type == "error":
                shown = f"{output.ename}: {output.evalue}"
            found = printed.find(words(shown, normal), read_to)
            assert found >= 0, f"cell {number}, not in the terminal:\n{shown}"
            read_to = found + 1


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_prose_and_code_fit_a_terminal_of_80_columns(lesson, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    for cell in lesson.cells():
        (console.code if cell.kind == "code" else console.prose)(cell.source)
        printed = capsys.readouterr().out.splitlines()
        assert max(map(len, printed)) <= 80
        if cell.kind == "code":  # and no line of it is broken
            assert [line[2:-2].rstrip() for line in printed[1:-1]] == [line.rstrip() for line in cell.source.splitlines()]


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_links_become_what_can_be_typed(lesson, monkeypatch, capsys):
    for cell in lesson.cells():
        if cell.kind == "markdown":
            console.prose(cell.source)
    printed = capsys.readouterr().out
    assert "](" not in printed
    assert ".ipynb" not in printed


# A lesson of the tests' own, so that what is tested of the player does not hang on the words of a real one.
LESSON = """# %% [markdown]
# # 7 · Small
#
# **What is it?**
#
# 5 minutes. [Contents](../lessons/README.md)

# %%
from lessons.kit import predict, start

redis = start()

# %%
guess = predict("What is it?", a="This.", b="That.")
guess

# %%
guess.answer(a=False, b=True)

# %% tags=["raises-exception"]
raise ValueError("on purpose")

# %%
print("printed")
value = 6 * 7
value

# %%
"not shown";

# %%
None

# %%
class Here:
    pass

Here.__module__

# %% [markdown]
# The last words.
"""


@pytest.fixture
def small(copied):
    """A copy of the course with a seventh lesson; what its script is, the test says."""
    folder = copied()
    (folder / "lessons" / "lesson_07_small").mkdir()

    def write(text=LESSON):
        script = folder / "lessons" / "lesson_07_small" / "lesson.py"
        script.write_text(text, encoding="utf-8")
        catalogue.Lesson(7, "small", script.parent).cells()  # they are kept, and a process started later reads them faster
        return folder

    return write


@pytest.fixture
def here(small, monkeypatch):
    """Plays that lesson in this process. Gives back the exit code."""
    from lessons.__main__ import main
    from lessons.course import progress

    def play(text=LESSON):
        folder = small(text)
        monkeypatch.setattr(catalogue, "LESSONS", folder / "lessons")
        monkeypatch.setattr(progress, "LESSONS", folder / "lessons")
        monkeypatch.setattr(progress, "FILE", folder / "lessons" / ".progress.json")
        return main(["play", "7"])

    return play


def cell(*lines, tags=""):
    return "\n".join([f"\n# %%{tags}", *lines, ""])


FIRST = LESSON[: LESSON.index("# %%\n")]


def test_the_output_of_a_cell_stands_under_its_code(here, capsys):
    assert here() == 0
    printed = capsys.readouterr().out
    order = ["What is it?", "redis = start()", "Redis: embedded", "guess.answer(", "What happened is b: That."]
    order += ['raise ValueError("on purpose")', "ValueError: on purpose", 'print("printed")', "printed\n42\n", "not shown"]
    order += ["__main__", "The last words.", "make check-7"]
    places = [printed.index(words) for words in order]
    assert places == sorted(places)
    assert printed.count("not shown") == 1  # in the code: a semicolon keeps the value back, as in a notebook
    assert "\nNone\n" not in printed


def test_a_lesson_that_was_played_is_remembered(here):
    from lessons.course import progress

    assert here() == 0
    assert progress.of(catalogue.lesson(7)) == {"played": True}


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("1 / 0", "Lesson 7, cell 2: ZeroDivisionError: division by zero\n"),
        ("assert False, 'no'", "Lesson 7, cell 2: AssertionError: no\n"),
        ("def (", "Lesson 7, cell 2: SyntaxError: invalid syntax"),
        ("unknown", "Lesson 7, cell 2: NameError: name 'unknown' is not defined\n"),
    ],
)
def test_a_cell_that_breaks_ends_the_play_with_one_sentence(here, capsys, broken, sentence):
    assert here(FIRST + cell(broken) + cell("print('never ' + 'here')")) == 1
    printed = capsys.readouterr()
    assert printed.err.startswith(sentence)
    assert len(printed.err.splitlines()) == 1
    assert "never here" not in printed.out


def test_a_lesson_that_broke_was_not_played_and_leaves_nothing(here, server, monkeypatch):
    from lessons.course import progress

    monkeypatch.setenv("REDIS_URL", server.url)
    assert here(FIRST + cell("from lessons.kit import start", "start().set('mine', 1)") + cell("1 / 0")) == 1
    assert progress.of(catalogue.lesson(7)) == {}
    assert server.everything() == {}


def test_an_error_on_purpose_is_shown_and_the_lesson_goes_on(here, capsys):
    assert here(FIRST + cell("1 / 0", tags=' tags=["raises-exception"]') + cell("print('and ' + 'on')")) == 0
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().out.split("and on")[0]


def test_somebody_who_watches_goes_step_by_step_and_guesses(small, terminal):
    shown = terminal(small(), "play", "7")
    shown.until("Enter: the next step · q: stop ──")
    assert "What is it?" not in shown.text.split("redis = start()")[1]  # nothing comes before Enter
    shown.type("\n")
    shown.until("  b  That.\n", "Enter: the next step")
    shown.until("Your guess (a, b; Enter to go on without): ")
    shown.type("z\n")
    shown.until("z is none of the choices.")
    shown.type("B\n")
    shown.until("Your guess is b. Now let it happen.")
    shown.until("q: stop ──")
    shown.type("\n")
    shown.until("You guessed it.")
    for _ in range(6):
        shown.until("q: stop ──")
        shown.type("\n")
    shown.until("The last words.")
    assert shown.ended() == 0
    assert shown.text.rstrip().endswith("make check-7")


def test_q_stops_and_the_lesson_does_not_count_as_played(small, terminal):
    folder = small()
    shown = terminal(folder, "play", "7")
    shown.until("q: stop ──")
    shown.type(" Q\n")
    shown.until("Stopped.")
    assert shown.ended() == 0
    assert "predict(" not in shown.text.split("redis = start()")[1]
    assert not (folder / "lessons" / ".progress.json").exists()


@pytest.mark.parametrize("where", ["at a step", "at a guess"])
def test_when_the_input_ends_the_lesson_goes_on_to_its_end(small, terminal, where):
    shown = terminal(small(), "play", "7")
    shown.until("q: stop ──")
    if where == "at a guess":
        shown.type("\n")
        shown.until("Your guess (")
    shown.type("\x04")
    shown.until("The last words.")
    assert shown.ended() == 0
    assert shown.text.count("q: stop ──") == 1


def test_ctrl_c_ends_a_lesson_without_a_traceback(small, terminal):
    shown = terminal(small(), "play", "7")
    shown.until("q: stop ──")
    shown.process.send_signal(signal.SIGINT)
    with suppress(OSError):  # it has ended
        shown.type("\n")  # a signal between the prompt and the reading of it is seen when something is read
    assert shown.ended() == 130
    assert "Traceback" not in shown.text


def test_the_stored_notebooks_are_notebooks():
    """The comparison above would pass on empty ones."""
    for lesson in LESSONS:
        assert sum(len(cell.get("outputs", [])) for cell in nbformat.read(lesson.notebook, as_version=4).cells) > 10
