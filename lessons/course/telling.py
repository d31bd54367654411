"""The pytest plugin of a check: it runs in the process of the tests and tells the one that waits what each test found."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from .rejection import Misconceptions, Rejected, StartsAProcess, place, said

# What an answer may take that does not end, or until it goes on: so much of a processor, or so long on the clock, and longer
# on a busy machine. Seconds.
MOST_CPU = 6.0
LONGEST = 40.0

# How often the clock is looked at. A look that comes much later than that counts as `LATEST`: the machine itself stood
# still, as a closed laptop does, and that says nothing about the answer. Seconds.
LOOK_EVERY = 0.05
LATEST = 0.5

# What would start another process. The check watches this one.
STARTS_A_PROCESS = (
    "os.fork",
    "os.forkpty",
    "os.system",
    "os.posix_spawn",
    "os.spawn",
    "os.exec",
    "subprocess.Popen",
    "pty.spawn",
)

_current: dict[str, Any] = {}
_went_on = threading.Event()  # a part of the check has ended


def pytest_configure(config: pytest.Config) -> None:
    answer = config.getoption("--answer")
    if sys.platform != "emscripten":  # in a browser, the page ends it
        threading.Thread(target=_end_what_never_ends, args=(answer, threading.main_thread().ident), daemon=True).start()
    sys.addaudithook(_no_processes)


def pytest_runtest_logstart(nodeid: str) -> None:
    _current["told"] = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    report = yield
    if call.excinfo is not None and not _current["told"]:
        _current["told"] = True
        _tell(event="end", requirement=_requirement(item), reason=_in_words(call.excinfo.value, item))
    elif call.when == "teardown" and not _current["told"]:
        _tell(event="end", requirement=_requirement(item), reason="")
    return report


def pytest_runtest_setup(item: pytest.Item) -> None:
    _tell(event="begin", requirement=_requirement(item))


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: Any) -> Iterator[Any]:
    """When all has been seen, tell which misconceptions there is evidence for, told to the learner or not."""
    value = yield
    if fixturedef.argname == "seen":
        tables = [table for table in vars(request.module).values() if isinstance(table, Misconceptions)]
        _tell(event="holding", rows={name: why for table in tables for name, why in table.holding(value).items()})
    return value


def goes_on() -> None:
    """A part of the check has ended. One that has many of them calls this after each: only one that hangs is ended."""
    _went_on.set()


def _tell(**what: Any) -> None:
    with open(os.environ["MINIJOBS_CHECK_TELLS"], "a", encoding="utf-8") as told:
        told.write(json.dumps(what) + "\n")


def _requirement(item: pytest.Item) -> str:
    """The first line of the test's docstring: what an answer must do."""
    return (getattr(item, "obj", item).__doc__ or item.name).strip().splitlines()[0]


def _in_words(error: BaseException, item: pytest.Item) -> str:
    if isinstance(error, Rejected):
        return str(error)
    answer = Path(item.config.getoption("--answer"))
    at = place(error, answer)
    return f"Your code raised {said(error, answer)}\n{'at ' + at if at else ''}".strip()


def _no_processes(event: str, arguments: Any) -> None:
    if event in STARTS_A_PROCESS and _line_of(sys._getframe(1), os.environ.get("MINIJOBS_CHECK_OF", "")):
        raise StartsAProcess("Your code starts a process, and nothing in this exercise needs one.")


def _end_what_never_ends(answer: str, thread: int) -> None:
    """End this process when the answer has taken too long, and tell where it was."""
    cpu, taken, looked = 0.0, 0.0, time.monotonic()
    since = looked
    while time.process_time() - cpu < MOST_CPU and taken < LONGEST:
        time.sleep(LOOK_EVERY)
        before, looked = looked, time.monotonic()
        taken += min(looked - before, LATEST) / _crowd()
        if _went_on.is_set():
            _went_on.clear()
            cpu, taken, since = time.process_time(), 0.0, looked
    never_ends(_line_of(sys._current_frames().get(thread), answer), looked - since)


def _crowd() -> float:
    """How many threads share a processor of this machine, at least one: so much longer does everything take."""
    try:
        return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    except (AttributeError, OSError):  # Windows does not say
        return 1.0


def never_ends(line: int | None, seconds: float | None = None) -> NoReturn:
    """The answer came to no end, at this line of it, for so many seconds, if that is known: tell, and end this process."""
    _tell(event="never ends", line=line, seconds=seconds)
    os._exit(3)


def _line_of(frame: Any, answer: str) -> int | None:
    while frame is not None and frame.f_code.co_filename != answer:
        frame = frame.f_back
    return None if frame is None else int(frame.f_lineno)
