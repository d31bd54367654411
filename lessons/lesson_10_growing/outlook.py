"""How a day would go with a set-up: simulated where it is worst, and what was promised beside what would be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lessons.kit import Day, Table
from lessons.kit.command_line import plans
from lessons.kit.day import KINDS
from lessons.kit.model import Model
from lessons.kit.runs import Coming
from lessons.kit.show import Shown

# What there may be at most.
MOST_PROCESSES, MOST_THREADS = 4, 30

# Where the day is worst, and for how many minutes it is simulated from there.
WORST = {"09:00": 5, "12:00": 5, "19:10": 5}


class Outlook(Shown):
    """A set-up, simulated: `queues` and `lines` as `set_up` returns them.

    To try what something is due to: without some kinds of jobs; on a `flat` day, of which no hour differs from another;
    or, if not `alone`, as if all threads of a process could compute at the same time.
    """

    def __init__(
        self,
        queues: Mapping[str, str],
        lines: Sequence[str],
        *,
        without: Sequence[str] = (),
        flat: bool = False,
        alone: bool = True,
    ) -> None:
        day, self.plans = Day(), plans(lines)
        kinds = [kind for kind in KINDS if kind not in without]
        self.waited: dict[tuple[str, str], list[float]] = {}
        for time, minutes in ({"12:00": 5} if flat else WORST).items():
            coming = day.coming(time, *kinds, minutes=minutes, queues=queues, flat=flat)
            model = Model(self.plans, coming, alone=alone)
            ran = model.run().ran
            for kind in kinds:
                worker = f"{kind.capitalize()}Worker"
                waits = [one.waited for one in ran if one.job.worker == worker]
                never = [math.inf for job in model.left if job.worker == worker]
                self.waited[time, kind] = sorted(waits) + never

    def within(self, kind: str) -> float:
        """Within how many seconds the promised share of this kind begins where the day is worst for it."""
        return max((self.within_at(time, kind) or 0.0 for time, _ in self.waited), default=0.0)

    def within_at(self, time: str, kind: str) -> float | None:
        """The same at this time of the day; None if no job of the kind comes then."""
        waited = self.waited.get((time, kind))
        return waited[math.ceil(KINDS[kind].share * len(waited)) - 1] if waited else None

    def kept(self, kind: str) -> bool:
        """Whether the promise for this kind is kept."""
        return self.within(kind) <= KINDS[kind].within

    def threads(self, queue: str) -> int:
        """How many threads serve this queue."""
        return sum(plan.threads for plan in self.plans if queue in plan.queues)

    def lines(self) -> list[str]:
        rows = [
            [
                some(kind),
                f"{one.within:,.0f} s",
                seconds(self.within(kind)),
                "yes" if self.kept(kind) else "no",
            ]
            for kind, one in KINDS.items()
        ]
        threads = sum(plan.threads for plan in self.plans)
        head = f"processes: {len(self.plans)} of {MOST_PROCESSES}, threads: {threads} of {MOST_THREADS}"
        return [head, *Table(["", "should begin within", "would begin within", "kept"], rows).lines()]


def some(kind: str) -> str:
    """Of how many jobs of this kind something is promised, in words.

    >>> some("gif"), some("report")
    ('19 of 20 GIFs', 'all reports')
    """
    name = {"gif": "GIF"}.get(kind, kind)
    return f"{'all' if KINDS[kind].share == 1 else '19 of 20'} {name}s"


def minute(queues: Mapping[str, str]) -> list[Coming]:
    """A minute of noon, twenty times as fast, and of every four jobs one. Two small reports come, too."""
    noon = Day().coming("12:00", "mail", "gif", minutes=1, queues=queues)[::4]
    reports = [Coming(1.0, 0.0, 0.4, queues["report"], "ReportWorker")] * 2
    return [job._replace(at=job.at / 20, waits=job.waits / 20, computes=job.computes / 20) for job in [*noon, *reports]]


def seconds(number: float) -> str:
    """In words.

    >>> seconds(0.25), seconds(1234.5), seconds(math.inf)
    ('0.2 s', '1,234 s', 'never')
    """
    return "never" if math.isinf(number) else f"{number:.1f} s" if number < 20 else f"{number:,.0f} s"
