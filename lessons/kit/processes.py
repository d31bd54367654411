"""Starting a program so that it ends: when it is told to, and when we are killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from .leash import Leash

PATIENCE = 10  # seconds that a program has to end after it was told to
REMEMBERED = 8  # of its last lines
LAST_LINES_WITHIN = 5  # seconds after its end, on a busy machine


class Program:
    """A program that runs beside us, in `folder`. Each line that it prints is handed to `on_line`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        leash: Leash,
        on_line: Callable[[str], object] = bool,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = name
        self.last_lines: deque[str] = deque(maxlen=REMEMBERED)
        self._leash = leash
        self._on_line = on_line
        self._popen = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,  # a Ctrl-C in the terminal is for us; we stop it in our order
        )
        self.pid = self._popen.pid
        leash.hold("process", self.pid)
        self._reader = threading.Thread(target=self._read, name=f"reads {name}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._popen.stdout:  # type: ignore[union-attr]
            self.last_lines.append(line.rstrip("\n"))
            with contextlib.suppress(
                Exception
            ):  # if nobody read on, the program would stand still as soon as the pipe is full
                self._on_line(line.rstrip("\n"))

    def code(self) -> int | None:
        """Its exit code; None while it runs."""
        return self._popen.poll()

    def died(self) -> str | None:
        """Why it ended, with its last lines; None while it runs."""
        code = self.code()
        if code is None:
            return None
        self._reader.join(LAST_LINES_WITHIN)
        how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        said = "".join(f"\n    {line}" for line in self.last_lines)
        return f"{self.name} (process {self.pid}) ended by itself, {how}." + (f" Its last lines:{said}" if said else "")

    def signal(self, number: int) -> None:
        """Send it a signal. One that has ended does not hear it."""
        self._popen.send_signal(number)

    def wait(self, seconds: float) -> bool:
        """Whether it ends within so many seconds; then all that it printed has been handed over."""
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._end()
        return True

    def kill(self) -> None:
        """End it in the middle of whatever it does. It hears nothing of it."""
        self._popen.kill()
        self._end()

    def stop(self) -> None:
        """Ask it to end, and wait until it has; who does not listen is killed."""
        with contextlib.suppress(OSError):
            self._popen.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(PATIENCE)
        self.kill()

    def _end(self) -> None:
        self._popen.wait()
        self._leash.hold("gone", self.pid)
        self._reader.join(LAST_LINES_WITHIN)
        if not self._reader.is_alive():  # else something it started still holds the other end
            self._popen.stdout.close()  # type: ignore[union-attr]
