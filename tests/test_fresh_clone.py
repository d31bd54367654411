"""The README as a new user tries it: a fresh copy of the project, an empty cache, nothing installed by hand."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH: the README's commands need it")


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What git has of the project, and what it would add; `make lesson-1` has been typed there once."""
    folder = tmp_path_factory.mktemp("fresh") / "clone"
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in listed.splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for stub in folder.glob("lessons/*/stub.py"):
        shutil.copy(stub, stub.with_name("exercise.py"))
    for stub in folder.glob("lessons/*/stub/"):
        shutil.copytree(stub, stub.with_name("app"), dirs_exist_ok=True)
    first = make(folder, "lesson-1", PIP_CACHE_DIR=str(folder.parent / "cache"))
    if first.returncode and os.environ.get("CI") != "true" and "pip" in first.stdout + first.stderr:
        pytest.skip("pip could not install anything here: trying the README as a new user needs a network")
    assert first.returncode == 0, first.stdout + first.stderr
    (folder / "first.txt").write_text(first.stdout, encoding="utf-8")
    (folder / "warnings.txt").write_text(first.stderr, encoding="utf-8")
    return folder


def make(folder: Path, *words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """`make` as a person has it: none of this test run's own settings, and their answers typed ahead."""
    clean = only_what_a_person_has() | {"MINIJOBS_LESSON_PACE": "0.02", **environment}
    return subprocess.run(["make", *words], cwd=folder, env=clean, input=typed, capture_output=True, text=True, timeout=300)


def only_what_a_person_has() -> dict[str, str]:
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "MAKEFLAGS", "MAKELEVEL", "REDIS_URL", "COLUMNS", "PYTEST_CURRENT_TEST")
    ours += ("PYTHONDONTWRITEBYTECODE",)  # or each process that is started here would compile all that it imports
    return {name: value for name, value in os.environ.items() if name not in ours}


def test_lesson_1_plays_with_nothing_installed_or_started(clone):
    shown = (clone / "first.txt").read_text(encoding="utf-8")
    assert "1 · The wait" in shown
    assert "queue:default  list, 1 entry" in shown
    assert shown.rstrip().endswith("When you have changed it: make check-1")


