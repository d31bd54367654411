"""What runs in the process that a lesson has something done in. See `forks`.

Each line of its standard input asks for something, a fork of this process does it, and a line on the standard output says
how it ended.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import minijobs
from lessons import kit  # noqa: F401  once, before there are forks
from lessons.kit.statements import BEFORE, Statement, statements_of

# What a lesson has done takes a moment. What takes so long never ends. Seconds.
LONGEST = 30


class Killed:
    """A trace function: it kills this process when so many lines of a function of a file have run.

    A statement counts as one line, however many it is written on. `tell` is called with the one that ran last.
    """

    def __init__(self, file: str, function: str, after: int, tell: Callable[[str], object]) -> None:
        self._file, self._function, self._left, self._tell = file, function, after, tell
        self._statements = statements_of(Path(file).read_text(encoding="utf-8"), function)
        self._running: Statement | None = None

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        return self._local if (code.co_filename, code.co_name) == (self._file, self._function) else None

    def _local(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event not in ("line", "return"):
            return self._local
        begins = self._statements.get(frame.f_lineno) if event == "line" else None
        if begins and begins is self._running and not begins.repeats:
            return self._local  # another line of the same
        if self._left <= 0:
            self._tell(self._running.text if self._running else BEFORE)
            os.kill(os.getpid(), signal.SIGKILL)
        self._left, self._running = self._left - 1, begins
        return self._local


def do(
    file: str,
    function: str,
    args: list[Any],
    killed_after: int | None,
    identity: str,
    environment: dict[str, str],
    tell: Callable[[str], object],
) -> str:
    """Do it, in this process. Returns how it ended; if it is killed, `tell` says after what."""
    os.environ.update(environment)
    minijobs.connect()
    module = importlib.import_module(Path(file).stem)
    if killed_after is not None:
        sys.settrace(Killed(str(module.__file__), function or "perform", killed_after, tell))
    if function:
        return repr(getattr(module, function)(*args))
    outcome = minijobs.Processor(minijobs.Fetcher("default", identity=identity)).process_one()
    return outcome.name if outcome else "nothing to run"


def in_a_fork(asked: dict[str, Any]) -> dict[str, str]:
    """Have it done in a copy of this process. Returns what that printed, and how it ended."""
    printed, prints = os.pipe()
    returned, returns = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(LONGEST)
            os.dup2(prints, 1)
            os.dup2(prints, 2)
            ended = do(**asked, tell=lambda line: os.write(returns, line.encode()))
            os.write(returns, ended.encode())
        except BaseException as error:
            os.write(returns, f"{type(error).__name__}: {error}".encode())
        finally:
            sys.stdout.flush()
            os._exit(0)
    os.close(prints)
    os.close(returns)
    with open(printed, encoding="utf-8", errors="replace") as lines, open(returned, encoding="utf-8") as end:
        told = {"printed": lines.read(), "ended": end.read()}
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code >= 0:
        return {**told, "after": ""}
    return {**told, "after": told["ended"], "ended": f"killed by {signal.Signals(-code).name}"}


def main() -> None:
    """Do what is asked for, until nobody asks any more."""
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever prints by itself is no answer
    sys.path.insert(0, str(Path.cwd()))
    for line in sys.stdin:
        told = in_a_fork(json.loads(line))
        try:
            print(json.dumps(told), file=reply, flush=True)
        except BrokenPipeError:  # the lesson has ended meanwhile
            return


if __name__ == "__main__":
    main()
