"""Lessons in a terminal: played to the end when nobody watches, step by step when somebody does."""

from __future__ import annotations

import builtins
import io
import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout, suppress

import pytest
from not_there import with_only
from terminals import Terminal, surroundings

from lessons.course import catalogue, console, notebooks, player
from lessons.course.catalogue import lessons
from lessons.course.notebooks import nbformat
from lessons.course.pages import paged, running
from lessons.kit import stage

LESSONS = lessons()
NAMES = [one.folder.name for one in LESSONS]

STOP = "q: stop ── "  # a prompt ends with it


# What has to be installed for a lesson: groups of `pyproject.toml`. Lesson 10 makes environments of its own.
NEEDED = {number: ["lessons"] for number in range(1, 9)} | {5: ["check"], 9: ["app", "check"]}


@pytest.fixture(scope="session")
def played(copied, tmp_path_factory):
    """Each lesson as somebody sees it who presses Enter at every prompt, in a terminal of 80 by 24: its exit code and its
    pages, by its number. A page ends where Enter is waited for. What a lesson does not need seems not to be installed."""
    folder = copied()
    known = surroundings(TERM="xterm", COLUMNS="80", LINES="24")
    only = {number: with_only(groups, tmp_path_factory.mktemp("only")) for number, groups in NEEDED.items()}

    def play(lesson):
        shown = Terminal(
            [sys.executable, "-m", "lessons", "play", str(lesson.number)], folder, known | only.get(lesson.number, {})
        )
        try:
            while shown.until(STOP, "When you have changed it") == STOP:
                shown.type("\n")
            return shown.ended(), shown.text.split(STOP)
        finally:
            shown.close()

    with ThreadPoolExecutor(3) as pool:
        return dict(zip([one.number for one in LESSONS], pool.map(play, LESSONS), strict=True))


