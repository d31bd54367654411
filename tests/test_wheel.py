"""The package as a user of the library installs it: built, and tried in fresh environments, far from this checkout."""

from __future__ import annotations

import email
import os
import re
import shlex
import subprocess
import sys
import threading
import time
import venv
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis as redis_py

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SOON = 60  # seconds, on a busy machine

WORKERS = """
import minijobs

class SendGifToUserWorker(minijobs.Worker):
    def perform(self, email):
        print(f"mailing {email}\\n", end="", flush=True)  # one piece, or a line of the log may come in between
"""


class Environment:
    """A fresh environment of Python's, and a folder of its user's with a file of Workers in it."""

    def __init__(self, folder: Path, wheel: str, url: str) -> None:
        venv.create(folder / "venv")  # without pip: ours installs into it
        self.python = folder / "venv" / "bin" / "python"
        self.folder = folder / "project"
        self.folder.mkdir()
        (self.folder / "my_workers.py").write_text(WORKERS)
        ours = ("VIRTUAL_ENV", "PYTHONPATH", "REDIS_URL", "PYTHONDONTWRITEBYTECODE", "MINIJOBS_WEB_PASSWORD")
        known = {name: value for name, value in os.environ.items() if name not in ours}
        self.environment = {**known, "REDIS_URL": url, "PYTHONUNBUFFERED": "1"}
        self.pip(f"pip install {shlex.quote(wheel)}")

    def pip(self, words: str) -> None:
        """A command of pip's, as it is typed where this environment is active."""
        pip, verb, *rest = shlex.split(words)
        assert (pip, verb) == ("pip", "install")
        if uv := os.environ.get("UV"):  # CI has it, and it takes a quarter of the time
            command = [uv, "pip", "install", "--quiet", "--python", str(self.python), *rest]
        else:
            quietly = ["--quiet", "--disable-pip-version-check", "--no-compile"]
            command = [sys.executable, "-m", "pip", "--python", str(self.python), "install", *rest, *quietly]
        run = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr

    def start(self, words: str) -> subprocess.Popen[str]:
        """A command, as it is typed where this environment is active. Its errors are among what it prints."""
        program, *rest = shlex.split(words)
        assert program == "python"
        pipe = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen([str(self.python), *rest], cwd=self.folder, env=self.environment, text=True, **pipe)

    def run(self, words: str) -> str:
        """What it prints, if all goes well."""
        process = self.start(words)
        printed, _ = process.communicate(timeout=SOON)
        assert process.returncode == 0, f"{words}: {printed}"
        return printed

    def until(self, words: str, awaited: str) -> str:
        """What it prints until a line matches; then it is stopped, and must end well."""
        with self.start(words) as process:
            late = threading.Timer(SOON, process.kill)  # or a line that never comes would be waited for
            late.start()
            printed = ""
            while not re.search(awaited, printed):
                line = process.stdout.readline()
                assert line, f"{words} ended: {printed}"
                printed += line
            late.cancel()
            process.terminate()  # not INT, which a shell's background jobs ignore
            printed += process.communicate(timeout=SOON)[0]
            assert process.returncode in (0, 143), f"{words}: {printed}"
        return printed

    def told_to_install(self, words: str) -> str:
        """The command that it names instead of doing what it should."""
        printed = self.start(words).communicate(timeout=SOON)[0]
        (command,) = re.findall(r"(pip install .+)", printed)
        return command


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    run = subprocess.run([sys.executable, "-m", "pip", *build], cwd=folder, capture_output=True, text=True)
    if run.returncode and os.environ.get("CI") != "true":
        pytest.skip("pip could not build the package here: that needs a network")
    assert run.returncode == 0, run.stdout + run.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture
def fresh(tmp_path: Path, wheel: Path, real_redis_url: str):
    """Makes a fresh environment with the package in it, and an extra if one is named."""
    return lambda extra="": Environment(tmp_path, f"{wheel}{extra}", real_redis_url)


def in_readme(verb: str) -> str:
    """The README's command that has this verb."""
    (found,) = re.findall(rf"^(python -m minijobs {verb}\b[^#\n]*?) *(?:#.*)?$", README, re.MULTILINE)
    return found


def test_the_wheel_holds_the_library_and_says_what_it_is(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = opened.namelist()
        about = next(name for name in names if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(opened.read(about))
    assert {name.split("/")[0] for name in names} == {"minijobs", about.split("/")[0]}
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "minijobs").rglob("*") if path.is_file()}
    assert {name for name in names if name.startswith("minijobs/")} == {name for name in there if "__pycache__" not in name}
    assert "minijobs/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)
    assert metadata["License-Expression"] == "MIT"
    assert set(metadata.get_all("Provides-Extra")) == {"web", "reload", "fast"}
    assert [line for line in metadata.get_all("Requires-Dist") if "extra ==" not in line] == ["redis>=8.1,<9"]


def test_the_commands_of_the_readme_need_nothing_else(fresh, real_redis_url: str) -> None:
    user = fresh()
    user.run("python -c \"import my_workers; my_workers.SendGifToUserWorker.perform_async('ada')\"")
    assert "default" in user.run(in_readme("queues"))
    user.until(in_readme("worker"), "mailing ada")
    assert "processed" in user.run(in_readme("stats"))
    user.run(in_readme("retry list"))
    user.run(in_readme("new"))
    assert (user.folder / "workers" / "send_gif_to_user_worker.py").exists()
    with ThreadPoolExecutor(1) as pool, redis_py.Redis.from_url(real_redis_url) as redis:
        seen = pool.submit(user.until, in_readme("monitor"), r"(?i)lpush\W+seen")
        while not seen.done():
            redis.lpush("seen", "a job")
            time.sleep(0.05)
        assert seen.result()


@pytest.mark.parametrize(
    ("words", "awaited"),
    [
        (f"{in_readme('web')} --port 0", r"The dashboard of Redis at .+ is at http://127\.0\.0\.1:\d+/"),
        (f"{in_readme('worker')} --reload", "Workers: SendGifToUserWorker"),
    ],
    ids=["web", "reload"],
)
def test_what_is_missing_is_named_with_the_command_that_installs_it(fresh, words: str, awaited: str) -> None:
    user = fresh()
    user.pip(user.told_to_install(words))
    user.until(words, awaited)


def test_with_the_extra_fast_replies_are_read_in_c_and_jobs_run(fresh) -> None:
    user = fresh("[fast]")
    assert user.run('python -c "import redis.connection as c; print(c.DefaultParser.__name__)"') == "_HiredisParser\n"
    user.run("python -c \"import my_workers; my_workers.SendGifToUserWorker.perform_async('ada')\"")
    user.until(in_readme("worker"), "mailing ada")
