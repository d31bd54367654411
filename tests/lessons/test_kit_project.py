"""The small project of a lesson: files in a folder, and pytest run there in a process of its own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from lessons.kit import Project
from lessons.kit.project import Result, Versions

TWO = """
seen = []

def test_first():
    seen.append("first")
    assert seen == ["first"]

def test_second():
    assert seen
"""


@pytest.fixture(scope="module")
def project():
    return Project()


@pytest.fixture(autouse=True)
def _two_tests(project):
    project.write("test_two.py", TWO)


def test_each_run_is_a_new_process(project):
    assert project.pytest().colours == project.pytest().colours == [["green", "green"]]


def test_several_times_are_in_one_process_which_keeps_what_a_test_has_left(project):
    run = project.pytest(times=2)
    assert run.colours == [["green", "green"], ["RED", "green"]]
    assert run.rounds[1][0].said == "assert ['first', 'first'] == ['first']"
    assert [line.split() for line in str(run).splitlines()[:2]] == [
        ["time", "test", "it", "said"],
        ["1", "test_first", "green"],
    ]


def test_backwards_is_the_other_order(project):
    run = project.pytest(backwards=True)
    assert [result.test for result in run.rounds[0]] == ["test_second", "test_first"]
    assert run.colours == [["RED", "green"]]


def test_what_a_fixture_and_a_file_raise_is_told_without_the_folder(project):
    project.write("test_other.py", "def test_other(nobody):\n    pass")
    project.write("test_third.py", "import nothing_of_this_name")
    said = {result.test: result.said for result in project.pytest("test_other.py", "test_third.py").rounds[0]}
    assert set(said) == {"test_third.py"}  # pytest runs no test when a file cannot be imported
    said |= {result.test: result.said for result in project.pytest("test_other.py").rounds[0]}
    assert all(said.values())
    assert str(project.path) not in " ".join(said.values())


def test_a_table_of_versions_is_made_by_running_and_the_file_is_as_it_was(project):
    project.write("two.py", "number = 2")
    project.write("test_two.py", "from two import number\n\ndef test_it():\n    assert number == 2")
    found = project.against("two.py", {"right": "number = 2", "wrong": "number = 3"}, "test_two.py")
    assert str(found) == "    right  wrong\nit  green  RED"
    assert found.red("test_it") == ["wrong"]
    assert project.read("two.py") == "number = 2\n"


def test_what_is_added_is_added_once(project):
    project.write("notes.txt", "one")
    for _ in range(2):
        project.add("notes.txt", "two")
    assert project.read("notes.txt") == "one\n\n\ntwo\n"


def test_a_test_that_ends_the_process_is_said_to_have_and_the_next_run_is_well(project):
    project.write("test_two.py", "import os\n\ndef test_it():\n    os._exit(3)")
    with pytest.raises(RuntimeError, match="pytest came to no end"):
        project.pytest("test_two.py")
    project.write("test_two.py", TWO)
    assert project.pytest("test_two.py").colours == [["green", "green"]]


def test_nothing_is_left_of_a_project_that_nobody_has_any_more():
    gone = Project()
    folder, process = gone.path, gone._process.pid
    del gone
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize("while_it_runs", [False, True])
def test_its_process_and_its_folder_end_with_the_one_that_has_it(tmp_path, while_it_runs):
    child = os.fork()
    if child == 0:
        project = Project()
        tmp_path.joinpath("told").write_text(f"{project._process.pid} {project.path}")
        if while_it_runs:
            kill = f"import os\n\ndef test_it():\n    os.kill({os.getpid()}, {int(signal.SIGKILL)})"
            project.write("test_kill.py", kill)
            project.pytest("test_kill.py")
        os.kill(os.getpid(), signal.SIGKILL)  # as a kernel that is killed: it cleans up nothing
    os.waitpid(child, 0)
    process, folder = tmp_path.joinpath("told").read_text().split(" ", 1)
    deadline = time.monotonic() + 20
    while _lives(process) or Path(folder).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(process):
    """Whether it runs; one that has ended and that nobody has waited for does not."""
    try:
        with open(f"/proc/{process}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_version_in_which_a_test_is_missing_has_an_empty_cell():
    versions = Versions({"one": [Result("test_a", True, "")], "two": []})
    assert str(versions) == "   one    two\na  green"
