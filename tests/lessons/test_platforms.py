"""Where the lessons are taken: copies that cannot be written to, other letters, other terminals, no make, Windows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv

import pytest
from terminals import ROOT, surroundings

from lessons import install
from lessons.course import catalogue, console
from lessons.course.progress import AT_HOME

REFUSED = "cannot be written: "


# A copy that cannot be written to.


@pytest.fixture
def read_only(copied, tmp_path):
    """`python -m lessons …` in a copy that cannot be written to, and whose exercise 1 has been worked on."""
    folder = copied()
    exercise = folder / "lessons" / "lesson_01_the_wait" / "exercise.py"
    exercise.write_text(exercise.read_text() + "# mine\n")
    alone = []
    if os.geteuid() == 0:  # root may write in spite of its mode
        mount = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && cd "$0" && exec "$@"'
        alone = ["unshare", "--mount", "sh", "-c", mount, str(folder)]
        if subprocess.call([*alone, "true"], stderr=subprocess.DEVNULL):
            assert os.environ.get("CI") != "true", "nothing can be made read-only here"
            pytest.skip("nothing can be made read-only here")
    else:
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)

    def type_(*words, home=tmp_path):
        command = [*alone, sys.executable, "-m", "lessons", *words]
        known = surroundings(HOME=str(home), LC_ALL="C.UTF-8")
        return subprocess.run(command, cwd=folder, env=known, input="", capture_output=True, text=True)

    yield type_
    subprocess.run(["chmod", "-R", "u+w", folder], check=True)


def test_where_nothing_can_be_written_progress_is_kept_at_home_and_says_so(read_only, tmp_path):
    played = read_only("play", "1")
    assert (played.returncode, played.stderr) == (0, "")
    said = "".join(played.stdout.split())  # a path may be broken anywhere
    assert f"cannotbewrittento.Soyourprogressiskeptin{tmp_path / AT_HOME}." in said
    assert json.loads((tmp_path / AT_HOME).read_text()) == {"1": {"played": True}}
    assert "Hint 1 of" in read_only("hint", "1").stdout
    assert "Hint 2 of" in read_only("hint", "1").stdout
    other = tmp_path / "somebody else"
    other.mkdir()
    for home, state in ((tmp_path, "played"), (other, "not played yet")):
        first, *_ = read_only("progress", home=home).stdout.splitlines()
        assert first.endswith(f"  {state}")
    refused = read_only("reset", "1", "--force")
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1
    assert REFUSED in refused.stderr


# Letters.


def test_a_path_with_other_letters_under_the_c_locale(copied, ask, tmp_path):
    folder = tmp_path / "Übung 日本 'x'"
    shutil.move(copied(), folder)
    played = ask(folder, "play", "1", LC_ALL="C", LANG="")
    assert played.returncode == 0, played.stderr
    assert "queue:default  list, 1 entry" in played.stdout
    shutil.copy(folder / "lessons/lesson_01_the_wait/solution.py", folder / "lessons/lesson_01_the_wait/exercise.py")
    checked = ask(folder, "check", "1", LC_ALL="C", LANG="")
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_what_is_installed_there_is_found(tmp_path):
    """What pip writes is read in the encoding of the locale, which has no such letters."""
    folder = tmp_path / "Übung"
    (folder / "lessons").mkdir(parents=True)
    (folder / "lessons" / "__init__.py").touch()
    venv.create(folder / ".venv")
    python = folder / ".venv" / "bin" / "python"
    (packages,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    file = packages / "minijobs.pth"
    file.write_text(f"{folder}\n", encoding="utf-8")
    command = [python, "-c", "import lessons"]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
    as_pip_left_it = subprocess.run(command, cwd="/", env=environment, capture_output=True).returncode
    assert as_pip_left_it == 0 or sys.version_info < (3, 13)
    install.point_here(packages, folder)
    assert file.read_text(encoding="ascii") == "../../../..\n"
    assert subprocess.run(command, cwd="/", env=environment, capture_output=True).returncode == 0


# Terminals.


@pytest.mark.parametrize(("columns", "widest"), [(40, 40), (200, 96)])
def test_what_a_lesson_says_fits_a_narrow_terminal_and_does_not_fill_a_wide_one(capsys, monkeypatch, columns, widest):
    monkeypatch.setenv("COLUMNS", str(columns))
    for cell in catalogue.lesson(1).in_terminal():
        (console.code if cell.kind == "code" else console.prose)(cell.source)
    said = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert widest - 2 <= max(map(len, said)) <= widest


def test_a_terminal_that_can_do_nothing_gets_plain_text(copied, terminal):
    shown = terminal(copied(), "play", "1", TERM="dumb", NO_COLOR="")
    shown.until("go on")
    shown.type("q\n")
    assert shown.ended() == 0
    assert "\x1b" not in shown.raw


def test_who_wants_no_colour_gets_none(copied, terminal):
    shown = terminal(copied(), "play", "1", NO_COLOR="1")
    shown.until("go on")
    shown.type("q\n")
    shown.ended()
    codes = {code for found in console.re.findall(r"\x1b\[([\d;]*)m", shown.raw) for code in found.split(";")}
    assert not {code for code in codes if code.startswith(("3", "4", "9", "10")) and code not in ("3", "4", "9")}


# Without make.


def test_without_make_no_text_of_a_lesson_names_it(monkeypatch):
    texts = [cell.source for one in catalogue.lessons() for cell in one.cells() if cell.kind == "markdown"]
    texts += [hint for one in catalogue.lessons() for hint in one.hints()]
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *more, **other: None if name == "make" else real(name, *more, **other))
    named = [line for text in texts for line in console.typed_here(text).splitlines() if "`make" in line or "make " in line]
    assert [line for line in named if console.re.search(r"`make |make [a-z]+-\d", line)] == []
    assert "`python -m lessons check 1`" in console.typed_here("\n".join(texts))


def test_the_exercise_says_both_ways_to_check_it():
    for one in catalogue.lessons():
        if one.is_an_application:
            continue  # its files are those of an application; the lesson says it
        text = " ".join(one.stub.read_text(encoding="utf-8").split())
        assert f"make check-{one.number}" in text
        assert f"python -m lessons check {one.number}" in text


# Other Pythons, and Windows.


@pytest.mark.parametrize("module", ["lessons", "lessons.app", "lessons.install"])
def test_a_python_that_is_too_old_is_told_in_a_sentence(module):
    code = f"import runpy, sys; sys.version_info = (3, 9, 18, 'final', 0); runpy.run_module('{module}', run_name='__main__')"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr == "The lessons need Python 3.11 or later, and this is 3.9.\n"


LIKE_WINDOWS = """
import os, signal, sys, threading
import aiosmtpd.controller, asyncio, fakeredis, pytest, redis, rich.console, rich.markdown, subprocess, tempfile

