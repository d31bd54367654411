"""What the tests of the lessons share: a lesson at work, a copy of the course, a terminal with somebody in front of it."""

from __future__ import annotations

import codecs
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from lessons.kit import mail, session, stage
from lessons.kit.timeline import clear
from minijobs import Worker, worker

ROOT = Path(__file__).parents[2]

# A lesson, a check or a kernel that hangs must fail a test, not stop the run. Seconds; none needs a tenth of it.
DEADLINE = 60


def surroundings(**more: str) -> dict[str, str]:
    """The environment of a process that a test starts: hurried, 80 columns wide, and this checkout's minijobs."""
    without = {"REDIS_URL", stage.PACE, "FORCE_COLOR", "MINIJOBS_CHECK_TELLS"}
    known = {name: value for name, value in os.environ.items() if name not in without}
    ours = {"COLUMNS": "80", "NO_COLOR": "1", "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", stage.PACE: "0.02"}
    return {**known, **ours, **more}


@pytest.fixture(autouse=True)
def _nobody_watches(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a lesson leaves in the process (who watches, a mail server, a session) is gone after the test."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setattr(stage, "watched", False)
    monkeypatch.setattr(mail, "_inbox", None)
    worker.registry.clear()  # what other tests have defined; tests/conftest.py puts it back
    clear()
    yield
    if mail._inbox is not None:
        mail._inbox.stop()
    session.end()


@pytest.fixture(params=["embedded", "real"])
def lesson(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> redis_py.Redis:
    """A lesson that has begun: once with the Redis embedded in this process, once on a real one. The looking client."""
    if request.param == "real":
        url = request.getfixturevalue("real_redis_url")
        redis_py.Redis.from_url(url).flushall()
        monkeypatch.setenv("REDIS_URL", url)
    client: redis_py.Redis = session.start()
    return client


@pytest.fixture
def gif() -> type[Worker]:
    """The Worker of the lessons, defined anew for each test. It does nothing."""

    class SendGifToUserWorker(Worker):
        def perform(self, email: str, thought: str) -> None: ...

    return SendGifToUserWorker


@pytest.fixture
def push(gif: type[Worker]) -> Callable[[], str | None]:
    """Pushes a job, the same each time, and gives back its jid."""
    return lambda: gif.perform_async("ada@example.com", "hello")


@pytest.fixture(scope="session")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """Makes copies of the course as it is handed out, for tests that play, check and reset: a learner's files are theirs."""

    def copy() -> Path:
        folder = tmp_path_factory.mktemp("course")
        junk = shutil.ignore_patterns("*.pyc", ".progress.*", "exercise.kept-*")
        shutil.copytree(ROOT / "lessons", folder / "lessons", ignore=junk)
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for stub in folder.glob("lessons/lesson_*/stub.py"):
            shutil.copyfile(stub, stub.with_name("exercise.py"))
        return folder

    return copy


@pytest.fixture(scope="session")
def ask() -> Callable[..., subprocess.CompletedProcess[str]]:
    """`python -m lessons …` in a copy of the course, with nobody at the terminal."""

    def run(folder: Path, *words: str, typed: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "lessons", *words]
        return subprocess.run(
            command,
            cwd=folder,
            env=surroundings(**environment),
            input=typed,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )

    return run


class Terminal:
    """A process with somebody in front of it, who reads what it prints and types."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str]) -> None:
        self.text = ""
        self._decoded = codecs.getincrementaldecoder("utf-8")("replace")  # a read may end in the middle of a letter
        self._read_to = 0
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)

    def until(self, *awaited: str) -> str:
        """Read until one of these words comes after all that was read before. Gives back which."""
        deadline = time.monotonic() + DEADLINE
        while True:
            new = self.text[self._read_to :]
            found = [(new.index(word) + len(word), word) for word in awaited if word in new]
            if found:
                self._read_to += min(found)[0]
                return min(found)[1]
            assert self._more(deadline), f"The process ended, and never said {awaited}:\n{new}"

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def ended(self) -> int:
        """Read to the end. Gives back the exit code."""
        deadline = time.monotonic() + DEADLINE
        while self._more(deadline):
            pass
        return self.process.wait(timeout=DEADLINE)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._ours)

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"Nothing more came within {DEADLINE} seconds:\n{self.text[-2000:]}"
        try:
            raw = os.read(self._ours, 65536)
        except OSError:  # Linux says so when the other end is closed
            return False
        self.text += re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", self._decoded.decode(raw)).replace("\r", "")
        return bool(raw)


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """`python -m lessons …` in a copy of the course, in a terminal with somebody in front of it."""
    opened: list[Terminal] = []

    def open_one(folder: Path, *words: str, **environment: str) -> Terminal:
        opened.append(Terminal([sys.executable, "-m", "lessons", *words], folder, surroundings(TERM="xterm", **environment)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


class Kernel:
    """A kernel, and a cell at a time run in it."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        path = os.pathsep.join([str(folder), str(ROOT)])
        known = surroundings(PYTHONPATH=path, PYTHONSTARTUP=str(folder / "lessons/course/startup.py"), **environment)
        from jupyter_client.manager import start_new_kernel

        self._manager, self._client = start_new_kernel(cwd=str(folder / "notebooks"), env=known, startup_timeout=DEADLINE)

    def run(self, source: str, cell_id: str | None = None) -> tuple[str, dict[str, str]]:
        """Run it. Returns what it printed, and all that it showed, by kind."""
        content = {"code": source, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        metadata = {"cellId": cell_id} if cell_id else {}
        asked = self._client.session.msg("execute_request", {**content, "stop_on_error": False}, metadata=metadata)
        self._client.shell_channel.send(asked)
        printed = ""
        shown: dict[str, str] = {}
        while True:
            message = self._client.get_iopub_msg(timeout=DEADLINE)
            if message["parent_header"].get("msg_id") != asked["header"]["msg_id"]:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                printed += content["text"]
            elif kind in ("execute_result", "display_data"):
                shown |= content["data"]
            elif kind == "error":
                printed += f"{content['ename']}: {content['evalue']}\n"
            elif kind == "status" and content["execution_state"] == "idle":
                return printed, shown

    def progress(self) -> dict[str, dict[str, Any]]:
        """What was noted of the lessons."""
        file = self.folder / "lessons" / ".progress.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def close(self) -> None:
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)


@pytest.fixture(scope="module")
def open_kernel() -> Iterator[Callable[..., Kernel]]:
    """A kernel in a copy of the course, as JupyterLab starts one there."""
    opened: list[Kernel] = []

    def open_one(folder: Path, **environment: str) -> Kernel:
        opened.append(Kernel(folder, **environment))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


def everything(url: str) -> dict[tuple[int, bytes], bytes]:
    """All that a server holds, byte for byte: what Redis itself would write into a backup, by database and key."""
    held = {}
    for number in range(16):
        with redis_py.Redis.from_url(url, db=number) as client:
            held |= {(number, name): client.dump(name) for name in client.scan_iter()}
    return held


@pytest.fixture
def server(real_redis_url: str) -> Iterator[Any]:
    """A real Redis with nothing in it, as a test of what a lesson leaves there needs it."""

    class Server:
        url = real_redis_url

        def database(self, number: int) -> redis_py.Redis:
            return redis_py.Redis.from_url(real_redis_url, db=number)

        def everything(self) -> dict[tuple[int, bytes], bytes]:
            return everything(real_redis_url)

    with redis_py.Redis.from_url(real_redis_url) as client:
        client.flushall()
        yield Server()
        session.end()
        client.flushall()
