"""How a check says no: never a bare assertion, never a traceback.

What was expected; what happened instead; which misconception was seen at work, or, if none was, all that was seen; and how
to look for yourself. A misconception is named only if its evidence holds: see `Misconceptions`.
"""

from __future__ import annotations

import ast
import linecache
import traceback
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

from .seen import Scope

# Slips in a call, by what Python says about them.
SLIPS = {
    "perform() missing": "calling perform on the class, or with too few arguments. perform belongs to an object: "
    "SomeWorker().perform(…) is a plain call. What is called on the class is SomeWorker.perform_async(…).",
    "perform_async() got an unexpected keyword": "naming the arguments. They travel as a list, without names, so pass them "
    "in their order.",
    "() takes no arguments": "giving the arguments to the class. perform_async takes them: SomeWorker.perform_async(…).",
}

# The most lines of what was seen that anybody reads.
MOST_SEEN = 6

Row = TypeVar("Row", bound=Callable[[Any], str | None])


class Rejected(Exception):
    """An answer that a check does not accept."""


class StartsAProcess(BaseException):
    """The answer wanted to start a process. Not an Exception: nothing in the answer should catch it by chance."""


class Misconceptions:
    """The misconceptions that break one requirement, each a function: given what was seen, it returns the sentence that
    names it, or None if there is no evidence for it. Its name is that of a file in `mistakes/`.

    The learner reads the sentence of the first whose evidence holds. No sentence says more than its evidence.
    """

    def __init__(self) -> None:
        self.rows: list[Callable[[Any], str | None]] = []

    def add(self, row: Row) -> Row:
        """Add a row, as a decorator."""
        self.rows.append(row)
        return row

    def holding(self, seen: Any) -> dict[str, str]:
        """The sentences of all rows whose evidence holds, by their names."""
        return {row.__name__: sentence for row in self.rows if (sentence := row(seen))}


class Judge:
    """Accepts what was seen, or says no. `look` is what a learner can type into `make try-N` to see it."""

    def __init__(self, answer: Path, seen: Any, look: str) -> None:
        self.answer, self.seen, self.look = answer, seen, look

    def __call__(
        self,
        right: bool,
        misconceptions: Misconceptions,
        *,
        expected: str,
        instead: str,
        scopes: Iterable[Scope] = (),
        look: str = "",
    ) -> None:
        """Accept, if `right`. Otherwise raise Rejected: `scopes` are the calls and runs in question, in their order.

        `look` is what to type for this one, if that is not what it is for all.
        """
        if right:
            return
        scopes = list(scopes)
        failed = next((scope.error for scope in scopes if scope.error is not None), None)
        told = slip(failed, self.answer) or next(iter(misconceptions.holding(self.seen).values()), "")
        lines = [f"Expected:    {expected}", f"Instead:     {instead}"]
        if failed is not None and (not told or is_slip(failed, self.answer)):
            lines.append(f"Python said: {said(failed, self.answer)}")
            lines += [f"At:          {at}"] if (at := place(failed, self.answer)) else []
        if told:
            lines.append(f"Looks like:  {told}")
        else:
            alike = [(told, [one.label for one in those]) for told, those in groupby(scopes, key=lambda one: one.happened)]
            seen = [f"{', '.join(labels)}: {told}" for told, labels in alike]
            more = [f"… and {len(seen) - MOST_SEEN} more"] if len(seen) > MOST_SEEN else []
            lines += [f"Seen:        {one}" for one in [*seen[:MOST_SEEN], *more]]
        lines.append(f"Look:        {look or self.look}")
        # What Python or the answer says may have lines of its own, and here each part is one.
        raise Rejected("\n".join(" ".join(map(str.strip, one.splitlines())) for one in lines))


def slip(error: BaseException | None, answer: Path) -> str | None:
    """The sentence for a slip in a call, which Python refuses; None if it is not one of those that are known."""
    return next((text for sign, text in SLIPS.items() if is_slip(error, answer) and sign in str(error)), None)


def said(error: BaseException, answer: Path) -> str:
    """What Python said; of some errors, what that means here."""
    if isinstance(error, StartsAProcess):
        return str(error)
    if isinstance(error, EOFError) and "input(" in place(error, answer):
        return (
            f"{error}. Your code asks somebody to type something, and nobody can: neither a check nor a job has a keyboard."
        )
    if isinstance(error, AssertionError) and not str(error):
        return "AssertionError, and no more: what this line asserts was not so."
    return f"{type(error).__name__}: {error}".rstrip(": ")


def place(error: BaseException, answer: Path) -> str:
    """The innermost line of the answer that led to this error; empty if none did."""
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == str(answer)]
    return f"line {lines[-1]} of {answer.name}: {linecache.getline(str(answer), lines[-1]).strip()}" if lines else ""


def is_slip(error: BaseException | None, answer: Path) -> bool:
    """Whether Python itself raised this error, at a line of the answer: nobody meant it."""
    if not isinstance(error, (TypeError, AttributeError, NameError, ImportError)):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    line = place(error, answer).partition(": ")[2]
    return bool(frames) and frames[-1].f_code.co_filename == str(answer) and not line.startswith("raise")


def ends_here(answer: Path, places: list[tuple[int, str]]) -> list[str]:
    """Where an exception can have ended that came from these lines, the innermost first: `line 9: except OSError`."""
    found: list[str] = []
    for line, _ in places:
        around = [node for node in ast.walk(ast.parse(answer.read_bytes())) if _holds(node, line)]
        for node in reversed(around):  # ast.walk goes from the outside in
            if isinstance(node, ast.Try):
                found += [f"line {one.lineno}: {_source(answer, one.lineno)}" for one in node.handlers]
                leaving = [
                    one
                    for last in node.finalbody
                    for one in ast.walk(last)
                    if isinstance(one, (ast.Return, ast.Break, ast.Continue))
                ]
                found += [f"line {one.lineno}: {_source(answer, one.lineno)}, in finally" for one in leaving]
            elif isinstance(node, ast.With) and any("suppress" in ast.unparse(item) for item in node.items):
                found.append(f"line {node.lineno}: {_source(answer, node.lineno)}")
    return found


def _holds(node: ast.AST, line: int) -> bool:
    """Whether the line is in the body of this `try` or `with`, and not in its handlers."""
    return isinstance(node, (ast.Try, ast.With)) and any(one.lineno <= line <= (one.end_lineno or 0) for one in node.body)


def _source(answer: Path, line: int) -> str:
    return linecache.getline(str(answer), line).strip().rstrip(":")
