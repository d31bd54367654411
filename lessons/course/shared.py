"""Misconceptions that break more than one exercise: from what was seen, the sentence; None where there is no evidence."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from .seen import Call, Run, brief


def fake_mode(call: Call) -> str | None:
    """The push went into a list of `minijobs.testing`."""
    for event in call.of("push"):
        if event.what["mode"] == "fake":
            return (
                f"minijobs.testing's fake mode. The push{event.line} went into a list in this process, and Redis never "
                "heard of it: a tool for tests."
            )
    return None


def cancelled(call: Call) -> str | None:
    """A client middleware did not let the push through."""
    for event in call.of("push"):
        if event.what["mode"] == "cancelled":
            return (
                f"a middleware that cancels the push{event.line}. The job was not pushed, because call_next() was not "
                "called."
            )
    return None


def own_thread(call: Call) -> str | None:
    """The mail was sent from a thread that the answer had started."""
    for event in call.of("mail", "refused mail"):
        if event.elsewhere:
            lines = {begun.line for begun in call.of("thread")}
            line = lines.pop() if len(lines) == 1 else event.line
            return (
                f"doing it in a thread of your own{line}. If this process is killed, the mail is lost, and Redis has never "
                "heard of it."
            )
    return None


def runs_inline(call: Call) -> str | None:
    """A job was run by `perform_inline`."""
    for event in call.of("run"):
        if event.what["by"] == "perform_inline":
            return f"perform_inline{event.line}. It runs a job here and now, without Redis, and the caller waits."
    return None


def runs_nothing(call: Call) -> str | None:
    """The function is async or a generator, so calling it ran nothing."""
    kinds: list[tuple[Any, str]] = [
        (inspect.isgenerator, "a generator, because it contains a yield"),
        (inspect.iscoroutine, "async"),
    ]
    for kind, name in kinds:
        if kind(call.result) and not call.acts:
            return f"a function that is {name}. Calling it runs none of its code."
    return None


def pushes_nothing(call: Call) -> str | None:
    """The call left no trace at all."""
    if not call.acts and not call.left and call.error is None:
        return (
            "no call of perform_async that took effect: by the time the call returned, nothing had been pushed, and no mail "
            "had been sent."
        )
    return None


def other_arguments(runs: Iterable[Run]) -> str | None:
    """`perform` could not be called with the job's arguments."""
    for run in runs:
        if isinstance(run.error, TypeError) and "perform()" in str(run.error) and "argument" in str(run.error):
            return (
                "perform takes different arguments from the ones the job carries. The job's args are "
                f"{brief(run.job['args'], 80)}."
            )
    return None


def does_nothing(runs: Iterable[Run]) -> str | None:
    """Every run ended well, and none of them did anything but look somebody up."""
    runs = list(runs)
    if runs and not any(run.error or run.acts or run.of("refused lookup") for run in runs):
        return (
            "a perform that ends without having sent anything. No error was raised, so the job counts as done: nobody "
            "checks that it did what you meant."
        )
    return None


def works_in_one_process_only(together: list[Run], apart: list[Run]) -> str | None:
    """Jobs that are pushed and run in one process work, and those that another process runs fail."""
    if together and apart and not any(run.error for run in together) and all(run.error for run in apart):
        return (
            "a variable of the process that pushed the job. In that process the job works; in another one, which has the "
            "same code but none of its variables, it failed. The worker process is another process."
        )
    return None
