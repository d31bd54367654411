"""What the tests of the lessons share: a lesson at work, a copy of the course, a terminal with somebody in front of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py
from terminals import DEADLINE, ROOT, Terminal, surroundings

from lessons.kit import mail, session, stage
from lessons.kit.timeline import clear
from minijobs import Worker, worker


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
        junk = shutil.ignore_patterns(".progress.*", "exercise.kept-*", "app.kept-*")
        shutil.copytree(ROOT / "lessons", folder / "lessons", ignore=junk)
        shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
        shutil.copy(ROOT / "pyproject.toml", folder)
        for stub in folder.glob("lessons/lesson_*/stub.py"):
            shutil.copyfile(stub, stub.with_name("exercise.py"))
        for stub in folder.glob("lessons/lesson_*/stub/"):
            shutil.rmtree(stub.with_name("app"))
            shutil.copytree(stub, stub.with_name("app"))
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


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    """`python -m lessons …` in a copy of the course, in a terminal with somebody in front of it."""
    opened: list[Terminal] = []

    def open_one(folder: Path, *words: str, **environment: str) -> Terminal:
        opened.append(
            Terminal([sys.executable, "-m", "lessons", *words], folder, surroundings(**{"TERM": "xterm", **environment}))
        )
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
