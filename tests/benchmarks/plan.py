"""Which measurements there are, for which peers, and in which order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from catalogue import HIREDIS, OURS, Peer

WHAT = ("enqueue", "bulk", "drain", "backlog", "processes", "wake", "bytes", "import")
KINDS = ("noop", "1ms", "50ms")
LEVELS = ("shipped", "warning")
USUAL = 10  # threads, unless said
MANY = 100  # jobs at a time, as is usual where they are functions of one thread
THREADS = (1, 5, USUAL, 25, MANY)
BACKLOGS = (10_000, 1_000_000)
PROCESSES = (1, 2)


@dataclass(frozen=True)
class Figure:
    """One thing to measure. What does not apply stays as it is."""

    what: str
    kind: str = "noop"
    threads: int = USUAL
    level: str = "shipped"
    backlog: int = 0
    processes: int = 1

    def of(self, peer: Peer) -> Figure:
        """As this peer can be measured: a loop has one thread, and what writes no log has no log level."""
        return Figure(
            self.what,
            self.kind,
            self.threads if peer.at_once or self.what not in ("drain", "backlog") else 1,
            self.level if self.level in peer.levels else "shipped",
            self.backlog,
            self.processes,
        )

    def __str__(self) -> str:
        if self.what == "processes":
            return f"drain, {self.kind}, {self.processes} {'process' if self.processes == 1 else 'processes'} of one thread"
        if self.what not in ("drain", "backlog"):
            return self.what
        log = "" if self.level == "shipped" else ", warnings only"
        waiting = f", {self.backlog:,} waiting" if self.backlog else ""
        return f"drain, {self.kind}, {self.threads} {'thread' if self.threads == 1 else 'threads'}{log}{waiting}"


@dataclass(frozen=True)
class Choice:
    """What somebody wants to have measured."""

    peers: Sequence[Peer]
    what: Collection[str] = WHAT
    threads: Collection[int] = THREADS
    kinds: Collection[str] = KINDS
    levels: Collection[str] = LEVELS
    quick: bool = False

    def round(self, number: int) -> list[tuple[Peer, Figure]]:
        """The measurements of one round. Peers take turns at each figure: what is compared is measured close together."""
        chosen: list[tuple[Peer, Figure]] = []
        for figure in self._figures():
            for peer in self.peers:
                mine = figure.of(peer)
                # A loop that runs one job at a time has one drain figure, however many threads the others have.
                if self._applies(peer, figure, number) and (peer, mine) not in chosen:
                    chosen.append((peer, mine))
        return chosen

    def _figures(self) -> Iterator[Figure]:
        for what in self.what:
            if what == "drain":
                for level in self.levels:
                    for kind in self.kinds:
                        for threads in self.threads:
                            if kind == "noop" or (threads == USUAL and level == "shipped"):
                                yield Figure(what, kind, threads, level)
            elif what == "processes":
                yield from (Figure(what, "cpu", threads=1, processes=processes) for processes in PROCESSES)
            elif what == "backlog":
                yield from (Figure(what, backlog=backlog) for backlog in BACKLOGS)
            else:
                yield Figure(what)

    def _applies(self, peer: Peer, figure: Figure, number: int) -> bool:
        bare = peer.base in ("bare", "bare-safe")
        if figure.what == "bulk" and not peer.bulk:
            return False
        if figure.level not in peer.levels and peer.at_once:
            return False
        if figure.threads == MANY and not peer.many:
            return False
        if figure.what == "bytes" and (number > 1 or peer.name.endswith(HIREDIS)):  # the same each time
            return False
        if figure.what in ("bytes", "import", "wake") and peer.base == "bare-safe":
            return False
        if figure.what == "backlog" and not (peer.base == OURS or peer.base == "bare"):
            return False
        if figure.what == "processes" and not peer.processes:
            return False
        if figure.kind != "noop" and bare:  # one nap after the other
            return False
        return not self.quick or self._worth_it(peer, figure, number)

    def _worth_it(self, peer: Peer, figure: Figure, number: int) -> bool:
        """For somebody in a hurry: what the aims need, and every peer once at what it is for."""
        ours_or_limit = peer.base in (OURS, "bare", "bare-safe")
        if figure.what == "drain":
            if figure.threads == MANY:
                return figure.level == "warning" or (peer.base != OURS and number == 1)
            if figure.level == "warning":
                return figure.threads in (1, USUAL) and ours_or_limit
            if figure.kind != "noop":
                return figure.kind == "50ms" and peer.base == OURS and number == 1
            return figure.threads == USUAL and (number == 1 or ours_or_limit or peer.name in ("sidekiq", "dramatiq"))
        if figure.what in ("backlog", "processes"):
            return peer.name == OURS and number == 1
        return ours_or_limit or peer.name == "sidekiq" or (figure.what == "enqueue" and number == 1)
