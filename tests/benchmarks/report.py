"""What the measurements say: ratios within each round, the aims, tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from catalogue import HIREDIS, OURS, PEERS, Peer
from plan import BACKLOGS, MANY, PROCESSES, USUAL, Figure
from rich.table import Table

# Of the numbers that a measurement gives, those that are compared; and whether more of it is better.
COMPARED = {
    "per second": True,
    "p50 ms": False,
    "p99 ms": False,
    "bytes": False,
    "MB idle": False,
    "MB after": False,
    "import ms": False,
}

BY_NAME = {peer.name: peer for peer in PEERS}


@dataclass(frozen=True)
class Measurement:
    """What one peer gave for one figure in one round."""

    round: int
    peer: str
    figure: Figure
    values: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """For the file."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Measurement:
        """From the file."""
        return cls(**{**stored, "figure": Figure(**stored["figure"])})


class Spread(NamedTuple):
    """Over the rounds."""

    lowest: float
    median: float
    highest: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


def told(figure: Figure) -> list[str]:
    """Which numbers of a figure are worth a line: memory after work is much the same whatever the work was."""
    return [name for name in COMPARED if name != "MB after" or figure == Figure("drain")]


def spread(values: Sequence[float]) -> Spread | None:
    """None if there are none."""
    return Spread(min(values), statistics.median(values), max(values)) if values else None


class Results:
    """All measurements of a run."""

    def __init__(self, measurements: Sequence[Measurement]) -> None:
        self.measurements = measurements
        self._values = {(one.peer, one.figure, one.round): one.values for one in measurements}
        self.rounds = sorted({one.round for one in measurements})

    def each_round(self, peer: str, figure: Figure, name: str) -> dict[int, float]:
        """One number, by the round. A peer without threads or log levels has one figure for all of them."""
        mine = figure.of(BY_NAME[peer])
        found = {number: self._values.get((peer, mine, number), {}).get(name) for number in self.rounds}
        return {number: value for number, value in found.items() if value is not None}

    def median(self, peer: str, figure: Figure, name: str) -> float | None:
        """Over the rounds; None if it was not measured."""
        values = self.each_round(peer, figure, name).values()
        return statistics.median(values) if values else None

    def ratios(self, one: tuple[str, Figure], other: tuple[str, Figure], name: str) -> Spread | None:
        """One divided by the other, within each round in which both were measured: a slow minute does not matter so much."""
        over, under = self.each_round(*one, name), self.each_round(*other, name)
        return spread([over[number] / under[number] for number in over if under.get(number)])

    def figures(self) -> list[Figure]:
        """Those that minijobs was measured for, or else all, in their order."""
        ours = [one.figure for one in self.measurements if BY_NAME[one.peer].base == OURS]
        return list(dict.fromkeys(ours or [one.figure for one in self.measurements]))


# The aims of issue 4, and since issue 12 Node's peers. They write no log, so they are compared with warnings only.


@dataclass(frozen=True)
class Aim:
    """A ratio to reach: of minijobs to a peer, or to another figure of its own, or to what is possible at all."""

    text: str
    figure: Figure
    limit: float
    peer: str = ""
    other: Figure | None = None
    ideal: float = 0.0
    name: str = "per second"
    at_most: bool = False

    def ratio(self, results: Results, ours: str) -> Spread | None:
        """For minijobs, or for minijobs with hiredis, which is held against the bare loop that has it, too."""
        if self.ideal:
            values = results.each_round(ours, self.figure, self.name).values()
            return spread([value / self.ideal for value in values])
        peer = against(self.peer, ours) if self.peer else ours
        return results.ratios((ours, self.figure), (peer, self.other or self.figure), self.name)

    def reached(self, ratio: Spread) -> bool:
        """By the median, to the two decimals that are shown: a timestamp may have a digit more, and a job 0.1 bytes."""
        median = round(ratio.median, 2)
        return median <= self.limit if self.at_most else median >= self.limit

    def __str__(self) -> str:
        return f"{self.text} {'≤' if self.at_most else '≥'} {self.limit:g}"


def against(peer: str, ours: str) -> str:
    """The bare loops are there with hiredis as well, to be compared with minijobs with hiredis."""
    return peer + HIREDIS if ours.endswith(HIREDIS) and peer + HIREDIS in BY_NAME else peer