for name in ("fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"):
    sys.modules[name] = None
for module, names in ((signal, "SIGHUP SIGTSTP SIGTTIN pthread_sigmask alarm"),
                      (os, "fork register_at_fork getuid geteuid uname killpg setsid getloadavg sched_getaffinity")):
    for name in names.split():
        if hasattr(module, name):
            delattr(module, name)

import minijobs
from minijobs import cli
from lessons.__main__ import main

minijobs.connect(fakeredis.FakeRedis())
server = minijobs.Server("default", concurrency=1)
server.handle_signals()
threading.Timer(0.1, signal.raise_signal, [signal.SIGTERM]).start()
assert server.run() == 0 and server.asked_to_end
for words in sys.argv[1].split(","):
    print(words, main(words.split()), file=sys.stderr)
"""


def test_nothing_needs_what_windows_lacks(copied):
    """A Python without the modules, functions and signals that Windows' has not got. The rest is for the workflow to try."""
    folder = copied()
    words = "play 1,hint 1,solution 1 --force,reset 1,progress"
    run = subprocess.run(
        [sys.executable, "-c", LIKE_WINDOWS, words], cwd=folder, env=surroundings(), input="", capture_output=True, text=True
    )
    assert run.stderr.splitlines() == [f"{one} 0" for one in words.split(",")]


# Versions of Python.


def test_several_threads_can_read_answers_at_a_time():
    # Before 3.11.5, parsing fails if another thread begins to parse meanwhile; here threads switch in the middle of it.
    program = """
import gc, time
from concurrent.futures import ThreadPoolExecutor
from lessons.course import catalogue

gc.callbacks.append(lambda *_: time.sleep(0))
gc.set_threshold(50)
stub = catalogue.lesson(9).stub
with ThreadPoolExecutor(4) as pool:
    print(*set(pool.map(lambda _: catalogue.unreadable(stub), range(40))))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.stderr) == ("\n", "")
