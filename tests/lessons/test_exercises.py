"""The exercises: the stub fails as stated, the solution passes, every plausible mistake is diagnosed as
what it is, and right answers are accepted however they are written."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

import forking
import pytest

from lessons.course import checking, rejection
from lessons.course.catalogue import Lesson, lessons
from lessons.course.rejection import Misconceptions

LESSONS = [one for one in lessons() if not one.is_an_application]  # for that one, see test_application_exercise
NAMES = [one.folder.name for one in LESSONS]
MISTAKES = [(one, mistake) for one in LESSONS for mistake in one.mistakes]
ANSWERS = [(one, answer) for one in LESSONS for answer in one.answers]
LABELS = ("Expected", "Instead", "Python said", "At", "Looks like", "Seen", "Look")

# What a check costs is mostly the start of a process. So those of one exercise run side by side.
SIDE_BY_SIDE = 3

CREATE = "def create(email, thought):\n"

# Answers that are no attempt at all, or broken ones. Of each, words that must be in what the learner is told.
BROKEN = {
    "a syntax error": ("import os\ndef create(:\n", ["a syntax error.py cannot be read: line 2", "make reset-1"]),
    "raises when it is loaded": (
        "raise RuntimeError('not today')\n",
        ["Your code raised RuntimeError: not today", "at line 1 of raises when it is loaded.py: raise Runtime"],
    ),
    "raises in create": (
        CREATE + "    return email / 2\n",
        ["Python said: TypeError: unsupported operand", "line 2 of raises in create.py: return email / 2"],
    ),
    "exits when it is loaded": ("import sys\nsys.exit()\n", ["Your code raised SystemExit", "at line 2 of"]),
    "quits when it is loaded": ("quit()\n", ["Your code raised", "at line 1 of"]),
    "exits in create": (CREATE + "    raise SystemExit('bye')\n", ["Python said: SystemExit: bye", "line 2 of"]),
    "ends the process": (CREATE + "    import os\n    os._exit(0)\n", ["the process of the check ended in the middle"]),
    "an empty file": ("", ["Python said: AttributeError: module 'exercise' has no attribute 'create'"]),
    "no text": (b"\x00\xff\xfe", ["no text.py cannot be read", "null bytes", "make reset-1"]),
    "another encoding": (b"x = '\xe4'\n", ["another encoding.py cannot be read: line", "utf-8", "make reset-1"]),
    "saved as UTF-16": (CREATE.encode("utf-16"), ["saved as UTF-16.py was saved as UTF-16.", "make reset-1"]),
    "asks for something": (
        CREATE + "    return input('who? ')\n",
        ["Your code asks somebody to type something", "line 2 of"],
    ),
    "asks when it is loaded": ("input('who? ')\n", ["Your code asks somebody to type something", "line 1 of"]),
    "raises bare": (CREATE + "    assert False\n", ["Python said: AssertionError", "line 2 of"]),
    "starts a program": (
        "import subprocess\n" + CREATE + "    subprocess.run(['sleep', '9'])\n",
        ["Your code starts a process, and nothing in this exercise needs one.", "line 3 of"],
    ),
    "forks": ("import os\n" + CREATE + "    os.fork()\n", ["Your code starts a process", "line 3 of"]),
    "starts a process": (
        "import multiprocessing\n" + CREATE + "    multiprocessing.Process(target=print).start()\n",
        ["Your code starts a process", "line 3 of"],
    ),
    "loops when it is loaded": (
        "while True:\n    pass\n",
        ["it was still running when no part of it had ended for", "line"],
    ),
    "loops in create": (CREATE + "    while True:\n        email += 'x'\n", ["it was still running", "line"]),
    "prints without end": (
        CREATE + "    while True:\n        print('x' * 1000)\n",
        ["it printed more than 1,000,000 characters, and was ended."],
    ),
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

# Tests, as an answer to exercise 5, that are none or end more than themselves. Of each, words that the learner is told.
BROKEN_TESTS = {
    "ends the run of pytest": (
        "import pytest\n\ndef test_it():\n    pytest.exit('enough')\n",
        "ended the whole run of pytest",
    ),
    "asks for an unknown fixture": ("def test_it(nobody):\n    pass\n", "There is no fixture nobody."),
    "no function": ("from mailer import create\nassert create('a@b.c', 'x')\n", "no test. pytest takes functions"),
}

# The misconceptions of the exercises as they were handed out.
HANDED_OUT = {
    1: "sends_it_itself",
    2: "as_handed_out",
    3: "as_handed_out",
    4: "as_handed_out",
    5: "as_handed_out",
    6: "as_handed_out",
    7: "as_handed_out",
    8: "as_handed_out",
    10: "as_handed_out",
}

# What is also true of a mistake, beside what it is diagnosed as. Somebody has read the sentences and found them true.
ALSO_TRUE = {
    1: {
        "returns_the_jid": {"other_words"},
        "runs_nothing": {"pushes_nothing"},
        "says_that_it_was_sent": {"other_words"},
    },
    2: {
        "stub": {"any_argument_will_do"},
        "counted_from_today": {"another_weekday"},
        "copies_the_user": {"sends_the_address", "sends_the_name"},
        "a_day_early": {"another_weekday"},
        "day_is_missing": {"another_weekday"},
        "numbers_as_keys": {"any_argument_will_do"},
        "str_of_the_user": {"sends_the_address", "sends_the_name"},
        "swallows_the_refusal": {"any_argument_will_do"},
        "takes_today": {"another_weekday", "day_is_missing"},
        "text_made_too_early": {"sends_the_name", "weekday_only", "day_is_missing"},
        "user_beside_the_job": {"sends_the_address", "sends_the_name"},
        "weekday_only": {"day_is_missing"},
    },
    3: {
        "an_option_that_is_none": {"default_retries"},
        "gives_up_too_early": {"another_number"},
        "only_an_annotation": {"default_retries"},
        "retry_in_fails": {"default_retries"},
        "retry_on_the_object": {"default_retries"},
        "retry_zero": {"another_number"},
        "pushes_by_name": {"default_retries"},
        "return_in_finally": {"swallows"},
        "runs_inline": {"runs_it_here"},
        "set_thrown_away": {"default_retries"},
        "sleeps": {"loops_in_perform"},
    },
    4: {
        "stub": {"clears_retry", "deletes_the_rest", "deletes_the_dead"},
        "calls_perform": {"deletes_the_welcomes"},
        "deletes_all_but_welcomes": {"deletes_the_rest"},
        "deletes_the_dead": {"deletes_the_rest"},
        "deletes_the_welcomes": {"takes_the_one_in_retry"},
        "flushes": {"clears_retry", "deletes_the_rest", "deletes_the_dead"},
        "one_error_only": {"goes_by_the_error"},
        "pushes_under_the_same_id": {"always_default"},
        "sends_newsletters_back": {"sends_back_the_rest"},
    },
    5: {
        "stub": {
            *("one_visitor", "does_not_count_the_jobs", "does_not_look_at_the_moment", "does_not_look_before_the_run"),
            *("does_not_look_at_the_arguments", "does_not_look_at_the_answer", "never_refuses"),
        },
        "does_not_look_at_the_arguments": {"one_visitor"},
        "inline_only": {"does_not_look_at_the_moment", "does_not_look_at_the_retry"},
        "looks_at_the_mail_only": {"does_not_look_at_the_moment", "does_not_look_at_the_retry"},
        "pushes_in_the_test": {"does_not_look_at_the_answer"},
        "runs_without_looking": {
            *("does_not_look_at_the_address", "does_not_look_at_the_subject", "does_not_count_the_mails", "never_refuses"),
        },
        "tests_the_push_only": {"never_refuses"},
        "tests_the_worker_only": {"does_not_look_at_the_answer", "does_not_look_at_the_retry"},
    },
    6: {
        "empties_the_queue": {"quiet_first"},
    },
    7: {
        "looks_at_the_old_moment": {"old_job_of_the_name"},
        "moves_nothing": {"old_job_of_the_name"},
        "moves_what_is_there_only": {"old_job_of_the_name", "reaches_schedule_only"},
        "nobody_comes_back": {"old_job_of_the_name"},
        "not_there_any_more": {"reaches_schedule_only"},
        "noted_in_one_process": {"empty_perform"},
        "raises_until_then": {"old_job_of_the_name"},
    },
    8: {
        "another_order_of_the_number": {"pushes_before_the_commit"},
        "takes_it_in_buy": {"sweeps_for_ever"},
    },
    10: {
        "stub": {"mails_behind_the_rest"},
        "a_queue_is_no_thread": {"gifs_behind_reports"},
        "gifs_in_front": {"threads_for_computing"},
        "slow_in_front": {"gifs_behind_reports"},
    },
}


def place(mistake):
    """Where a slip is: its line, with its number, as the learner is told."""
    lines = enumerate(mistake.read_text().splitlines(), start=1)
    ((number, line),) = ((number, line) for number, line in lines if SLIPS[mistake.stem] in line)
    return f"line {number} of {mistake.name}: {line.strip()}"


@pytest.fixture(scope="session")
def found(tmp_path_factory):
    """What the checks found: of each stub, solution, mistake and answer, by its path; of each broken answer, by its name."""
    folder = tmp_path_factory.mktemp("answers")
    answers = {path: (one, path) for one in LESSONS for path in (one.stub, one.solution, *one.mistakes, *one.answers)}
    for name, (source, _) in [*BROKEN.items(), *SLIPS_ELSEWHERE.items()]:
        answers[name] = (LESSONS[0], folder / f"{name}.py")
        answers[name][1].write_bytes(source if isinstance(source, bytes) else source.encode())
    for name, (source, _) in BROKEN_TESTS.items():
        answers[name] = (LESSONS[4], folder / f"{name}.py")
        answers[name][1].write_text(source)
    noise = "import sys\nprint('{\"event\": \"end\"}')\nprint('FAILED', file=sys.stderr)\nsys.stdout.flush()\n"
    for name, path in (("noisy stub", LESSONS[0].stub), ("noisy solution", LESSONS[0].solution)):
        answers[name] = (LESSONS[0], folder / f"{name}.py")
        answers[name][1].write_text(path.read_text() + "\n" + noise)
    answers["no check"] = (Lesson(9, "gone", folder), LESSONS[0].solution)
    answers["no exercise"] = (LESSONS[0], folder / "gone.py")
    with forking.checks(folder) as start, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        yield Found(answers, lambda one: pool.map(lambda answer: checking.examine(*answer, start=start), one))


class Found(dict):
    """What was found, by the answer. All answers to one exercise are checked as soon as one of them is asked for."""

    def __init__(self, answers, examine):
        super().__init__()
        self.answers, self.examine = answers, examine

    def __missing__(self, key):
        lesson, _ = self.answers[key]
        those = {other: answer for other, answer in self.answers.items() if answer[0] == lesson}
        self.update(zip(those, self.examine(those.values()), strict=True))
        return self[key]


def parts(reason):
    """The parts of a rejection, by their names. Everything in it must belong to one."""
    lines = [line.partition(":") for line in reason.splitlines()]
    assert [label for label, _, _ in lines if label not in LABELS] == [], reason
    return {label: text.strip() for label, _, text in lines}


def rows(lesson):
    """The misconceptions that the check of a lesson knows, by their names."""
    module = importlib.import_module(f"lessons.{lesson.folder.name}.misconceptions")
    tables = [table for table in vars(module).values() if isinstance(table, Misconceptions)]
    return {row.__name__ for table in tables for row in table.rows}


def told(result):
    """The names of the misconceptions whose sentence the learner reads."""
    return [name for name, sentence in result.holding.items() if f"Looks like:  {sentence}" in result.reason]


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_stub_fails_for_the_stated_reason(found, lesson):
    result = found[lesson.stub]
    assert result.unmet
    assert "the exercise as it was handed out" in parts(result.reason)["Looks like"]
    assert told(result) == [HANDED_OUT[lesson.number]]
    assert set(result.holding) - set(told(result)) == ALSO_TRUE[lesson.number].get("stub", set())


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_the_solution_passes_every_requirement(found, lesson):
    result = found[lesson.solution]
    assert result.passed, result.reason
    assert len(result.met) == lesson.check.read_text().count("def test_")
    assert result.holding == {}


@pytest.mark.parametrize(("lesson", "answer"), ANSWERS, ids=[f"{one.number}-{path.stem}" for one, path in ANSWERS])
def test_a_right_answer_passes_however_it_is_written(found, lesson, answer):
    assert found[answer].passed, found[answer].reason
    assert found[answer].holding == {}


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_there_are_six_right_answers_and_ten_mistakes_or_more(lesson):
    assert len(lesson.answers) >= 6
    assert len(lesson.mistakes) >= 10


@pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)
def test_each_misconception_has_a_mistake_and_each_mistake_is_one(lesson):
    stems = {path.stem for path in lesson.mistakes}
    assert rows(lesson) - stems == {HANDED_OUT[lesson.number]}
    assert stems - rows(lesson) == (set(SLIPS) if lesson.number == 1 else set())


@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES, ids=[f"{one.number}-{path.stem}" for one, path in MISTAKES])
def test_a_mistake_is_diagnosed_as_what_it_is_and_nothing_untrue_is_said_of_it(found, lesson, mistake):
    result = found[mistake]
    expected = [] if mistake.stem in SLIPS else [mistake.stem]
    assert told(result) == expected, result.reason
    assert set(result.holding) - set(expected) == ALSO_TRUE[lesson.number].get(mistake.stem, set())


@pytest.mark.parametrize(("lesson", "mistake"), MISTAKES, ids=[f"{one.number}-{path.stem}" for one, path in MISTAKES])
def test_a_rejection_has_its_parts_and_no_traceback(found, lesson, mistake):
    result = found[mistake]
    assert not result.passed
    said = parts(result.reason)
    assert all(said.values())
    assert {"Expected", "Instead", "Looks like", "Look"} <= set(said)
    assert f"make try-{lesson.number}" in said["Look"]
    if mistake.stem in SLIPS:  # Python itself refused the call: it is known where
        assert said["At"] == place(mistake)
        assert "TypeError" in said["Python said"]
    for word in ("Traceback", "Assertion", 'File "'):
        assert word not in result.reason


def test_every_slip_that_is_known_was_made():
    stems = {path.stem for _, path in MISTAKES}
    assert stems.issuperset(SLIPS)
    assert len(rejection.SLIPS) == len(SLIPS) + len(SLIPS_ELSEWHERE)


@pytest.mark.parametrize("name", SLIPS_ELSEWHERE)
def test_a_slip_that_is_no_mistake_of_a_lesson_is_told_too(found, name):
    said = parts(found[name].reason)
    source, words = SLIPS_ELSEWHERE[name]
    assert "TypeError" in said["Python said"]
    assert words in said["Looks like"]
    line = len(source.splitlines())
    assert said["At"] == f"line {line} of {name}.py: {source.splitlines()[-1].strip()}"


def test_what_fits_no_misconception_is_set_out_as_it_was_seen(found):
    said = parts(found["raises in create"].reason)
    assert "Looks like" not in said
    assert said["Seen"].startswith("press ")


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
    assert len(result.reason.splitlines()) <= 8


@pytest.mark.parametrize("name", BROKEN_TESTS)
def test_tests_that_are_none_do_not_pass(found, name):
    assert not found[name].passed
    assert BROKEN_TESTS[name][1] in found[name].reason
    assert "Traceback" not in found[name].reason


def test_a_check_that_cannot_start_lets_nothing_pass_and_says_what_pytest_said(found):
    assert not found["no check"].passed
    assert found["no check"].unmet == "The check can start."
    assert "error: unrecognized arguments" in found["no check"].reason


def test_what_an_answer_prints_changes_nothing(found):
    assert found["noisy stub"].reason == found[LESSONS[0].stub].reason
    assert found["noisy solution"].passed


def test_an_exercise_that_is_gone_is_said_to_be(found):
    assert found["no exercise"].reason == "There is no gone.py.\nTo start over: make reset-1"


def test_a_check_is_not_led_astray_by_the_learners_surroundings(monkeypatch):
    monkeypatch.setenv("PYTEST_ADDOPTS", "--collect-only")
    monkeypatch.setenv("PYTEST_PLUGINS", "there_is_no_such_plugin")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    assert checking.examine(LESSONS[0], LESSONS[0].solution).passed


def test_a_check_that_is_not_ended_from_inside_is_ended_from_outside(tmp_path, monkeypatch):
    monkeypatch.setattr(checking, "LONGEST_CHECK", 1)
    answer = tmp_path / "loaded.py"
    answer.write_text("while True: pass\n")
    result = checking.examine(LESSONS[0], answer)
    assert "it was still running after 1 seconds" in result.reason
    assert "check again, in case your machine was busy" in result.reason
    assert result.unmet == "The check comes to an end."  # and no requirement that may well be met


def test_a_check_that_is_interrupted_leaves_no_process(tmp_path, monkeypatch):
    started = []

    def start(*args, **kwargs):
        started.append(subprocess.Popen(*args, **kwargs))
        monkeypatch.setattr(started[0], "wait", interrupted)
        return started[0]

    def interrupted(timeout=None):
        monkeypatch.undo()
        raise KeyboardInterrupt

    answer = tmp_path / "waits.py"
    answer.write_text("while True: pass\n")
    with pytest.raises(KeyboardInterrupt):
        checking.examine(LESSONS[0], answer, start=start)
    assert started[0].poll() is not None


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
