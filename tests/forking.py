"""Checks of many answers, without starting Python for each.

Half of the second that a check takes is the import of pytest, the library and the kit. A process that has imported all of it
forks for each check; everything else is as in a process of its own: its directory, environment, output and exit code. A few
answers are checked the ordinary way as well, so that the two cannot drift apart.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

# What a check imports.
IMPORTED = (
    *("pytest", "fakeredis", "hypothesis", "simpy"),
    *("lessons.kit", "lessons.course.witness", "lessons.course.rejection", "lessons.course.telling"),
)


class Forked:
    """A process that the server forked: what `subprocess.Popen` is, as far as a check needs it."""

    def __init__(self, address: str, command: Sequence[str], *, cwd: Any, env: dict[str, str], **_: Any) -> None:
        assert list(command[1:3]) == ["-m", "pytest"]
        ours, theirs = os.pipe()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.connect(address)
        socket.send_fds(self._socket, [json.dumps([command[3:], str(cwd), env]).encode()], [theirs])
        os.close(theirs)
        self.pid = int(self._socket.recv(64))
        self.stdout = os.fdopen(ours, "rb")

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended. Returns its exit code, or minus the signal. Raises TimeoutExpired."""
        self._socket.settimeout(timeout)
        try:
            code = int(self._socket.recv(64))
        except TimeoutError:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0) from None
        self._socket.close()
        return code

    def kill(self) -> None:
        """Kill it."""
        os.kill(self.pid, signal.SIGKILL)


@contextmanager
def checks(folder: Path) -> Iterator[Callable[..., Any]]:
    """What starts the process of a check: a fork of one that has imported everything, where the system can wait for it."""
    if hasattr(os, "pidfd_open"):
        with server(folder, *IMPORTED) as fork:
            yield fork
    else:
        yield subprocess.Popen


@contextmanager
def server(folder: Path, *modules: str) -> Iterator[Callable[..., Any]]:
    """A server that has imported `modules`. Gives what takes the place of `subprocess.Popen`."""
    address = str(folder / "forks")
    process = subprocess.Popen([sys.executable, __file__, address, *modules], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), "the server of forks did not start"
        yield lambda command, **how: Forked(address, command, **how)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _serve(address: str, modules: Sequence[str]) -> None:
    for module in modules:
        importlib.import_module(module)
    for name in importlib.import_module("_pytest.config").default_plugins:
        importlib.import_module(f"_pytest.{name}")
    importlib.import_module("fakeredis").FakeServer()  # the first one reads all that is known of Redis's commands
    gc.freeze()  # what has been imported stays: no check need look through it for garbage
    waiting = selectors.DefaultSelector()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(16)
        waiting.register(listening, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in waiting.select():
                if key.data is None:
                    _fork(listening, waiting)
                else:  # a child has ended
                    waiting.unregister(key.fd)
                    os.close(key.fd)
                    pid, asked = key.data
                    with suppress(BrokenPipeError), asked:
                        asked.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


def _fork(listening: socket.socket, waiting: selectors.BaseSelector) -> None:
    asked, _ = listening.accept()
    request, (output, *_), _, _ = socket.recv_fds(asked, 1 << 20, 1)
    pid = os.fork()
    if pid == 0:
        listening.close()
        asked.close()
        _be_pytest(*json.loads(request), output)
    os.close(output)
    asked.send(str(pid).encode())
    waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, asked))


def _be_pytest(words: list[str], folder: str, environment: dict[str, str], output: int) -> NoReturn:
    """Be what `python -m pytest` would be with these words. Ends the process as Python ends, with its atexit functions."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = bool(environment.get("PYTHONDONTWRITEBYTECODE"))
    sys.path[0] = folder
    sys.argv = ["pytest", *words]
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, theirs in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(ours, theirs)
    # Streams of its own: those of the server remember what kind of file was behind them.
    sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
    sys.exit(importlib.import_module("pytest").console_main())


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2:])
