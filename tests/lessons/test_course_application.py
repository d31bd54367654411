"""What can be typed about an exercise that is an application: a folder with several files, and with several parts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from test_course_commands import course, said  # noqa: F401  fixtures

from lessons.course import catalogue, checking, progress
from lessons.course.checking import Result


@pytest.fixture
def application(course):  # noqa: F811
    return next(one for one in catalogue.lessons() if one.is_an_application)


def found(monkeypatch, **open_ones):
    """A check finds these requirements open, and one that is met."""
    named = {
        f"Ticket {name[1:]}: it works.": f"Expected:    it works.\nInstead:     {why}" for name, why in open_ones.items()
    }
    result = Result(met=["Ticket 9: it is there."], open=named)
    result.unmet, result.reason = next(iter(named.items()), (None, ""))
    monkeypatch.setattr(checking, "examine", lambda lesson, answer, start: result)


def test_a_check_tells_all_that_is_open_and_why_of_the_first(said, application, monkeypatch):  # noqa: F811
    found(monkeypatch, t2="nothing came", t4="two came")
    code, text = said("check", "9")
    assert code == 1
    assert "Checking lessons/lesson_09_the_app/app … ok Ticket 9: it is there. no Ticket 2: it works." in text
    assert "Instead: nothing came no Ticket 4: it works." in text
    assert "two came" not in text
    assert progress.of(application) == {"passed": False, "about": "Ticket 2"}


def test_the_hints_are_about_the_first_part_that_is_open(said, application, monkeypatch):  # noqa: F811
    assert said("hint", "9")[1].startswith("Hint 1 of 3 for ticket 1.")
    found(monkeypatch, t4="two came")
    said("check", "9")
    assert "Hint 1 of 3 for ticket 4." in said("hint", "9")[1]
    assert "Hint 2 of 3 for ticket 4." in said("hint", "9")[1]
    found(monkeypatch, t1="none came")
    said("check", "9")
    told = said("hint", "9")[1]
    assert "Hint 2 of 3 for ticket 1." in told  # the first has been told
    assert "ticket 4" not in told


def test_the_walk_through_is_shown_once_it_is_solved(said, application):  # noqa: F811
    assert "once your exercise has passed" in said("solution", "9")[1]
    text = said("solution", "9", "--force")[1]
    assert "A walk-through" in text
    assert "SendGifToUserWorker.perform_async(email, thought)" in text


def test_reset_brings_back_every_file_and_keeps_the_folder_beside_it(said, application):  # noqa: F811
    assert "There is nothing to reset." in said("reset", "9")[1]
    web, more = application.exercise / "web.py", application.exercise / "more" / "notes.txt"
    web.write_text("mine")
    more.parent.mkdir()
    more.write_text("mine, too")
    code, text = said("reset", "9", "--force")
    assert code == 0
    assert "Your answer is now in lessons/lesson_09_the_app/app.kept-1." in text
    assert catalogue.same(application.exercise, application.stub)
    kept = application.folder / "app.kept-1"
    assert {name: path.read_text() for name, path in catalogue.files(kept).items() if "mine" in path.read_text()} == {
        "web.py": "mine",
        "more/notes.txt": "mine, too",
    }


def test_what_python_leaves_in_the_folder_is_no_change(application):
    junk = application.exercise / "__pycache__"
    junk.mkdir()
    (junk / "web.pyc").write_bytes(b"0")
    assert catalogue.same(application.exercise, application.stub)
    before = catalogue.saved(application.exercise)
    (application.exercise / "Procfile").write_text("web: nothing\n")
    assert catalogue.saved(application.exercise) > before
    assert not catalogue.same(application.exercise, application.stub)


def test_git_ignores_what_was_kept():
    root = Path(__file__).parents[2]
    kept = "lessons/lesson_09_the_app/app.kept-1/web.py"
    assert subprocess.run(["git", "check-ignore", "-q", kept], cwd=root).returncode == 0