def test_the_first_minute_is_quiet(clone):
    """What pip says of its sources is about this machine; nothing else may be said before the lesson."""
    before, _, _ = (clone / "first.txt").read_text(encoding="utf-8").partition("1 · The wait")
    said = [line for line in before.splitlines() if not set(line) <= set(" ┏━┓┃╭─╮│")]
    assert len(said) == 2
    assert re.fullmatch(r"Making \.venv with Python 3\.\S+, once …", said[0])
    assert said[1] == "Installing what the lessons need, once …"
    warned = (clone / "warnings.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in warned if not line.startswith("WARNING: Location ")] == []


def test_what_a_part_needs_can_be_brought_along_to_where_there_is_no_internet(clone, tmp_path):
    """As the page for teachers has it."""
    page = (clone / "lessons" / "TEACHING.md").read_text(encoding="utf-8")
    (typed,) = re.findall(
        r"```sh\n(\.venv/bin/python .+?)\n```.+?```sh\nexport (.+?)\nmake (.+?)\nmake (.+?)\n```", page, re.DOTALL
    )
    download, settings, lesson, check = (words.replace("/media/stick/wheels", str(tmp_path / "wheels")) for words in typed)
    words = download.replace(" wheels", f" {tmp_path / 'wheels'}").split()
    assert subprocess.run(words, cwd=clone, capture_output=True, env=only_what_a_person_has()).returncode == 0
    exported = dict(word.split("=") for word in settings.split())
    (clone / ".venv").rename(tmp_path / "venv")
    try:
        played = make(clone, lesson, PIP_CONFIG_FILE=os.devnull, **exported)
        assert played.stdout.rstrip().endswith("When you have changed it: make check-1"), played.stdout + played.stderr
        checked = make(clone, check, PIP_CONFIG_FILE=os.devnull, **exported)
        assert "as it was handed out" in checked.stdout, checked.stdout + checked.stderr
    finally:
        shutil.rmtree(clone / ".venv")
        (tmp_path / "venv").rename(clone / ".venv")


def test_nothing_is_installed_that_the_lessons_do_not_need(clone):
    for module in ("pytest", "IPython", "matplotlib", "ruff"):
        found = subprocess.run([clone / ".venv" / "bin" / "python", "-c", f"import {module}"], capture_output=True)
        assert found.returncode, f"{module} is installed"


def test_nothing_is_installed_twice(clone):
    assert "pip install" not in make(clone, "-n", "lesson-1").stdout


def test_the_words_for_who_has_no_make(clone):
    python = clone / ".venv" / "bin" / "python"
    played = subprocess.run(
        [python, "-m", "lessons", "play", "1"],
        cwd=clone,
        env={**only_what_a_person_has(), "MINIJOBS_LESSON_PACE": "0.02"},
        capture_output=True,
    )
    assert played.returncode == 0
    listed = subprocess.run([python, "-m", "lessons", "--help"], cwd=clone, capture_output=True, text=True)
    assert "check" in listed.stdout


def test_a_learner_goes_through_an_exercise(clone):
    """Every command of the README's table but `notebook`, in the order in which one needs them."""
    exercise = clone / "lessons" / "lesson_03_retries" / "exercise.py"
    solution = exercise.with_name("solution.py").read_text(encoding="utf-8")

    wrong = make(clone, "check-3")
    assert "as it was handed out" in wrong.stdout
    assert "***" not in wrong.stderr  # make has nothing to add

    assert "Hint 1" in make(clone, "hint-3").stdout
    assert "Hint 2" in make(clone, "hint-3").stdout
    assert "once your exercise has passed its check" in make(clone, "solution-3").stdout
    assert "retry = 5" in make(clone, "solution-3", "FORCE=1").stdout

    tried = make(clone, "try-3", typed='inbox.refuse(1)\ncreate("ada@example.com", "hi")\nkeys()\n')
    assert "could not send to ada@example.com" in tried.stdout

    exercise.write_text(solution, encoding="utf-8")
    watched = make(clone, "watch-3")
    assert "Right." in watched.stdout
    assert "retry = 5" in make(clone, "solution-3").stdout
    assert re.search(r"^3  .+  exercise done$", make(clone, "progress").stdout, re.MULTILINE)

    refused = make(clone, "reset-3", typed="n\n")
    assert "Nothing was changed." in refused.stdout
    assert exercise.read_text(encoding="utf-8") == solution
    make(clone, "reset-3", typed="y\n")
    assert exercise.read_text(encoding="utf-8") != solution
    assert exercise.with_name("exercise.kept-1.py").read_text(encoding="utf-8") == solution
    assert re.search(r"^3  .+  exercise done$", make(clone, "progress").stdout, re.MULTILINE)  # what was solved stays solved
    assert "retry = 5" in make(clone, "solution-3").stdout  # once solved, it stays open


def test_a_lesson_goes_on_from_a_step(clone):
    whole, rest = make(clone, "lesson-2"), make(clone, "lesson-2", "FROM=9")
    assert (whole.stderr, rest.stderr) == ("", "")
    assert "Step 1: push" in whole.stdout
    assert "Step 1: push" not in rest.stdout
    assert "What a job is made of" in rest.stdout
    assert "make check-2" in rest.stdout
    refused = make(clone, "lesson-2", "FROM=1000")
    assert len(refused.stderr.splitlines()) == 1
    assert refused.stderr.startswith("Lesson 2 has steps 1 to ")


def test_a_python_that_is_too_old_is_refused_in_one_sentence(tmp_path):
    """A PATH on which every Python says that it is an old one."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    refused = make(tmp_path, "lesson-1", PATH=f"{tools}:/usr/bin:/bin")
    assert refused.returncode != 0
    assert "needs Python 3.11 or later, and there is none on the PATH. Name one: make" in refused.stderr
    refused = make(tmp_path, "lesson-1", f"PYTHON={tools}/python3")  # one that was named is not replaced in silence
    assert f"needs Python 3.11 or later, and {tools}/python3 is not one." in refused.stderr
    assert not (tmp_path / ".venv" / "made").exists()


def test_ctrl_c_ends_a_command_without_a_word_of_makes(tmp_path):
    """With a lesson that only waits, and ends as Python does."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\ntrap 'exit 130' INT\necho playing\nwhile :; do sleep 1; done\n")
    python.chmod(0o755)
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt", ".venv/made", ".venv/has-lessons"):
        (tmp_path / name).touch()
    played = subprocess.Popen(
        ["make", "lesson-1"],
        cwd=tmp_path,
        env=only_what_a_person_has(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # which a shell's background jobs ignore
    )
    with played:
        assert played.stdout.readline() == "playing\n"
        os.killpg(played.pid, signal.SIGINT)  # as a terminal does: to all of them
        assert played.communicate(timeout=60)[0] == ""


def test_notebook_3_opens_the_lesson_in_jupyterlab(tmp_path):
    url = opened_by_jupyterlab(tmp_path)
    assert "/lab/tree/notebooks/03_retries.mine.ipynb?token=" in url


def opened_by_jupyterlab(folder: Path) -> str:
    """The address that `python -m lessons notebook 3` sends the browser to, once it answers there."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    (folder / "jupyter_server_config.json").write_text('{"ServerApp": {"allow_root": true}}')  # CI may be root
    # This browser only says what it was to open: a page of JupyterLab's, which holds the address.
    environment = {**os.environ, "BROWSER": "echo", "JUPYTER_CONFIG_DIR": str(folder), "JUPYTER_RUNTIME_DIR": str(folder)}
    output, terminal = pty.openpty()
    command = [sys.executable, "-m", "lessons", "notebook", "3"]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=terminal, stderr=terminal, start_new_session=True)
    os.close(terminal)
    late = threading.Timer(120, os.killpg, (server.pid, signal.SIGKILL))
    late.start()
    said = ""
    try:
        while not (page := re.search(r"file://(\S+file-to-run\S+\.html)", said)):
            said += os.read(output, 4096).decode(errors="replace")
        (url,) = re.findall(r'href="([^"]+)"', Path(page[1]).read_text(encoding="utf-8"))
        while True:
            try:
                with urllib.request.urlopen(url, timeout=30) as answer:
                    assert "jupyter" in answer.read().decode().lower()
                return url
            except urllib.error.URLError:  # it opens the browser a moment before it listens
                if server.poll() is not None:
                    raise
                time.sleep(0.05)
    except OSError:  # the terminal is closed, or nothing listens any more: the server has ended
        pytest.fail(f"JupyterLab did not start:\n{said}")
    finally:
        late.cancel()
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        os.close(output)
