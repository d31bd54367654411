"""What the exercise of lesson 5 must do: its tests are run against versions of `mailer.py`, right ones and broken ones."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from lessons.course.rejection import place
from lessons.course.witness import Witness
from lessons.kit import stage
from lessons.lesson_05_testing.misconceptions import CREATES, PASSES, PERFORMS, REFUSES, RIGHTLY
from lessons.lesson_05_testing.trials import Trial, run
from lessons.lesson_05_testing.versions import ALL, AS_IT_IS, BROKEN_CREATE, BROKEN_PERFORM, BROKEN_REFUSAL, RIGHT, Version

LOOK = "make try-5, then against(): which versions your tests notice."


# How often all tests run with each version: in two orders, in one of them twice in one process.
ROUNDS = 3


@dataclass
class Seen:
    """What was seen: each test, against each version, in both orders and twice in one process."""

    answer: Path
    trials: list[Trial]

    @cached_property
    def tree(self) -> ast.Module:
        """The tests, as Python reads them."""
        return ast.parse(self.answer.read_bytes())

    def of(self, version: Version | str) -> list[Trial]:
        """The trials with this version, or with the one of this name."""
        return [
            trial for trial in self.trials if trial.version is not None and version in (trial.version, trial.version.name)
        ]

    def rounds(self, version: Version | str) -> list[list[Trial]]:
        """The same, for each of the times that all tests ran."""
        found: dict[tuple[bool, int], list[Trial]] = {}
        for trial in self.of(version):
            found.setdefault((trial.backwards, trial.time), []).append(trial)
        return list(found.values())

    def noticed(self, version: Version) -> bool:
        """Whether a test was red in each round with this version."""
        rounds = self.rounds(version)
        return len(rounds) == ROUNDS and all(any(not trial.green for trial in some) for some in rounds)

    def unnoticed(self, version: Version | str) -> list[Trial]:
        """The first round with this version in which every test was green; nothing, if there was none."""
        return next((some for some in self.rounds(version) if all(trial.green for trial in some)), [])

    def red(self, version: Version | str) -> list[Trial]:
        """The trials with this version in which a test was red."""
        return [trial for trial in self.of(version) if not trial.green]


@pytest.fixture(scope="module")
def seen(answer) -> Iterator[Seen]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("REDIS_URL", raising=False)
        patch.setenv(stage.PACE, "0.001")
        with Witness(answer) as witness:
            yield Seen(answer, run(witness, ALL))


def test_they_pass_with_mailer_py(seen, judge):
    """There are tests, and they are green with `mailer.py` as it is: in both orders, and twice in one process."""
    red = seen.red(AS_IT_IS)
    judge(
        bool(seen.of(AS_IT_IS)) and not red,
        PASSES,
        expected="with mailer.py as it is, each test is green: whichever runs first, and once more in the same process.",
        instead=_were_red(seen, AS_IT_IS) if red else "there is no test.",
        scopes=red[:1],
    )


def test_they_pass_with_every_right_version(seen, judge):
    """They are green with every other version of it that is right."""
    refused = _told_of(seen, [version for version in RIGHT if seen.red(version)], RIGHTLY)
    judge(
        not refused,
        RIGHTLY,
        expected=f'with the version "{refused}", which is right too, each test is green. In it, {refused.what}.'
        if refused
        else "",
        instead=_were_red(seen, refused) if refused else "",
        scopes=seen.red(refused)[:1] if refused else [],
        look=_look_at(refused),
    )


def test_they_notice_a_broken_create(seen, judge):
    """With each version whose `create` is broken, at least one of them is red."""
    _notice(seen, judge, BROKEN_CREATE, CREATES)


def test_they_notice_a_broken_perform(seen, judge):
    """With each version whose `perform` is broken, at least one of them is red."""
    _notice(seen, judge, BROKEN_PERFORM, PERFORMS)


def test_they_notice_what_goes_wrong_after_a_refusal(seen, judge):
    """With each version that does not try a refused mail again, at least one of them is red."""
    _notice(seen, judge, BROKEN_REFUSAL, REFUSES)


def _notice(seen, judge, versions, misconceptions):
    through = [version for version in versions if not seen.noticed(version)]
    first = _told_of(seen, through, misconceptions)
    others = f" The same with {_names(one for one in through if one is not first)}." if through[1:] else ""
    judge(
        not through,
        misconceptions,
        expected=f'with the version "{first}", at least one test is red. In it, {first.what}.' if first else "",
        instead=f"{_all_were_green(seen, first)}.{others}" if first else "",
        scopes=seen.unnoticed(first) if first else [],
        look=_look_at(first),
    )


def _look_at(version):
    return (
        f'make try-5, then against("{version}"): what is different in it, and what your tests say in their order.'
        if version
        else ""
    )


def _told_of(seen, versions, misconceptions):
    """That one of these versions which the first misconception that holds is about; the first one, if none holds."""
    told = next((row.version for row in misconceptions.rows if row(seen)), "")
    return next((version for version in versions if version.name == told), versions[0] if versions else None)


def _all_were_green(seen, version):
    """How many tests were green, and in which of the rounds, if not in all of them."""
    found = seen.unnoticed(version)
    always = all(trial.green for trial in seen.of(version))
    who = {1: "your only test was green", 2: "both were green"}.get(len(found), f"all {len(found)} were green")
    return who if always else f"{who} when they ran {found[0].when}"


def _were_red(seen, version):
    """Which test was red, when, if not always, and where."""
    first = seen.red(version)[0]
    always = not any(trial.green for trial in seen.of(version) if trial.test == first.test)
    where = place(first.error, seen.answer) if first.error is not None else ""
    return f"{first.test} was red{'' if always else f' when they ran {first.when}'}{f', at {where}' if where else ''}."


def _names(versions):
    return ", ".join(f'"{version}"' for version in versions)
