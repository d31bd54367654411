"""What `make try-5` has beside the tools of the other lessons."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from lessons.course.witness import Witness
from lessons.kit import Table
from lessons.kit.project import shortened

from .trials import Trial, run
from .versions import ALL, AS_IT_IS, BROKEN, RIGHT, Version

__all__ = ["against"]

TO_LOOK = 'To run your tests against the versions of mailer.py: against(), or against("swallows").'

HEADINGS = ["version", "red", "what is different"]

EXERCISE = Path(__file__).with_name("exercise.py")


def against(name: str | None = None) -> Table:
    """Your tests, as they were saved last: which are red with which version of mailer.py. With a name: with this version."""
    if name is None:
        trials = _run(ALL)
        rows = [_row(version, trials) for version in (AS_IT_IS, *RIGHT) if _red(version, trials)]
        rows = rows or [["(all right ones)", "-", ""]]
        return Table(HEADINGS, rows + [_row(version, trials) for version in BROKEN])
    named = {version.name: version for version in ALL}
    if name not in named:
        print(f"There is no version {name!r}. Here are all of them:")
        return against()
    version = named[name]
    print(f"{version.name}: {version.what}.")
    for before, after in version.changes:
        print("\n".join([*_marked("-", before), *_marked("+", after)]))
    rows = [[trial.test, "green" if trial.green else "RED", _said(trial)] for trial in _run([version])]
    return Table(["test", "", "it said"], rows or [["(no test)", "", ""]])


def _run(versions: list[Version] | tuple[Version, ...]) -> list[Trial]:
    before = sys.modules.get("exercise")
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        Witness(EXERCISE) as witness,
    ):
        try:
            return run(witness, versions, once=True)
        finally:
            sys.modules.pop("exercise", None)
            if before is not None:
                sys.modules["exercise"] = before


def _row(version: Version, trials: list[Trial]) -> list[str]:
    return [version.name, shortened(", ".join(_red(version, trials)), 19) or "(nobody noticed)", version.what]


def _red(version: Version, trials: list[Trial]) -> list[str]:
    return [trial.test for trial in trials if trial.version is version and not trial.green]


def _said(trial: Trial) -> str:
    error = trial.error
    return "" if error is None else shortened(f"{type(error).__name__}: {error}".strip(": "))


def _marked(mark: str, text: str) -> list[str]:
    return [f"{mark} {line}".rstrip() for line in text.splitlines()]
