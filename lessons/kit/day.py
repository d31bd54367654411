"""A day of traffic, out of a file: how many jobs of each kind came in each ten minutes."""

from __future__ import annotations

import csv
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .runs import Coming

FILE = Path(__file__).parents[1] / "lesson_10_growing" / "day.csv"
SLOT = 10 * 60.0  # seconds


@dataclass(frozen=True)
class Kind:
    """A kind of job: for how long it waits and computes, in seconds, and what is promised: that `share` of its jobs begin
    `within` so many seconds."""

    waits: float
    computes: float
    share: float
    within: float


KINDS = {
    "mail": Kind(waits=0.5, computes=0.0, share=0.95, within=1.0),
    "gif": Kind(waits=0.0, computes=0.3, share=0.95, within=10.0),
    "report": Kind(waits=0.0, computes=15.0, share=1.0, within=20 * 60.0),
}


class Day:
    """The day in a file: a row for each ten minutes, a column for each kind of job."""

    def __init__(self, file: Path = FILE) -> None:
        with open(file, encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))
        self.times = [row["from"] for row in rows]
        self.counts = {kind: [int(row[kind]) for row in rows] for kind in KINDS}

    def __getitem__(self, kind: str) -> list[int]:
        """How many jobs of this kind came in each ten minutes."""
        return self.counts[kind]

    @property
    def total(self) -> int:
        """How many jobs came, all day."""
        return sum(map(sum, self.counts.values()))

    def a_second(self, time: str, *kinds: str) -> float:
        """How many jobs came in a second, of these kinds or of all, in the ten minutes from this time of day on.

        >>> Day().a_second("12:00", "gif") < Day().a_second("19:10", "gif")
        True
        """
        slot = self.times.index(time)
        return sum(self.counts[kind][slot] for kind in kinds or KINDS) / SLOT

    def rates(self, *kinds: str) -> list[tuple[float, float]]:
        """For a picture: at which hour, how many jobs a second."""
        return [(slot * SLOT / 3600, self.a_second(time, *kinds)) for slot, time in enumerate(self.times)]

    def coming(
        self, time: str, *kinds: str, minutes: float = 10, queues: Mapping[str, str] | None = None, flat: bool = False
    ) -> list[Coming]:
        """The jobs that come from this time on, of these kinds or of all, each at a moment of its own; reports at once.

        `queues` says which queue a kind goes to; its own, named after it, if it says nothing. `flat` is a day of the same
        sum on which no hour differs from another. The same call is the same chance.
        """
        slot, found = self.times.index(time), []
        for kind in kinds or KINDS:
            dice = random.Random(f"{kind} from {time}")
            one = KINDS[kind]
            count = sum(self.counts[kind]) / len(self.times) if flat else self.counts[kind][slot]
            for _ in range(round(count * min(1.0, minutes * 60 / SLOT)) if kind != "report" else int(count)):
                at = 0.0 if kind == "report" else dice.uniform(0, minutes * 60)
                queue = (queues or {}).get(kind, kind)
                found.append(Coming(at, one.waits, one.computes, queue, f"{kind.capitalize()}Worker"))
        return sorted(found)
