"""What a lesson with processes has beside it: a Redis server, a folder with files, worker processes.

All of it ends with the lesson, however that ends: see `leash`.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from . import redis_server
from .leash import Leash
from .show import Shown

if TYPE_CHECKING:
    from .forks import Ended, Forks
    from .running import Running
    from .worker_process import WorkerProcess


class Beside:
    """The folder and the server of a lesson, and what it starts later. Raises NoRedis.

    The server is that of REDIS_URL, or one of the lesson's own. Your process can import the files in the folder, too.
    """

    def __init__(self) -> None:
        self.running: list[Running] = []
        self.workers: list[WorkerProcess] = []  # those of them that are worker processes
        self.forks: Forks | None = None
        self.to_be_killed: Ended | None = None  # how the last process ended that was to be killed after some lines
        self.identities: set[str] = set()  # of processes that ran a job for this lesson
        self.where = ""  # the server, in words; empty if REDIS_URL names it
        self._written: dict[str, list[list[str]]] = {}  # the versions of each file
        self._ends = ExitStack()
        self.leash = Leash()
        self._ends.callback(self.leash.let_go)
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="minijobs-lesson-")).resolve()
            self.leash.hold("folder", str(self.folder))
            self._ends.callback(shutil.rmtree, self.folder, ignore_errors=True)
            self._hidden = [f"{self.folder}/"]  # in what is shown
            sys.path.insert(0, str(self.folder))
            self._ends.callback(self._leave_the_path)
            self.url = redis_server.given() or self._server()
        except BaseException:
            self.end()
            raise

    def _server(self) -> str:
        server = redis_server.own(self.leash, "lesson")
        self._ends.callback(server.stop)
        self.where = "a server, started for this lesson"
        self._hidden += [f"{Path(server.folder).resolve()}/", f"{server.folder}/"]
        return server.url

    def _leave_the_path(self) -> None:
        sys.path[:] = [folder for folder in sys.path if folder != str(self.folder)]

    def short(self, line: str) -> str:
        """The line without the names of folders that another run would not have."""
        for folder in self._hidden:
            line = line.replace(folder, "")
        return line

    def stop_all(self) -> None:
        """End all programs at once, in the middle of whatever they do."""
        with ExitStack() as all_of_them:
            for program in self.running:
                all_of_them.callback(program.kill)

    def ends_too(self, end: Callable[[], object]) -> None:
        """Call `end` when the lesson ends."""
        self._ends.callback(end)

    def end(self) -> None:
        """Leave no process, no port and no file. Whatever goes wrong with one of them, the others are gone."""
        with self._ends:
            self.stop_all()

    def write(self, name: str, text: str) -> Written:
        """Write a file into the folder. Returns what has changed in it."""
        (self.folder / name).write_text(text.lstrip("\n").rstrip() + "\n", encoding="utf-8")
        importlib.invalidate_caches()  # Python may have looked into this folder a moment ago
        lines = (self.folder / name).read_text(encoding="utf-8").splitlines()
        versions = self._written.setdefault(name, [])
        if not versions or versions[-1] != lines:
            versions.append(lines)
        return Written(name, versions[-2] if len(versions) > 1 else None, lines)


class Written(Shown):
    """A file that was written: the lines that are new in it, marked with +, and those that are gone, with -."""

    def __init__(self, name: str, before: list[str] | None, now: list[str]) -> None:
        self.name, self.before, self.now = name, before, now

    def lines(self) -> list[str]:
        if self.before is None:
            return [f"+ {self.name}, a new file of {len(self.now)} lines"]
        gone = [f"- {line}" for line in self.before if line not in self.now]
        return [f"~ {self.name}", *gone, *(f"+ {line}" for line in self.now if line not in self.before)]


def write(name: str, text: str) -> Written:
    """Write a file into the folder of this lesson, as an editor would. Returns what has changed in it."""
    from . import session

    return session.beside().write(name, text)
