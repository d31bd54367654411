"""The exercise of lesson 9, which is an application: six tickets, each with a cure and with changes that only hide it.

A patch in `mistakes/` is about one ticket, and is made to the solution. So mistakes about different tickets are checked
together, in one application: each of them has to be told at its own ticket.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from types import SimpleNamespace

import forking
import pytest
from test_exercises import parts

from lessons.course import catalogue, checking
from lessons.lesson_09_the_app.misconceptions import TABLES
from lessons.lesson_09_the_app.stories import PAUSE, Newsletter, Picture

LESSON = next(one for one in catalogue.lessons() if one.is_an_application)
TICKETS = range(1, len(TABLES) + 1)
HANDED_OUT = "as_handed_out"
EVERYWHERE = "serves_newsletters_only"  # a row of several tickets: what it is about closes none of them

# Which ticket a mistake is about: that of the table with its row.
ABOUT = {row.__name__: number for number, table in enumerate(TABLES, 1) for row in table.rows if row.__name__ != HANDED_OUT}
MISTAKES = {path.stem: path for path in LESSON.mistakes}

# What is checked together: the first mistake about each ticket, the second of each, and so on.
TOGETHER = [
    [name for name in names if name]
    for names in zip_longest(
        *([name for name in sorted(MISTAKES) if ABOUT.get(name) == number and name != EVERYWHERE] for number in TICKETS)
    )
]

# What is also true of a mistake, beside what it is diagnosed as. Somebody has read the sentences and found them true.
ALSO_TRUE: dict[str, set[str]] = {}

SIDE_BY_SIDE = 2


def applied(folder, *patches):
    """The application as it was handed out, in a new folder, with these patches."""
    shutil.copytree(LESSON.stub, folder, ignore=shutil.ignore_patterns("__pycache__"))
    for patch in patches:
        subprocess.run(["git", "apply", "-p1", str(patch)], cwd=folder, check=True, env={**os.environ, "GIT_DIR": "nowhere"})
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the checks found: of the stub, the solution, each answer, and the mistakes that are checked together."""
    folder = tmp_path_factory.mktemp("apps")
    solution = LESSON.folder / "solution.patch"
    apps = {"stub": LESSON.stub, "solution": applied(folder / "solution", solution)}
    apps |= {path.stem: applied(folder / path.stem, solution, path) for path in LESSON.answers}
    for number, names in enumerate(TOGETHER):
        bundle = applied(folder / f"together-{number}", solution, *(MISTAKES[name] for name in names))
        apps |= dict.fromkeys([tuple(names)], bundle)
    apps[EVERYWHERE] = applied(folder / EVERYWHERE, solution, MISTAKES[EVERYWHERE])
    apps["broken"] = applied(folder / "broken")
    (apps["broken"] / "workers.py").write_text("import nothing_of_that_name\n")
    with forking.checks(folder) as start, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        results = pool.map(lambda app: checking.examine(LESSON, app, start=start), apps.values())
        return dict(zip(apps, results, strict=True))


def reason(result, ticket):
    """What is said of a ticket; empty if it is closed."""
    return next((text for requirement, text in result.open.items() if requirement.startswith(f"Ticket {ticket}: ")), "")


def test_each_ticket_is_open_as_it_was_handed_out_and_nothing_more_is_said(found):
    result = found["stub"]
    assert len(result.open) == len(TICKETS), result.met
    for ticket in TICKETS:
        told = parts(reason(result, ticket))
        assert told["Looks like"] == "the exercise as it was handed out, or near it: this ticket is still open."
        assert f"play({ticket})" in told["Look"]
    assert set(result.holding) == {HANDED_OUT}


def test_the_solution_closes_all_tickets(found):
    result = found["solution"]
    assert result.passed, result.reason
    assert [requirement.partition(":")[0] for requirement in result.met] == [f"Ticket {number}" for number in TICKETS]
    assert result.holding == {}


@pytest.mark.parametrize("name", [path.stem for path in LESSON.answers])
def test_a_right_answer_passes_however_it_is_written(found, name):
    assert found[name].passed, found[name].reason
    assert found[name].holding == {}


