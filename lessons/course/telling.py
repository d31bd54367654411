"""The pytest plugin of a check: it runs in the process of the tests and tells the one that waits what each test found."""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .rejection import Rejected

_current: dict[str, Any] = {}

# Slips in the call itself, by what Python says about them.
SLIPS = {
    "perform() missing": "calling perform on the class, or with too few arguments. perform belongs to an object: "
    "SomeWorker().perform(…) is a plain call. What is called on the class is SomeWorker.perform_async(…).",
    "perform_async() got an unexpected keyword": "naming the arguments. They travel as a list, without names, so pass them "
    "in their order.",
    "() takes no arguments": "giving the arguments to the class. perform_async takes them: SomeWorker.perform_async(…).",
}


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


def _tell(**what: str) -> None:
    with open(os.environ["MINIJOBS_CHECK_TELLS"], "a", encoding="utf-8") as told:
        told.write(json.dumps(what) + "\n")


def _requirement(item: pytest.Item) -> str:
    """The first line of the test's docstring: what an answer must do."""
    return (getattr(item, "obj", item).__doc__ or item.name).strip().splitlines()[0]


def _in_words(error: BaseException, item: pytest.Item) -> str:
    if isinstance(error, Rejected):
        return str(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name} cannot be read: line {error.lineno}: {error.msg}"
    answer = item.config.getoption("--answer")
    places = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == answer]
    at = f"line {places[-1].lineno} of {Path(answer).name}: {places[-1].line}" if places else ""
    if isinstance(error, TypeError) and (slip := next((text for sign, text in SLIPS.items() if sign in str(error)), None)):
        return (
            f"Expected:    {_requirement(item)}\nInstead:     Python said: {error}\nLooks like:  {slip}\nLook:        {at}"
        )
    return f"Your code raised {type(error).__name__}: {error}\n{'at ' + at if at else ''}".strip()