def _aims() -> Iterator[Aim]:
    drain, quiet = Figure("drain"), Figure("drain", level="warning")
    for peer, limit in {"sidekiq": 3, "dramatiq": 4, "bare": 1.2, "huey": 1, "celery": 1, "rq": 1, "saq": 1}.items():
        yield Aim(f"drain as shipped ÷ {peer}", drain, limit, peer)
    yield Aim("drain, warnings only ÷ bare", quiet, 2.5, "bare")
    yield Aim("drain, warnings only, 1 thread ÷ bare-safe", Figure("drain", threads=1, level="warning"), 0.9, "bare-safe")
    for peer in ("bullmq", "bee-queue"):
        yield Aim(f"drain, warnings only ÷ {peer}", quiet, 1, peer)
        many = Figure("drain", threads=MANY, level="warning")
        yield Aim(f"drain, warnings only, {MANY} jobs at a time ÷ {peer}", many, 1, peer)
    yield Aim("enqueue ÷ bare-safe", Figure("enqueue"), 0.85, "bare-safe")
    yield Aim("enqueue ÷ sidekiq", Figure("enqueue"), 1, "sidekiq")
    yield Aim("bulk ÷ sidekiq", Figure("bulk"), 1, "sidekiq")
    yield Aim("wake-up p50 ÷ bare", Figure("wake"), 1.5, "bare", name="p50 ms", at_most=True)
    yield Aim("50 ms jobs ÷ (threads ÷ 50 ms)", Figure("drain", "50ms"), 0.95, ideal=USUAL / 0.05)
    one, two = (Figure("processes", "cpu", threads=1, processes=processes) for processes in PROCESSES)
    yield Aim("drain, jobs that calculate, 2 processes ÷ 1", two, 1.8, other=one)
    few, many = (Figure("backlog", backlog=size) for size in BACKLOGS)
    yield Aim("drain, a million waiting ÷ ten thousand", many, 0.9, other=few)
    yield Aim("import ÷ import redis", Figure("import"), 1.3, "bare", name="import ms", at_most=True)
    yield Aim("bytes of a job ÷ sidekiq", Figure("bytes"), 1, "sidekiq", name="bytes", at_most=True)


AIMS = list(_aims())


# Tables

OURS_BOTH = (OURS, OURS + HIREDIS)


def aims_table(results: Results) -> Table:
    """Each aim, and how far it is, without and with hiredis."""
    table = Table(title=f"Aims: medians of ratios in one run; {USUAL} threads unless said", title_justify="left")
    for heading in ("aim", *OURS_BOTH):
        table.add_column(heading)
    for aim in AIMS:
        ratios = [aim.ratio(results, ours) for ours in OURS_BOTH]
        if any(ratios):
            table.add_row(str(aim), *(_verdict(aim, ratio) for ratio in ratios))
    missing = len(AIMS) - table.row_count
    table.caption = f"{missing} more aims were not measured in this run" if missing else None
    return table


def markdown(results: Results) -> str:
    """The aims, as a table of the README; those that have been measured."""
    lines = ["| 10 threads unless said | without hiredis | with hiredis | aim |", "|---|---|---|---|"]
    for aim in AIMS:
        ratios = [aim.ratio(results, ours) for ours in OURS_BOTH]
        if not any(ratios):
            continue
        cells = [f"{ratio}" + ("" if aim.reached(ratio) else ", **not reached**") if ratio else "" for ratio in ratios]
        lines.append(f"| {aim.text} | {' | '.join(cells)} | {'≤' if aim.at_most else '≥'} {aim.limit:g} |")
    return "\n".join(lines)


def _verdict(aim: Aim, ratio: Spread | None) -> str:
    if ratio is None:
        return "not measured"
    return f"{ratio}  " + ("reached" if aim.reached(ratio) else "[bold red]NOT reached[/]")


def medians_table(results: Results) -> Table:
    """Absolute figures: they hold for this machine and this hour."""
    table = Table(title="Medians (they hold for this machine and this hour)", title_justify="left")
    table.add_column("figure")
    peers = [name for name in BY_NAME if any(one.peer == name for one in results.measurements)]
    for name in peers:
        table.add_column(name.replace("+", "\n+"), justify="right")
    for figure in results.figures():
        for name in told(figure):
            values = [results.median(peer, figure, name) for peer in peers]
            if any(value is not None for value in values):
                table.add_row(f"{figure} · {name}", *("" if value is None else _number(value) for value in values))
    return table


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratios_table(results: Results) -> Table:
    """Each figure of minijobs, divided by each peer's."""
    table = Table(title="Ratios, minijobs ÷ peer: median (lowest to highest) over the rounds", title_justify="left")
    for heading in ("figure", "peer", *OURS_BOTH):
        table.add_column(heading)
    peers = [peer for peer in BY_NAME.values() if peer.base != OURS and not peer.name.endswith(HIREDIS)]

    def ratio(ours: str, peer: Peer, figure: Figure, name: str) -> Spread | None:
        return results.ratios((ours, figure), (against(peer.name, ours), figure), name)

    for figure in results.figures():
        for name in told(figure):
            rows = [(peer, [ratio(ours, peer, figure, name) for ours in OURS_BOTH]) for peer in peers]
            rows = [row for row in rows if any(row[1])]
            for index, (peer, cells) in enumerate(rows):
                first = f"{figure} · {name}" + ("" if COMPARED[name] else " (less is better)")
                last = index == len(rows) - 1
                table.add_row("" if index else first, peer.name, *(str(cell or "") for cell in cells), end_section=last)
    return table
