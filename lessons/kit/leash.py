"""Ends what a program started when that program is gone, however it went: even SIGKILL leaves no process and no file.

It is a process of its own that reads from its parent. When nothing more can be read, the parent has ended; whatever it has
not said goodbye to by then is killed, and deleted.

    process 1234        started
    gone 1234           ended, and waited for
    folder /tmp/x       made
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no SIGKILL


class Leash:
    """The parent's end of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", __file__],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal is for the parent
        )

    def hold(self, what: str, which: int | str) -> None:
        """Say that something was started, made, or is gone."""
        with suppress(OSError):
            self._process.stdin.write(f"{what} {which}\n")  # type: ignore[union-attr]
            self._process.stdin.flush()  # type: ignore[union-attr]

    def let_go(self) -> None:
        """All is stopped."""
        with suppress(OSError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()


def main() -> None:
    """The other end of it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # it ends with its parent, and not before
        if number := getattr(signal, name, None):
            signal.signal(number, signal.SIG_IGN)
    processes: set[int] = set()
    folders = []
    for line in sys.stdin:
        what, _, which = line.rstrip("\n").partition(" ")
        if what == "process":
            processes.add(int(which))
        elif what == "gone":
            processes.discard(int(which))
        elif what == "folder":
            folders.append(which)
    for pid in processes:
        with suppress(OSError):
            os.kill(pid, KILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
