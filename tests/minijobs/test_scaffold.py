"""`minijobs new`: a Worker that does nothing, and a test that is red until it does something."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from minijobs.cli import scaffold

WORKER = "workers/send_gif_to_user_worker.py"
TEST = "tests/test_send_gif_to_user_worker.py"
PUSH = "test_a_push_leaves_one_job"
RUN = "test_a_run_changes_something"

NOTHING_IS_DIFFERENT = (
    "AssertionError: SendGifToUserWorker ran, and nothing is different: "
    "either perform does nothing yet, or effect() does not look at what it does."
)

# What a user may write.
APPENDS = (
    "from minijobs import Worker\n\nOUTBOX = []\n\n\nclass SendGifToUserWorker(Worker):\n    def perform(self, *args):\n"
)
WORKS = f"{APPENDS}        OUTBOX.append(args)\n"
ONLY_PASSES = f"{APPENDS}        pass\n"
BREAKS = f'{APPENDS}        raise RuntimeError("boom")\n'
LOOKS = "    from workers.send_gif_to_user_worker import OUTBOX\n\n    return OUTBOX\n"
LOOKS_AT_SOMETHING_NEW = "    return object()\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a new Worker, its test, and nothing else."""
    scaffold.new("SendGifToUser", tmp_path)
    return tmp_path


def write_effect(folder: Path, body: str) -> None:
    """Write what `effect()` of the new test gives back."""
    path = folder / TEST
    unwritten = "    # Look at something\n"
    assert path.read_text().count(unwritten) == 1
    path.write_text(path.read_text().replace(unwritten, body))


def run_tests(folder: Path, *command: str, words: tuple[str, ...] = ()) -> tuple[dict[str, str], str]:
    """What became of each test of that folder, by its name; and what pytest printed."""
    # No .pyc: a Worker that is written twice within a second would be the first one.
    clean = {
        **os.environ,
        "CI": "",
        "PYTEST_ADDOPTS": "",
        "PYTHONDONTWRITEBYTECODE": "1",
        "REDIS_URL": "redis://localhost:1",
    }
    command = command or (sys.executable, "-m", "pytest")
    words = ("-v", "-W", "error", "-p", "no:cacheprovider", *words)
    run = subprocess.run([*command, *words], cwd=folder, env=clean, capture_output=True, text=True, timeout=60)
    return dict(re.findall(r"::(\w+) (PASSED|FAILED|ERROR) ", run.stdout)), run.stdout + run.stderr


# The two files


def test_it_makes_a_worker_and_its_test_and_gives_back_their_paths(tmp_path: Path) -> None:
    paths = scaffold.new("SendGifToUser", tmp_path)
    assert paths == (tmp_path / WORKER, tmp_path / TEST)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths)
    assert "class SendGifToUserWorker(Worker):" in paths[0].read_text()


def test_without_a_folder_it_writes_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert scaffold.new("SendGifToUser") == (Path(WORKER), Path(TEST))
    assert (tmp_path / TEST).is_file()


def test_a_folder_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    scaffold.new("SendGifToUser", tmp_path / "new" / "app")
    assert (tmp_path / "new" / "app" / WORKER).is_file()


@pytest.mark.parametrize(
    ("name", "worker", "file"),
    [
        ("SendGifToUser", "SendGifToUserWorker", "send_gif_to_user_worker.py"),
        ("SendGifToUserWorker", "SendGifToUserWorker", "send_gif_to_user_worker.py"),
        ("send_gif_to_user", "SendGifToUserWorker", "send_gif_to_user_worker.py"),
        ("send_gif_to_user_worker", "SendGifToUserWorker", "send_gif_to_user_worker.py"),
        ("mail", "MailWorker", "mail_worker.py"),
        ("SendGIFToUser", "SendGIFToUserWorker", "send_gif_to_user_worker.py"),
        ("Resize2Images", "Resize2ImagesWorker", "resize2_images_worker.py"),
        ("TestMail", "TestMailWorker", "test_mail_worker.py"),
    ],
)
def test_a_name_becomes_a_class_that_ends_in_worker_and_a_file(tmp_path: Path, name: str, worker: str, file: str) -> None:
    worker_path, test_path = scaffold.new(name, tmp_path)
    assert (worker_path.name, test_path.name) == (file, f"test_{file}")
    assert f"class {worker}(Worker):" in worker_path.read_text()
    assert f"import {worker}\n" in test_path.read_text()


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "SendGif ", "Send Gif", "SendGif\n", "send-gif", "SendGif!", "3D", "SändGif"),
        *("sendGif", "Send_Gif", "_send_gif", "send__gif", "send_gif_"),
        *("class", "None", "import"),
        *("../SendGif", "/SendGif", "workers/send_gif", "workers\\send_gif", "SendGif.py", "Mail::SendGif", "."),
        *("Worker", "worker"),
    ],
)
def test_a_name_that_is_none_is_refused_in_one_sentence_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]* SendGifToUser[^\n.]*\.$"):
        scaffold.new(name, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [WORKER, TEST])
