"""Other libraries, each in an environment of its own, so that nothing that they need stands in the way of this project.

An environment is made when it is first needed, into a folder that git ignores, and kept. That needs pip and a package
registry: without them, what should run there says so and does nothing.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from . import session
from .processes import Program
from .session import ROOT
from .stage import wait_until

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FOLDER = "MINIJOBS_OTHERS"  # names another folder for the environments: one that several copies of the course share
MAKING_TAKES = 300  # seconds at most

# Django's own tasks came with Django 6, which needs Python 3.12. Before that they are a package.
OWN_TASKS = sys.version_info >= (3, 12)
DJANGO = ("django>=6,<7", "django-tasks-db==0.13.0") if OWN_TASKS else ("django>=5.2,<6", "django-tasks-db[compat]==0.13.0")
PACKAGES = {"celery": ("celery[redis]==5.7.0",), "django": DJANGO}

# How each of them learns of its settings: environment variables, given the address of the lesson's Redis.
SETTINGS: dict[str, Callable[[str], dict[str, str]]] = {
    "celery": lambda url: {"BROKER_URL": broker(url)},
    "django": lambda url: {"DJANGO_SETTINGS_MODULE": "settings"},
}

# The keys that Celery makes.
BINDINGS = {f"_kombu.{name}" for name in ("binding_deadlines", "binding.celery.pidbox", "binding.celeryev")}
KEYS = {"celery", "unacked", "unacked_index", "unacked_mutex", "_kombu.binding_permanent.celery", "_kombu.binding.celery"}

# In what they print: moments, and ids.
PREFIX = re.compile(r"^\[\d{4}-\d\d-[^\]]*\] ")
UUID = re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
TOOK = re.compile(r" in \d[\d.e-]*s\b")


class Elsewhere:
    """The environment of a library, by its name: a key of PACKAGES. `why` says why there is none, if so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = Path(os.environ.get(FOLDER) or ROOT / ".others") / name
        self.why = ""
        try:
            self._make()
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
            self.why = said[-1] if said else type(error).__name__

    def run(self, words: str, *, only: str = "") -> None:
        """Run a command of the environment in the lesson's folder, and show what it prints; `only` what grep would find."""
        print(f"$ {words}", flush=True)
        if self.why:
            print(f"(not run: there is no environment for {self.name})")
            return
        command = self._command(words)
        ran = subprocess.run(command, env=self._environment(), cwd=session.beside().folder, capture_output=True, text=True)
        self._show(ran.stdout + ran.stderr, only if not ran.returncode else "")

    def run_until(self, words: str, pattern: str, *, only: str = "") -> None:
        """Start a command that does not end by itself, stop it when it has printed a line with `pattern`, and show it."""
        print(f"$ {words}", flush=True)
        if self.why:
            print(f"(not run: there is no environment for {self.name})")
            return
        lines: list[str] = []
        beside = session.beside()
        program = Program(self.name, self._command(words), beside.leash, lines.append, self._environment(), beside.folder)
        with suppress(TimeoutError):
            wait_until(lambda: program.code() is not None or any(re.search(pattern, line) for line in lines))
        found = any(re.search(pattern, line) for line in lines)
        program.stop()
        self._show("\n".join(lines), only if found else "")

    def _show(self, printed: str, only: str) -> None:
        for line in printed.splitlines():
            short = UUID.sub("…", TOOK.sub("", PREFIX.sub("", session.beside().short(line))))
            if re.search(only, short):
                print(short, flush=True)

    def _command(self, words: str) -> list[str]:
        program, *rest = shlex.split(words)
        return [str(self._place(program)), *rest]

    def _place(self, program: str) -> Path:
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / program

    def _environment(self) -> dict[str, str]:
        url, _, will_make = session.database()
        will_make(KEYS | BINDINGS)
        without = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        inherited = {name: value for name, value in os.environ.items() if name not in without}
        ours = {"PYTHONPATH": str(session.beside().folder), "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        return {**inherited, **ours, **SETTINGS[self.name](url)}

    def _make(self) -> None:
        """Make the environment, unless it is there."""
        wanted = "\n".join([*PACKAGES[self.name], sys.version])
        done = self.folder / "installed"
        with _alone(self.folder.with_suffix(".lock")):
            if done.exists() and done.read_text(encoding="utf-8") == wanted:
                return
            shutil.rmtree(self.folder, ignore_errors=True)
            import venv  # the Python of a browser has none

            venv.create(self.folder, symlinks=os.name != "nt")
            pip = [sys.executable, "-m", "pip", "--python", str(self._place("python")), "--disable-pip-version-check"]
            install = [*pip, "install", "--quiet", *PACKAGES[self.name]]
            subprocess.run(install, check=True, capture_output=True, text=True, timeout=MAKING_TAKES)
            done.write_text(wanted, encoding="utf-8")

    def __repr__(self) -> str:
        if self.why:
            return f"There is no environment for {self.name}: {self.why} What should run there is left out."
        return f"An environment of its own, with {' and '.join(PACKAGES[self.name])}."


def elsewhere(name: str) -> Elsewhere:
    """The environment of "celery" or "django". The first time it is made, which takes half a minute."""
    return Elsewhere(name)


def broker(url: str) -> str:
    """The address of this Redis as Celery writes it.

    >>> broker("unix:///tmp/redis.sock?db=15"), broker("redis://localhost:6379?db=3")
    ('redis+socket:///tmp/redis.sock?virtual_host=15', 'redis://localhost:6379/3')
    """
    parts = urlsplit(url)
    database = parse_qs(parts.query).get("db", ["0"])[0]
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host={database}"
    return f"{parts.scheme}://{parts.netloc}/{database}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Meanwhile, no other process makes the same environment."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with open(lock, "w", encoding="utf-8") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
