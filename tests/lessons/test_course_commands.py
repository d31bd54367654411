"""What can be typed: check, watch, hint, solution, reset, try, progress; and what is said when it cannot be done."""

from __future__ import annotations

import builtins
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lessons.__main__ import main
from lessons.course import catalogue, checking, commands, notebooks, progress
from lessons.course.console import how


@pytest.fixture
def course(copied, monkeypatch) -> Path:
    """A copy of the course that this process takes for the real one: nothing here touches a learner's files."""
    folder = copied()
    for module in (catalogue, progress, checking):
        monkeypatch.setattr(module, "LESSONS", folder / "lessons")
    monkeypatch.setattr(progress, "FILE", folder / "lessons" / ".progress.json")
    monkeypatch.setenv("COLUMNS", "80")
    on_path(monkeypatch, make=True)
    return folder


def on_path(monkeypatch, *, make):
    """There is a make on this machine, or there is none; everything else is as it is."""
    real = shutil.which

    def which(name, *more, **other):
        return ("/somewhere/make" if make else None) if name == "make" else real(name, *more, **other)

    monkeypatch.setattr(shutil, "which", which)


@pytest.fixture
def without_make(course, monkeypatch):
    on_path(monkeypatch, make=False)


@pytest.fixture
def said(course, capsys):
    """Does what the words say, and gives back the exit code and what was printed, without the breaks of the lines."""

    def type_(*words):
        code = main(list(words))
        printed = capsys.readouterr()
        return code, " ".join((printed.out + printed.err).split())

    return type_


@pytest.fixture
def one(course):
    return catalogue.lesson(1)


def solve(one):
    shutil.copyfile(one.solution, one.exercise)


def passed(one):
    """As if the check had passed: a check is a process, and takes a second."""
    solve(one)
    progress.note(one, passed=True, solved=True)


@pytest.fixture
def answered(monkeypatch):
    """What is typed when something is asked. Nothing: the end of the input."""

    def answer(*typed):
        left = list(typed)

        def read(question=""):
            print(question, end="")
            if not left:
                raise EOFError
            return left.pop(0)

        monkeypatch.setattr(builtins, "input", read)

    answer()
    return answer


# What cannot be done is said in a sentence.


def test_a_lesson_that_is_not_there_is_said_with_those_that_are(said):
    there = ", ".join(str(number) for number in range(1, len(catalogue.lessons()) + 1))
    for verb in ("play", "check", "watch", "hint", "solution", "try", "reset", "notebook"):
        assert said(verb, "99") == (1, f"There is no lesson 99. There are: {there}.")
        assert said(verb, "one") == (1, f"There is no lesson one. There are: {there}.")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["play"], "error: the following arguments are required: number"),
        (["dance"], "error: argument what to do: invalid choice: 'dance'"),
        ([], "error: the following arguments are required: what to do"),
        (["progress", "1"], "error: unrecognized arguments: 1"),
    ],
)
def test_words_that_make_no_sense_are_named(course, capsys, words, sentence):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err.splitlines()[-1]


def test_what_is_not_installed_is_named_with_the_way_to_get_it(said, monkeypatch):
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None)
    needs = [("check", "1", "pytest", "check"), ("notebook", "1", "jupyterlab", "notebooks")]
    needs += [(verb, "5", "pytest", "check") for verb in ("play", "try")]
    for verb, number, module, part in needs:
        code, text = said(verb, number)
        assert code == 1
        assert text == f"This needs {module}: python -m lessons.install {part}"