@pytest.mark.parametrize("names", TOGETHER, ids=["+".join(names) for names in TOGETHER])
def test_a_change_that_hides_the_symptom_is_told_so_and_nothing_untrue_is_said(found, names):
    result = found[tuple(names)]
    for name in names:
        told = parts(reason(result, ABOUT[name]))
        assert told.get("Looks like") == result.holding.get(name), (name, told, result.holding)
        assert {"Expected", "Instead", "Looks like", "Look"} == set(told)
        for word in ("Traceback", "Assertion", 'File "'):
            assert word not in reason(result, ABOUT[name])
    assert {ABOUT[name] for name in names} == {
        number for number in TICKETS if reason(result, number)
    }  # and the other tickets are closed
    assert set(result.holding) == set(names).union(*(ALSO_TRUE.get(name, set()) for name in names))


def test_if_nobody_serves_default_any_more_every_ticket_whose_job_is_there_says_so(found):
    result = found[EVERYWHERE]
    for ticket in (1, 2, 4, 5):
        told = parts(reason(result, ticket))["Looks like"]
        assert "The job waits in default, and the worker process takes jobs from newsletters." in told
    assert "what waits in default" in parts(reason(result, 3))["Looks like"]
    assert not reason(result, 6)
    assert set(result.holding) == {EVERYWHERE, "leaves_what_waits"}


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"served": ["default", "newsletter"]}, HANDED_OUT),
        ({"served": ["default", "newsletter"], "processes": 2}, "serves_another_name"),
        ({"served": ["default", "news"]}, "serves_another_name"),
        ({"served": ["default", "newsletter"], "pushed": ["news"]}, "another_queue_nobody_serves"),
    ],
)
def test_what_is_near_the_exercise_as_it_was_handed_out_is_what_has_not_been_changed(fields, name):
    story = Newsletter("ticket 3", **{"pushed": ["newsletters"], **fields})
    assert list(TABLES[2].holding(SimpleNamespace(newsletter=story))) == [name]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"kept": ["retry"], "paused": PAUSE}, ""),
        ({"kept": ["retry"], "paused": PAUSE + 1}, "waits_before_it_is_tried_again"),
        ({"kept": ["schedule"], "done": True, "paused": 60.0}, "waits_before_it_is_tried_again"),
        ({"done": True, "paused": 60.0}, "asks_again_and_again"),
        ({"kept": ["inflight"], "hangs": True, "paused": 60.0}, "asks_again_and_again"),
    ],
)
def test_a_job_that_asks_twice_may_pause_for_a_moment(fields, name):
    story = Picture("ticket 2", asked=2, runs=1, **fields)
    assert list(TABLES[1].holding(SimpleNamespace(picture=story))) == [one for one in [name] if one]


def test_each_misconception_has_a_mistake_and_each_mistake_is_one():
    assert set(MISTAKES) == set(ABOUT)
    assert len(MISTAKES) >= 10
    assert len(LESSON.answers) >= 6


def test_an_application_that_does_not_start_is_told_what_it_said(found):
    result = found["broken"]
    assert not result.passed
    told = parts(result.reason)
    assert told["Expected"] == "the application starts."
    assert "No module named 'nothing_of_that_name'" in told["Instead"]


def test_the_exercise_as_committed_is_the_stub():
    if os.environ.get("CI") == "true":
        assert catalogue.same(LESSON.exercise, LESSON.stub)


def test_a_file_that_is_no_python_is_named(tmp_path):
    app = applied(tmp_path / "app")
    (app / "web.py").write_text("import os\ndef page(:\n")
    result = checking.examine(LESSON, app)
    assert result.reason.startswith("web.py cannot be read: line 2")


def test_the_walk_through_has_every_ticket_with_its_command_and_its_line():
    text = LESSON.solution.read_text()
    sections = text.split("\n## ")[1:]
    assert [one.partition(":")[0] for one in sections] == [f"Ticket {number}" for number in TICKETS]
    changed = [line[1:].strip() for line in (LESSON.folder / "solution.patch").read_text().splitlines() if line[:1] == "+"]
    for section in sections:
        assert "\n    >>> " in section
        lines = [line[6:].strip() for line in section.splitlines() if line.startswith("    + ")]
        assert lines
        assert all(line in changed for line in lines), lines


def test_there_are_hints_for_each_ticket_and_the_first_gives_no_line_away():
    assert LESSON.parts == [f"Ticket {number}" for number in TICKETS]
    for ticket in LESSON.parts:
        first, *others = LESSON.hints(ticket)
        assert len(others) >= 2
        assert "perform_async(" not in first


def test_the_application_is_about_300_lines():
    lines = [line for path in catalogue.files(LESSON.stub).values() for line in path.read_text().splitlines()]
    assert 250 <= len(lines) <= 350