def test_a_file_that_is_there_is_kept_and_the_other_is_not_written(tmp_path: Path, there: str) -> None:
    kept = tmp_path / there
    kept.parent.mkdir()
    kept.write_text("mine")
    with pytest.raises(FileExistsError, match=r"^[^\n]*send_gif_to_user_worker\.py is there already[^\n]*\.$"):
        scaffold.new("SendGifToUser", tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]
    assert kept.read_text() == "mine"


def test_other_workers_and_tests_beside_them_are_left_alone(folder: Path) -> None:
    before = {path: path.read_text() for path in (folder / WORKER, folder / TEST)}
    scaffold.new("Welcome", folder)
    assert {path: path.read_text() for path in before} == before


@pytest.mark.parametrize("name", ["SendGifToUser", "Mail"])
@pytest.mark.parametrize("length", [88, 125])
def test_what_it_makes_is_formatted_and_clean(tmp_path: Path, name: str, length: int) -> None:
    scaffold.new(name, tmp_path)
    # The folder is a project of its own, with the most common line length or with ours, and with our rules.
    ruff = [sys.executable, "-m", "ruff"]
    settings = ["--isolated", "--no-cache", "--config", f"line-length={length}"]
    rules = ["--select", "E,F,W,I,UP,B,SIM,C4,RET,PT,RUF"]
    for command in (["format", "--check"], ["check", *rules]):
        run = subprocess.run([*ruff, *command, *settings, "."], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert run.returncode == 0, run.stdout + run.stderr


# Red until it works


def test_at_first_the_push_is_green_and_the_run_is_red_and_says_why(folder: Path) -> None:
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "FAILED"}, printed
    assert printed.count(NOTHING_IS_DIFFERENT) == 1


def test_a_perform_that_does_something_and_an_effect_that_looks_at_it_are_green(folder: Path) -> None:
    (folder / WORKER).write_text(WORKS)
    write_effect(folder, LOOKS)
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "PASSED"}, printed


def test_a_perform_that_only_passes_is_red_although_effect_is_written(folder: Path) -> None:
    (folder / WORKER).write_text(ONLY_PASSES)
    write_effect(folder, LOOKS)
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "FAILED"}, printed
    assert printed.count(NOTHING_IS_DIFFERENT) == 1


def test_a_perform_that_does_something_is_red_until_effect_looks_at_it(folder: Path) -> None:
    (folder / WORKER).write_text(WORKS)
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "FAILED"}, printed
    assert printed.count(NOTHING_IS_DIFFERENT) == 1


def test_an_effect_that_is_always_different_is_no_proof(folder: Path) -> None:
    (folder / WORKER).write_text(ONLY_PASSES)
    write_effect(folder, LOOKS_AT_SOMETHING_NEW)
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "FAILED"}, printed
    assert "AssertionError: effect() differs before anything has run." in printed


def test_a_perform_that_raises_is_red_with_its_own_exception(folder: Path) -> None:
    (folder / WORKER).write_text(BREAKS)
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "FAILED"}, printed
    assert "RuntimeError: boom" in printed
    assert NOTHING_IS_DIFFERENT not in printed


def test_the_job_is_run_with_the_arguments_that_the_user_wrote(folder: Path) -> None:
    (folder / WORKER).write_text(WORKS.replace("*args", "email, thought").replace("args", "(email, thought)"))
    write_effect(folder, LOOKS)
    path = folder / TEST
    path.write_text(path.read_text().replace("ARGUMENTS = []", 'ARGUMENTS = ["test@test.com", "hello"]'))
    outcome, printed = run_tests(folder)
    assert outcome == {PUSH: "PASSED", RUN: "PASSED"}, printed


def test_the_two_tests_are_the_same_in_the_other_order(folder: Path) -> None:
    outcome, printed = run_tests(folder, words=(f"{TEST}::{RUN}", f"{TEST}::{PUSH}"))
    assert outcome == {RUN: "FAILED", PUSH: "PASSED"}, printed


def test_its_tests_do_not_find_the_jobs_of_others_and_leave_none(folder: Path) -> None:
    leaves_a_job = (
        "from minijobs import testing\nfrom workers.send_gif_to_user_worker import SendGifToUserWorker\n\n\n"
        "def test_before():\n    testing.fake()\n    SendGifToUserWorker.perform_async()\n"
    )
    (folder / "tests" / "test_before.py").write_text(leaves_a_job)
    finds_a_job = "from minijobs import testing\n\n\ndef test_after():\n    assert testing.jobs() == []\n"
    (folder / "tests" / "test_after.py").write_text(finds_a_job)
    outcome, printed = run_tests(folder, words=("tests/test_before.py", f"{TEST}::{PUSH}", "tests/test_after.py"))
    assert outcome == {"test_before": "PASSED", PUSH: "PASSED", "test_after": "PASSED"}, printed


def test_pytest_alone_does_as_well_from_any_folder(folder: Path) -> None:
    alone = str(Path(sys.executable).with_name("pytest"))
    for place in (folder, folder / "tests", folder.parent):
        words = () if place != folder.parent else (folder.name,)
        outcome, printed = run_tests(place, alone, words=words)
        assert outcome == {PUSH: "PASSED", RUN: "FAILED"}, printed