def test_ctrl_c_ends_a_command_quietly(said, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    assert commands.run(interrupted) == 130


def test_the_list_names_each_lesson_with_its_question_and_minutes(said):
    code, text = said("list")
    assert code == 0
    for one in catalogue.lessons():
        assert f"{one.number} {one.heading().title}: {one.heading().question} ({one.heading().minutes} minutes)" in text


# Check, and progress.


def test_the_stub_fails_its_check_and_the_solution_passes_and_is_remembered(said, one):
    code, text = said("check", "1")
    assert code == 1
    assert "Checking lessons/lesson_01_the_wait/exercise.py" in text
    assert "no `create` leaves one job in Redis that can run at once, and sends nothing itself." in text
    assert "the exercise as it was handed out" in text
    assert text.endswith("A hint: make hint-1 Check on each save: make watch-1")
    assert progress.of(one) == {"passed": False}
    solve(one)
    code, text = said("check", "1")
    assert code == 0
    assert text.count(" ok ") == 3
    assert text.endswith("Right. A solution, explained: make solution-1 What is next: make progress")
    assert progress.of(one) == {"passed": True, "solved": True}


def test_a_rejection_fits_the_terminal_and_keeps_its_columns(course, one, monkeypatch, capsys):
    reason = f"Expected:    {'one job, ' * 20}\nLook:        make try-1"
    monkeypatch.setattr(checking, "examine", lambda *_: checking.Result(unmet="It does.", reason=reason))
    assert not checking.check(one)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    begin = next(number for number, line in enumerate(lines) if "Expected:" in line)
    assert lines[begin].startswith("      Expected:    one job")
    assert lines[begin + 1].startswith(" " * 19)
    assert lines[begin + 1][19] != " "


def test_requirements_hang_below_their_beginning(course, one, monkeypatch, capsys):
    result = checking.Result(met=["It does this, " * 10 + "once."], unmet="It does that, " * 10 + "too.", reason="No.")
    monkeypatch.setattr(checking, "examine", lambda *_: result)
    checking.check(one)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    for label, end in (("  ok  It", "once."), ("  no  It", "too.")):
        begin = next(number for number, line in enumerate(lines) if line.startswith(label))
        last = next(number for number, line in enumerate(lines) if line.endswith(end))
        assert last > begin
        for line in lines[begin + 1 : last + 1]:
            assert line.startswith(" " * 6)
            assert line[6] != " "


def test_progress_says_what_is_done_and_what_is_next(said, course):
    questions = {one.number: one.heading().question for one in catalogue.lessons()}

    def lines(**states):
        told = [f"{n} {question} {states.get(f'lesson_{n}', 'not played yet')}" for n, question in questions.items()]
        return " ".join(told)

    assert said("progress") == (0, lines() + " Next: make lesson-1")
    progress.note(catalogue.lesson(1), played=True)
    assert said("progress") == (0, lines(lesson_1="played") + " Next: make check-1")
    progress.note(catalogue.lesson(1), passed=True)
    assert said("progress") == (0, lines(lesson_1="exercise done") + " Next: make lesson-2")
    for one in catalogue.lessons():
        progress.note(one, passed=True)
    assert said("progress")[1].endswith("exercise done All done.")


def test_what_was_solved_once_stays_done_whatever_is_tried_afterwards(said, one):
    passed(one)
    solved = said("progress")
    assert "exercise done" in solved[1]
    one.exercise.write_bytes(one.stub.read_bytes())
    assert said("check", "1")[0] == 1
    assert said("progress") == solved
    assert said("reset", "1", "--force")[0] == 0
    assert said("progress") == solved


def test_progress_has_a_line_for_each_lesson(course, capsys):
    assert main(["progress"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [*(str(one.number) for one in catalogue.lessons()), "Next:"]
    assert lines[0].endswith("?  not played yet")


@pytest.mark.parametrize(
    "damaged",
    [b"", b'{"1": {"pas', b"\xff\xfe", b"[]", b"null", b'{"1": null}', b'{"1": [1]}'],
)
def test_a_damaged_progress_file_starts_over_quietly(said, one, damaged):
    progress.FILE.write_bytes(damaged)
    assert said("progress")[0] == 0
    code, text = said("hint", "1")
    assert code == 0
    assert "Hint 1 of" in text
    assert "Hint 2 of" not in text
    assert progress.of(one)["hints"] == 1


def test_progress_is_kept_whole_or_not_at_all(one, monkeypatch, capsys):
    progress.note(one, played=True)

    def full(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    progress.note(one, passed=True)
    assert capsys.readouterr().out == "Your progress could not be saved in .progress.json: no space left.\n"
    assert progress.of(one) == {"played": True}


def test_a_check_gives_its_verdict_where_progress_cannot_be_noted(said, one, monkeypatch):
    shutil.copyfile(one.solution, one.exercise)

    def read_only(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "replace", read_only)
    code, text = said("check", "1")
    assert code == 0
    assert text.index("Right. A solution") < text.index("could not be saved in .progress.json: Permission denied.")


def test_progress_survives_an_editor_that_writes_a_byte_order_mark(one):
    progress.note(one, played=True)
    progress.FILE.write_bytes(b"\xef\xbb\xbf" + progress.FILE.read_bytes())
    assert progress.of(one) == {"played": True}


def test_two_terminals_that_note_at_once_lose_nothing(one):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: progress.note(one, **{f"note_{number}": True}), range(100)))
    assert len(progress.of(one)) == 100


# Hints.


def test_hints_come_one_at_a_time_and_the_last_one_says_so(said, one):
    count = len(one.hints())
    for number in range(1, count + 1):
        code, text = said("hint", "1")
        assert code == 0
        assert [f"Hint {n} of {count}." in text for n in range(1, count + 2)] == [n <= number for n in range(1, count + 2)]
        assert ("That was the last hint." in text) == (number == count)
    assert f"Hint {count} of {count}." in said("hint", "1")[1]  # and it stays


def test_hints_are_there_after_success_too(said, one):
    passed(one)
    assert "Hint 1 of" in said("hint", "1")[1]


def test_each_lesson_has_its_own_hints(said):
    said("hint", "1")
    said("hint", "1")
    assert "Hint 2 of" not in said("hint", "2")[1]


# Solutions.


def test_a_solution_is_shown_after_success_with_its_explanation(said, one):
    code, text = said("solution", "1")
    assert code == 1
    assert "make hint-1" in text
    assert "FORCE=1" in text
    assert "def create" not in text
    passed(one)
    code, text = said("solution", "1")
    assert code == 0
    assert "the five seconds" in text
    assert "SendGifToUserWorker.perform_async(email, thought)" in text
    assert '"""' not in text  # the explanation is prose, not code


def test_a_solution_is_shown_before_success_to_who_insists(said):
    code, text = said("solution", "1", "--force")
    assert code == 0
    assert "SendGifToUserWorker.perform_async(email, thought)" in text


# Reset.


def kept(one):
    return {path.name: path.read_text() for path in one.folder.glob("exercise.*") if path != one.exercise}


def test_an_exercise_as_handed_out_needs_no_reset(said, one):
    assert said("reset", "1") == (0, "Your exercise is as it was handed out. There is nothing to reset.")
    assert kept(one) == {}


@pytest.mark.parametrize("typed", [(), ("",), ("n",), ("what?",)])
def test_reset_asks_and_anything_but_yes_changes_nothing(said, one, answered, typed):
    one.exercise.write_text("mine")
    answered(*typed)
    code, text = said("reset", "1")
    assert code == 0
    assert text.endswith("Nothing was changed.")
    assert (one.exercise.read_text(), kept(one)) == ("mine", {})


@pytest.mark.parametrize("typed", ["y", "yes", " Y "])
def test_reset_keeps_the_answer_beside_it(said, one, answered, typed):
    one.exercise.write_text("mine")
    passed_before = {"passed": True, "hints": 3, "played": True}
    progress.note(one, **passed_before)
    answered(typed)
    code, text = said("reset", "1")
    assert code == 0
    assert "Your answer is now in lessons/lesson_01_the_wait/exercise.kept-1.py." in text
    assert one.exercise.read_bytes() == one.stub.read_bytes()
    assert kept(one) == {"exercise.kept-1.py": "mine"}
    assert progress.of(one) == {"passed": False, "hints": 0, "played": True}


def test_a_solution_stays_open_once_the_exercise_has_been_solved(said, one):
    solve(one)
    assert said("check", "1")[0] == 0
    assert said("reset", "1", "--force")[0] == 0
    assert progress.of(one)["passed"] is False
    code, text = said("solution", "1")
    assert code == 0
    assert "SendGifToUserWorker.perform_async(email, thought)" in text
    assert said("solution", "2")[0] == 1  # that of another lesson does not


def test_no_kept_copy_is_ever_overwritten(said, one):
    for answer in ("first", "second", "third"):
        one.exercise.write_text(answer)
        assert said("reset", "1", "--force")[0] == 0
    one.folder.joinpath("exercise.kept-2.py").unlink()  # the learner tidied up: a gap may be filled, nothing overwritten
    one.exercise.write_text("fourth")
    said("reset", "1", "--force")
    assert sorted(kept(one).values()) == ["first", "fourth", "third"]


def test_reset_brings_back_an_exercise_that_is_gone(said, one):
    one.exercise.unlink()
    assert said("reset", "1")[0] == 0
    assert one.exercise.read_bytes() == one.stub.read_bytes()


def test_git_ignores_progress_and_kept_copies():
    root = Path(__file__).parents[2]
    for path in (
        "lessons/.progress.json",
        "lessons/.progress.lock",
        "notebooks/01_the_wait.mine.ipynb",
        "lessons/lesson_01_the_wait/exercise.kept-1.py",
    ):
        assert subprocess.run(["git", "check-ignore", "-q", path], cwd=root).returncode == 0


# The notebook.


@pytest.fixture
def opened(monkeypatch, one):
    """The commands that were to open JupyterLab, with their environments."""
    calls = []
    monkeypatch.setattr(catalogue, "NOTEBOOKS", one.folder.parent.parent / "notebooks")
    monkeypatch.setattr(subprocess, "call", lambda command, env: calls.append((command, env)) or 0)
    return calls


def test_a_lesson_is_opened_as_a_copy_of_the_learners_own_that_answers_nothing(said, one, opened):
    pytest.importorskip("jupyterlab")
    assert said("notebook", "1")[0] == 0
    ((command, env),) = opened
    assert command[-1] == str(one.working_copy)
    assert env["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    copy = notebooks.nbformat.read(one.working_copy, as_version=4)
    code = [cell.source for cell in copy.cells if cell.cell_type == "code"]
    assert [source.removeprefix("# A question\n").removeprefix("# The answer\n") for source in code] == [
        cell.source for cell in one.in_notebook() if cell.kind == "code"
    ]
    assert not any(cell.get("outputs") for cell in copy.cells)
    hidden = [cell.source for cell in copy.cells if cell.metadata.get("jupyter", {}).get("source_hidden")]
    assert len(hidden) == len([source for source in code if ".answer(" in source or "predict(\n" in source])
    # The first line of what is folded away can be read: it must not give the answer away.
    assert {source.splitlines()[0] for source in hidden} == {"# A question", "# The answer"}
    assert "--LabApp.default_url=/lab/tree/notebooks/01_the_wait.mine.ipynb" in command
    assert Path(env["PYTHONSTARTUP"]).name == "startup.py"
    assert all(other.working_copy.exists() for other in catalogue.lessons())  # they lead to each other


def test_a_copy_is_made_once_and_reset_keeps_it_beside_a_new_one(said, one, opened, answered):
    pytest.importorskip("jupyterlab")
    said("notebook", "1")
    one.working_copy.write_text("mine")
    said("notebook", "1")
    assert one.working_copy.read_text() == "mine"
    answered("y")
    assert "Your notebook is now in notebooks/01_the_wait.mine.kept-1.ipynb." in said("reset", "1")[1]
    assert not one.working_copy.exists()
    assert one.working_copy.with_name("01_the_wait.mine.kept-1.ipynb").read_text() == "mine"


def test_root_is_told_how_to_be_allowed(said, one, opened, monkeypatch):
    pytest.importorskip("jupyterlab")
    monkeypatch.setattr(subprocess, "call", lambda command, env: 1)
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    code, text = said("notebook", "1")
    assert code == 1
    assert "JupyterLab refuses to run as root." in text
    assert "\n" not in commands.ALLOW_ROOT
    assert commands.ALLOW_ROOT in text  # in one line


# Watch.


def test_watch_checks_after_each_save_and_ends_when_it_passes(course, one, tmp_path):
    command = [sys.executable, "-m", "lessons", "watch", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "COLUMNS": "80", "PYTHONUNBUFFERED": "1"}
    log = tmp_path / "watch.log"
    with log.open("w") as out, subprocess.Popen(command, cwd=course, env=environment, stdout=out, stderr=out) as watch:
        try:
            until(lambda: log.read_text().count("Waiting for you to save") == 1, log)
            one.exercise.write_text("def (\n")
            until(lambda: log.read_text().count("Waiting for you to save") == 2, log)
            assert "exercise.py cannot be read: line 1" in log.read_text()
            solve(one)
            until(lambda: watch.poll() is not None, log)
        finally:
            watch.kill()
    assert watch.returncode == 0
    assert log.read_text().count("Checking") == 3
    assert log.read_text().count("A hint:") == 2
    assert "Check on each save" not in log.read_text()  # that is what is done
    assert "Right." in log.read_text()
    assert progress.of(one) == {"passed": True, "solved": True}


def until(happened, log, seconds=60):
    """Look again and again, until it has happened. The end of `seconds` is for what never happens."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)


@pytest.fixture
def watched(one, monkeypatch):
    """Watches in this process: each time that `watch` would sleep, the next of these things happens."""

    def watch(*happenings, results):
        left, checks = list(happenings), list(results)
        monkeypatch.setattr(checking, "check", lambda lesson, *, watching: watching and checks.pop(0))
        monkeypatch.setattr(time, "sleep", lambda _: left.pop(0)())
        checking.watch(one)
        return len(left), len(checks)

    return watch


def test_watch_does_not_check_again_when_nothing_was_saved(watched, one):
    def save():
        one.exercise.write_text("saved")

    assert watched(lambda: None, lambda: None, save, results=[False, True]) == (0, 0)


def test_watch_outlives_a_moment_in_which_an_editor_has_taken_the_file_away(watched, one):
    assert watched(one.exercise.unlink, lambda: None, lambda: one.exercise.write_text("saved"), results=[False, True]) == (
        0,
        0,
    )


# Try.


def tried(ask, course, *lines):
    return ask(course, "try", "1", typed="\n".join([*lines, ""]))


def test_a_prompt_has_the_exercise_and_everything_to_look_with(ask, course, one):
    solve(one)
    told = tried(
        ask,
        course,
        "page = create('ada@example.com', 'hi')",
        "keys()",
        "commands('lpush')",
        "work().name",
        "inbox",
        "poll(now=time.time() + 60), redis.keys('queue:*')",
    )
    assert told.returncode == 0
    assert "Traceback" not in told.stderr
    for shown in ("+ queue:default  list, 1 entry", "LPUSH queue:default", "'done'", "1  ada@example.com  hi", "(0, [])"):
        assert shown in told.stdout
    assert "exercise.py is loaded" in told.stderr


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"def (\n", "exercise.py cannot be read: line 1: invalid syntax To start over: make reset-1"),
        (b"raise RuntimeError('not today')\n", "exercise.py cannot be loaded: RuntimeError: not today"),
        (b"import sys\nsys.exit('bye')\n", "exercise.py cannot be loaded: SystemExit: bye"),
        (
            "x = 1".encode("utf-16"),
            "exercise.py was saved as UTF-16. Save it as UTF-8, which Python reads. To start over: make",
        ),
        (None, "There is no exercise.py. To start over: make reset-1"),
    ],
)
def test_a_prompt_for_an_exercise_that_cannot_be_loaded_says_why(said, one, answer, sentence):
    one.exercise.unlink()
    if answer is not None:
        one.exercise.write_bytes(answer)
    code, text = said("try", "1")
    assert code == 1
    assert sentence in text


def test_a_prompt_leaves_nothing_on_a_real_server(server, ask, course, one):
    solve(one)
    told = ask(course, "try", "1", typed="create('ada@example.com', 'hi')\nkeys()\n", REDIS_URL=server.url)
    assert "+ queue:default" in told.stdout
    assert server.everything() == {}


def test_a_prompt_has_everything_that_the_library_and_the_kit_export(ask, course, one):
    """Each name is there, and is the thing itself."""
    solve(one)
    told = tried(
        ask,
        course,
        "import minijobs, lessons.kit",
        "missing = [n for p in (minijobs, lessons.kit) for n in p.__all__ if globals().get(n) is not getattr(p, n)]",
        "print('missing:', missing, len(minijobs.__all__) > 5, len(lessons.kit.__all__) > 5)",
        "also = [redis.ping(), len(inbox) == 0, isinstance(processor, Processor), time.time() > 0]",
        "also.append(work == processor.process_one)",
        "print('also:', also)",
    )
    assert told.returncode == 0
    assert "missing: [] True True" in told.stdout
    assert "also: [True, True, True, True, True]" in told.stdout
    assert "Traceback" not in told.stderr


def test_in_a_prompt_a_name_of_the_exercise_goes_before_one_of_the_kit(ask, course, one):
    one.exercise.write_text("def send_gif():\n    return 'my ' + 'own'\n")
    assert "my own" in tried(ask, course, "send_gif()").stdout


# How to go on: with make, or without where there is none.


@pytest.mark.parametrize(
    ("words", "with_make", "without"),
    [
        (("progress",), "make progress", "python -m lessons progress"),
        (("lesson", 3), "make lesson-3", "python -m lessons play 3"),
        (("check", 1), "make check-1", "python -m lessons check 1"),
    ],
)
def test_how_to_go_on_is_said_with_make_or_without(monkeypatch, words, with_make, without):
    on_path(monkeypatch, make=True)
    assert how(*words) == with_make
    on_path(monkeypatch, make=False)
    assert how(*words) == without


@pytest.mark.parametrize(
    ("words", "options", "with_make", "without"),
    [
        (("lesson", 3), {"FROM": 12}, "make lesson-3 FROM=12", "python -m lessons play 3 --from 12"),
        (("solution", 2), {"FORCE": 1}, "make solution-2 FORCE=1", "python -m lessons solution 2 --force"),
    ],
)
def test_how_to_insist_is_said_with_make_or_without(monkeypatch, words, options, with_make, without):
    on_path(monkeypatch, make=True)
    assert how(*words, **options) == with_make
    on_path(monkeypatch, make=False)
    assert how(*words, **options) == without


@pytest.mark.parametrize("words", [("lesson", 3, 12), ("solution", 2, None), ("progress", None, None)])
def test_what_is_said_without_make_can_be_typed(without_make, monkeypatch, words):
    verb, number, start = words
    called = []
    monkeypatch.setattr(commands, "run", lambda function, **arguments: called.append((function.__name__, arguments)) or 0)
    told = how(verb, number, **({"FROM": start} if start else {"FORCE": 1} if number else {}))
    assert told.startswith("python -m lessons ")
    assert main(told.split()[3:]) == 0
    expected = {
        "lesson": ("play", {"number": 3, "start": 12}),
        "solution": ("solution", {"number": 2, "force": True}),
        "progress": ("show_progress", {}),
    }
    assert called == [expected[verb]]


def test_without_make_no_message_of_a_command_names_it(said, without_make, one):
    told = [said("check", "1"), said("solution", "1"), said("progress")]
    told += [said("hint", "1") for _ in one.hints()]
    one.exercise.write_text("raise RuntimeError('not today')")
    told.append(said("try", "1"))
    solve(one)
    told += [said("check", "1"), said("progress")]
    failed, closed, first, *_, last_hint, broken, right, after = (text for _, text in told)
    assert failed.endswith("A hint: python -m lessons hint 1 Check on each save: python -m lessons watch 1")
    assert "A hint costs less: python -m lessons hint 1" in closed
    assert closed.endswith("To see it anyway: python -m lessons solution 1 --force")
    assert first.endswith("Next: python -m lessons play 1")
    assert last_hint.endswith("without solving it first: python -m lessons solution 1 --force")
    assert broken.endswith("To see where: python -m lessons check 1")
    assert right.endswith("A solution, explained: python -m lessons solution 1 What is next: python -m lessons progress")
    assert after.endswith("Next: python -m lessons play 2")


def test_with_make_every_message_of_a_command_names_it(said, one):
    assert said("solution", "1")[1].endswith("A hint costs less: make hint-1 To see it anyway: make solution-1 FORCE=1")
    hints = [said("hint", "1")[1] for _ in one.hints()]
    assert hints[-1].endswith("without solving it first: make solution-1 FORCE=1")
    one.exercise.write_text("raise RuntimeError('not today')")
    assert said("try", "1")[1].endswith("To see where: make check-1")


def test_output_that_a_terminal_cannot_show_is_no_error(course):
    command = [sys.executable, "-m", "lessons", "hint", "1"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    assert subprocess.run(command, cwd=course, env=environment, capture_output=True).returncode == 0