def words(text, normal):
    """Text with everything replaced that differs from run to run, and without the breaks that a terminal makes."""
    text = re.sub(r"<class '(\w+)'>", r"\1", text)  # a notebook shows a class by its name alone
    return re.sub(r"\s", "", normal(re.sub(r"\s+", " ", text)))


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_a_lesson_plays_to_its_end(played, lesson):
    code, pages = played[lesson.number]
    assert code == 0
    assert pages[-1].rstrip().splitlines()[-1] == f"When you have changed it: make check-{lesson.number}"
    assert "Traceback" not in "".join(pages)


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_in_a_terminal_of_80_by_24_nobody_has_to_scroll_back(played, lesson):
    for page in played[lesson.number][1]:
        lines = page.lstrip("\n").split("\n")[:-1]  # Enter's row is empty, and may scroll away
        rows = [max(1, -(-len(line) // 80)) for line in lines]  # the terminal breaks a long line
        assert sum(rows) <= 22, page


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_every_cell_shows_in_the_terminal_what_it_shows_in_the_notebook(played, lesson):
    pages = [page.rpartition("\n── ")[0] for page in played[lesson.number][1]]
    printed = words("\n".join(pages), notebooks.Normaliser())
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
        assert max(map(len, printed), default=0) <= 80
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
# # 99 · Small
#
# **What is it?**
#
# 5 minutes. [Contents](../lessons/README.md)

# %%
from lessons.kit import predict, start

redis = start()

# %% tags=["hide-input"]
guess = predict("What is it?", a="This.", b="That.")
guess

# %% tags=["hide-input"]
guess.answer("it is " + "that", a=False, b=True)

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
    (folder / "lessons" / "lesson_99_small").mkdir()

    def write(text=LESSON):
        script = folder / "lessons" / "lesson_99_small" / "lesson.py"
        script.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def here(small, monkeypatch):
    """Plays that lesson in this process. Gives back the exit code."""
    from lessons.__main__ import main
    from lessons.course import progress

    def play(text=LESSON, *words):
        folder = small(text)
        monkeypatch.setattr(catalogue, "LESSONS", folder / "lessons")
        monkeypatch.setattr(progress, "LESSONS", folder / "lessons")
        monkeypatch.setattr(progress, "FILE", folder / "lessons" / ".progress.json")
        return main(["play", "99", *words])

    return play


def cell(*lines, tags=""):
    return "\n".join([f"\n# %%{tags}", *lines, ""])


GUESS = "── Your guess: a, b · Enter: none · p: a Python prompt · q: stop ── "
PROMPT = "Enter: go on · p: a Python prompt, here · q: stop ── "
FIRST = LESSON[: LESSON.index("# %%\n")]


def test_the_output_of_a_cell_stands_under_its_code(here, capsys):
    assert here() == 0
    printed = capsys.readouterr().out
    order = ["What is it?", "redis = start()", "Redis: embedded", "guess.answer(", "The answer is b: That."]
    order += [
        "What you could see: it is that.",
        'raise ValueError("on purpose")',
        "ValueError: on purpose",
        'print("printed")',
        "printed\n42\n",
        "not shown",
    ]
    order += ["__main__", "The last words.", "make check-99"]
    places = [printed.index(words) for words in order]
    assert places == sorted(places)
    assert printed.count("not shown") == 1  # in the code: a semicolon keeps the value back, as in a notebook
    assert "\nNone\n" not in printed


def test_a_lesson_that_was_played_is_remembered(here):
    from lessons.course import progress

    assert here() == 0
    assert progress.of(catalogue.lesson(99)) == {"played": True}


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        ("1 / 0", "Lesson 99, cell 2: ZeroDivisionError: division by zero\n"),
        ("assert False, 'no'", "Lesson 99, cell 2: AssertionError: no\n"),
        ("def (", "Lesson 99, cell 2: SyntaxError: invalid syntax"),
        ("unknown", "Lesson 99, cell 2: NameError: name 'unknown' is not defined\n"),
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
    assert progress.of(catalogue.lesson(99)) == {}
    assert server.everything() == {}


def test_an_error_on_purpose_is_shown_and_the_lesson_goes_on(here, capsys):
    assert here(FIRST + cell("1 / 0", tags=' tags=["raises-exception"]') + cell("print('and ' + 'on')")) == 0
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().out.split("and on")[0]


def test_somebody_who_watches_goes_step_by_step_and_guesses(small, terminal):
    shown = terminal(small(), "play", "99")
    shown.until("── 1 of 9 · Enter: go on · p: a Python prompt, here · q: stop ── ")
    assert "What is it?" not in shown.text.split("redis = start()")[1]  # nothing comes before Enter
    shown.type("\n")
    assert shown.until("  b  That.\n", "Enter: go on") == "  b  That.\n"
    shown.until(GUESS)
    shown.type("z\n")
    shown.until("z is none of the choices.")
    shown.until(GUESS)
    shown.type("B\n")
    shown.until("Your guess is b. Now let it happen.")
    shown.until("q: stop ── ")
    shown.type("\n")
    shown.until("You guessed it.")
    for number in range(3, 9):
        shown.until(f"── {number} of 9 · ", "The last words.")
        shown.until(PROMPT)
        shown.type("\n")
    shown.until("The last words.")
    assert shown.ended() == 0
    assert shown.text.count(PROMPT) == 8
    assert shown.text.rstrip().endswith("When you have changed it: make check-99")


def test_q_stops_and_the_lesson_does_not_count_as_played(small, terminal):
    folder = small()
    shown = terminal(folder, "play", "99")
    shown.until("q: stop ── ")
    shown.type(" Q\n")
    shown.until("Stopped. To go on from here: make lesson-99 FROM=2")
    assert shown.ended() == 0
    assert "predict(" not in shown.text.split("redis = start()")[1]
    assert not (folder / "lessons" / ".progress.json").exists()


@pytest.mark.parametrize("where", ["at a step", "at a guess"])
@pytest.mark.parametrize("typed", ["q\n", "\x04"])
def test_q_and_ctrl_d_end_the_lesson_wherever_it_waits_and_say_how_to_go_on(small, terminal, where, typed):
    shown = terminal(small(), "play", "99")
    shown.until(PROMPT)
    if where == "at a guess":
        shown.type("\n")
        shown.until(GUESS)
    shown.type(typed)
    shown.until("Stopped. To go on from here: make lesson-99 FROM=2")
    assert shown.ended() == 0
    assert "The last words." not in shown.text


def test_p_is_a_python_prompt_at_a_guess_too(small, terminal):
    shown = terminal(small(), "play", "99")
    shown.until(PROMPT)
    shown.type("\n")
    shown.until(GUESS)
    shown.type("p\n")
    shown.until(">>> ")
    shown.type("redis.keys() + [6 * 7]\n")
    shown.until("[42]")
    shown.until(">>> ")
    shown.type("\x04")
    shown.until(GUESS)
    shown.type("b\n")
    shown.until("Your guess is b.")


def test_an_answer_whose_question_ran_unseen_shows_the_question(small, terminal):
    shown = terminal(small(), "play", "99", "--from", "3")
    shown.until("What is it?\n")
    shown.until("  b  That.")
    shown.until("The answer is b: That.")


def test_without_make_q_and_the_end_say_what_to_type(small, terminal, ask, tmp_path):
    folder = small()
    shown = terminal(folder, "play", "99", PATH=str(tmp_path))
    shown.until(PROMPT)
    shown.type("q\n")
    shown.until("To go on from here: python -m lessons play 99 --from 2")
    assert shown.ended() == 0
    told = ask(folder, "play", "99", PATH=str(tmp_path))
    assert told.stdout.endswith("When you have changed it: python -m lessons check 99\n")


def test_what_q_says_leads_on_from_there(small, terminal):
    shown = terminal(small(), "play", "99", "--from", "2")
    shown.until("What is it?\n")
    shown.until(GUESS)
    assert "redis = start()" not in shown.text
    assert "Redis: embedded" not in shown.text
    shown.type("a\n")
    shown.until("── 2 of 9 · ")
    shown.until(PROMPT)
    shown.type("q\n")
    shown.until("FROM=3")
    assert shown.ended() == 0


def test_a_question_and_its_answer_are_shown_without_their_code_to_who_watches(small, terminal):
    shown = terminal(small(), "play", "99")
    shown.until(PROMPT)
    shown.type("\n")
    shown.until(GUESS)
    shown.type("\n")
    shown.until(PROMPT)
    shown.type("\n")
    shown.until("The answer is b: That.")
    shown.until(PROMPT)
    shown.type("\n")
    shown.until(PROMPT)
    assert "redis = start()" in shown.text  # the code of other cells is there
    assert "raise ValueError" in shown.text
    assert "What you could see: it is that." in shown.text
    assert shown.text.count("What is it?") == 2  # in the first cell, and asked
    assert "predict(" not in shown.text
    assert ".answer(" not in shown.text


def test_a_question_and_its_answer_are_shown_with_their_code_where_nobody_watches(here, capsys):
    assert here() == 0
    printed = capsys.readouterr().out
    assert "predict(" in printed
    assert ".answer(" in printed


def test_prose_and_its_code_are_one_step_and_two_pieces_of_prose_are_two(small, terminal):
    prose = ["\n# %% [markdown]\n# First.\n", "\n# %% [markdown]\n# Second.\n", "\n# %% [markdown]\n# Last.\n"]
    shown = terminal(small(FIRST + prose[0] + prose[1] + cell("print('by', 'code')") + prose[2]), "play", "99")
    shown.until("── 1 of 4 · ")
    shown.until(PROMPT)
    assert "First." not in shown.text
    shown.type("\n")
    shown.until("── 2 of 4 · ")
    shown.until(PROMPT)
    assert "First." in shown.text
    assert "Second." not in shown.text
    shown.type("\n")
    shown.until("── 3 of 4 · ")  # none between the prose and its code
    shown.until(PROMPT)
    assert shown.text.index("Second.") < shown.text.index("by code")
    assert "Last." not in shown.text
    shown.type("\n")
    shown.until("Last.")
    assert shown.ended() == 0
    assert shown.text.count(PROMPT) == 3


def test_anything_else_at_a_step_is_refused_with_a_sentence_and_asked_again(small, terminal):
    shown = terminal(small(), "play", "99")
    for typed in ("b", "perhaps", "pq"):
        shown.until("── 1 of 9 · ")
        shown.until(PROMPT)
        shown.type(f"{typed}\n")
        shown.until("Press Enter, or type p or q. (You can guess where there is a question.)")
    shown.until("── 1 of 9 · ")
    shown.until(PROMPT)
    assert "Your guess" not in shown.text
    shown.type("\n")
    shown.until(GUESS)


@pytest.mark.parametrize("leave", ["\x04", "exit()\n", "quit()\n", "raise SystemExit\n"])
def test_p_is_a_python_prompt_on_the_lessons_own_names_and_leads_back(small, terminal, leave):
    shown = terminal(small(FIRST + cell("value = 6 * 7") + cell("print('now', value)") + cell("'end'")), "play", "99")
    shown.until("── 1 of 3 · ")
    shown.until(PROMPT)
    shown.type("P\n")
    shown.until("Ctrl-D takes you back")
    shown.until(">>> ")
    shown.type("value + 1000\n")
    shown.until("1042")
    shown.until(">>> ")
    shown.type("value = 'changed'\n")
    shown.until(">>> ")
    shown.type("1 / 0\n")
    shown.until("ZeroDivisionError: division by zero")
    shown.until(">>> ")
    shown.type(leave)
    shown.until("── 1 of 3 · ")  # the same step
    shown.until(PROMPT)
    assert "now changed" not in shown.text
    shown.type("\n")
    shown.until("now changed")
    shown.until("── 2 of 3 · ")
    shown.until(PROMPT)
    shown.type("p\n")  # and again
    shown.until(">>> ")
    shown.type(leave)
    shown.until("── 2 of 3 · ")
    shown.until(PROMPT)
    shown.type("\n")
    assert shown.ended() == 0


def test_pythons_own_exit_is_back_after_a_prompt(monkeypatch):
    def leave(question=""):
        return "exit()"

    before = builtins.exit, builtins.quit
    monkeypatch.setattr(builtins, "input", leave)
    console.prompt("Here.", {})
    assert (builtins.exit, builtins.quit) == before
    assert not sys.stdin.closed


def test_what_was_typed_ahead_of_a_prompt_is_thrown_away(small, terminal):
    wait = cell("import time", "print('be' + 'gun', flush=True)", "time.sleep(1)")
    shown = terminal(small(FIRST + wait + cell("'the next'") + cell("'the last'")), "play", "99")
    shown.until("begun")
    shown.type("q\n")  # while the cell is running, and nothing has been asked
    shown.until("── 1 of 3 · ")
    shown.until(PROMPT)
    shown.type("\n")
    assert shown.until("── 2 of 3 · ", "Stopped.") != "Stopped."
    shown.until(PROMPT)
    shown.type("\n")
    assert shown.ended() == 0
    assert "Stopped." not in shown.text
    assert shown.text.count(PROMPT) == 2


LONG = FIRST + cell("for number in range(50):", "    print('row', number)") + cell("'end'")


def test_what_is_longer_than_the_terminal_waits_in_the_middle(small, terminal):
    shown = terminal(small(LONG), "play", "99", LINES="24", COLUMNS="80")
    pages = 0
    while shown.until("── Enter: the rest", "── 1 of 2 · ") != "── 1 of 2 · ":
        shown.until("q: stop ── ")
        shown.type("\n")
        pages += 1
    assert pages == 2
    assert [f"row {number}\n" in shown.text for number in range(50)] == [True] * 50


def test_an_empty_row_has_no_page_of_its_own(monkeypatch):
    monkeypatch.setenv("LINES", "24")
    terminal, waited = io.StringIO(), []

    def wait():
        waited.append(terminal.getvalue())
        monkeypatch.setattr(stage, "questions", stage.questions + 1)

    with redirect_stdout(terminal), paged(wait):
        print("row\n" * 22)
        print()
        assert waited == []
        print("the rest")
    assert waited == ["row\n" * 22]
    assert terminal.getvalue() == "row\n" * 22 + "the rest\n"


def test_no_page_is_empty_and_each_is_full_before_the_next_begins(small, terminal):
    full = 22  # of the 24 rows, one is for the question, and one for what comes after it
    told, said = [full - 1, full, full + 1, 2 * full], [full - 4, full - 3, full - 2]  # a cell's code takes three rows
    steps = ["\n# %% [markdown]\n# " + "  \n# ".join(["a row"] * rows) + "\n" for rows in told]
    steps += [cell(f"print('\\n'.join(['a ' + 'row'] * {rows}))") for rows in said]
    shown = terminal(small(FIRST + cell("'begun'") + "".join(steps) + cell("'end'")), "play", "99", LINES="24", COLUMNS="80")
    while shown.until(STOP, "When you have changed it") == STOP:
        shown.type("\n")
    pages = [page.rpartition("\n── ")[0].strip().splitlines() for page in shown.text.split(STOP)][1:-1]
    assert all(pages)
    assert [sum(row.strip() == "a row" for row in page) for page in pages] == [21, 22, 22, 1, 22, 22, 18, 19, 19, 1]


def test_a_cell_that_is_silent_for_long_is_said_to_be_running_until_it_prints(monkeypatch):
    monkeypatch.setattr("lessons.course.pages.SILENT", 0.0)
    monkeypatch.delenv(stage.PACE, raising=False)
    terminal = io.StringIO()

    def said():
        return "\r… 0 s" in terminal.getvalue()

    with redirect_stdout(terminal), paged(lambda: None):
        with running():
            print("begun")
            stage.wait_until(said)
            print("printed")
        print("next")
    shown = re.sub(r"\r… \d s\r +\r", "", terminal.getvalue())
    assert shown == "begun\nprinted\nnext\n"


@pytest.mark.parametrize(
    ("typed", "awaited"), [("q\n", "Stopped. To go on from here: make lesson-99 FROM=1"), ("p\n", ">>> ")]
)
def test_q_and_p_work_in_the_middle_of_a_page_too(small, terminal, typed, awaited):
    shown = terminal(small(LONG), "play", "99", LINES="24", COLUMNS="80")
    shown.until("── Enter: the rest")
    shown.until("q: stop ── ")
    shown.type(typed)
    shown.until(awaited)
    assert "row 49" not in shown.text


def test_at_a_python_prompt_nothing_waits(small, terminal):
    shown = terminal(small(), "play", "99", LINES="24", COLUMNS="80")
    shown.until(PROMPT)
    shown.type("p\n")
    shown.until(">>> ")
    shown.type("print('row\\n' * 100 + 'the ' + 'end')\n")
    shown.until("the end")
    assert "Enter: the rest" not in shown.text


# From a step on.


SOME = (
    FIRST
    + cell("import os, time", "from lessons.kit import let_time_pass, predict, stage, start")
    + cell("redis = start()", "redis.set('kept', 'by an earlier step')", "print('not', 'shown')")
    + cell("began = time.monotonic()", "let_time_pass(20)", "took = time.monotonic() - began", "pace = stage.pace()")
    + cell("guess = predict('Where?', a='Here.', b='There.')", "guess")
    + cell("1 / 0", tags=' tags=["raises-exception"]')
    + cell("print('kept', redis.get('kept'), guess.guess)")
    + cell("print('hurried', took < 2, pace, 'then', stage.pace())")
)


def test_earlier_steps_run_unseen_and_hurried(here, capsys, monkeypatch):
    monkeypatch.setenv(stage.PACE, "0.5")
    assert here(SOME, "--from", "6") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    lines = printed.out.splitlines()
    assert lines[0] == "Steps 1 to 5 have already run, unseen, with their pauses cut short."
    assert lines[2].startswith("╭")  # nothing else stands before the code of step 6
    assert "print('kept'" in lines[3]
    assert any(
        line.startswith("kept b'by an earlier step' None") or line == "kept by an earlier step None" for line in lines
    )
    assert "hurried True 0.02 then 0.5" in lines
    for words in ("What is it?", "not shown", "Redis:", "Where?", "ZeroDivisionError", "let_time_pass"):
        assert words not in printed.out
    assert os.environ[stage.PACE] == "0.5"


def test_a_pace_that_was_not_set_is_not_set_afterwards(here, capsys, monkeypatch):
    monkeypatch.delenv(stage.PACE, raising=False)
    monkeypatch.delenv("CI", raising=False)
    assert here(SOME, "--from", "7") == 0
    assert "hurried True 0.02 then 1.0" in capsys.readouterr().out
    assert stage.PACE not in os.environ


def test_earlier_steps_ask_nobody(small, terminal):
    shown = terminal(small(SOME), "play", "99", "--from", "6", **{stage.PACE: "1"})
    shown.until("── 6 of 7 · ")
    shown.until(PROMPT)
    assert "Your guess" not in shown.text
    assert shown.text.count(PROMPT) == 1
    shown.type("\n")
    shown.until("hurried True 0.02 then 1.0")
    assert shown.ended() == 0


def test_from_the_first_step_is_the_whole_lesson(here, capsys):
    assert here() == 0
    whole = capsys.readouterr().out
    assert here(LESSON, "--from", "1") == 0
    assert capsys.readouterr().out == whole


@pytest.mark.parametrize("step", ["0", "-1", "8", "1000"])
def test_a_step_that_is_not_there_is_said_with_those_that_are(here, capsys, step):
    from lessons.course import progress

    assert here(SOME, "--from", step) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Lesson 99 has steps 1 to 7.\n")
    assert progress.of(catalogue.lesson(99)) == {}


def test_an_earlier_step_that_breaks_is_said_in_one_sentence_and_leaves_the_pace_alone(here, capsys, monkeypatch):
    monkeypatch.setenv(stage.PACE, "0.5")
    assert here(FIRST + cell("1 / 0") + cell("'next'"), "--from", "2") == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Lesson 99, cell 2: ZeroDivisionError: division by zero\n")
    assert os.environ[stage.PACE] == "0.5"


@pytest.mark.parametrize("lesson", [LESSONS[2], LESSONS[5]], ids=[NAMES[2], NAMES[5]])  # one of each kind
def test_a_lesson_goes_on_from_its_middle(ask, copied, lesson):
    steps = player._steps(lesson.cells())
    told = ask(copied(), "play", str(lesson.number), "--from", str(len(steps) // 2), CI="true")
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[-1] == f"When you have changed it: make check-{lesson.number}"
    assert lesson.heading().question not in told.stdout


def test_ctrl_c_ends_a_lesson_without_a_traceback(small, terminal):
    shown = terminal(small(), "play", "99")
    shown.until("q: stop ── ")
    shown.process.send_signal(signal.SIGINT)
    with suppress(OSError):  # it has ended
        shown.type("\n")  # a signal between the prompt and the reading of it is seen when something is read
    assert shown.ended() == 130
    assert "Stopped. To go on from here: make lesson-99 FROM=2" in shown.text
    assert "Traceback" not in shown.text


def test_the_stored_notebooks_are_notebooks():
    """The comparison above would pass on empty ones."""
    for lesson in LESSONS:
        assert sum(len(cell.get("outputs", [])) for cell in nbformat.read(lesson.notebook, as_version=4).cells) > 10
