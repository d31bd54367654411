"""What comes of it if a process is killed after this line, or after that one: for each line a count, beside the line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from . import session
from .drawing import BELOW, BLUE, GREY, RED, Drawing, image
from .show import Shown

# No more lines than that are shown of a file: one may have a loop.
MOST_LINES = 30


class Kill(NamedTuple):
    """After which line the process was killed, and what was counted in the end."""

    line: str
    count: int


class Crashes(Shown):
    """The picture: in a notebook drawn, elsewhere in letters. `rows` are what was seen of each version, by its name.

    `right` is what the count should be, and `of` says what is counted.

    >>> pay = Crashes({"pay.py": [Kill("(before)", 1), Kill("take_payment()", 2)]}, of="payments", right=1)
    >>> pay
    payments, if it is killed after …
    pay.py
      (before)           1
      take_payment()     2  wrong
    >>> pay.sentences()
    'payments, if killed after a line: pay.py: (before) 1; take_payment() 2, wrong'
    """

    def __init__(self, rows: dict[str, list[Kill]], *, of: str, right: int) -> None:
        self.rows, self.of, self.right = rows, of, right

    def lines(self) -> list[str]:
        kills = [kill for kills in self.rows.values() for kill in kills]
        wide = max((len(kill.line) for kill in kills), default=0)
        lines = [f"{self.of}, if it is killed after …"]
        for name, kills in self.rows.items():
            lines.append(name)
            lines += [f"  {kill.line:{wide}}{kill.count:>6}{self._verdict(kill, '  ')}" for kill in kills]
        return lines

    def sentences(self) -> str:
        """The same in words, for those who cannot see the picture."""
        told = []
        for name, kills in self.rows.items():
            of_each = [f"{kill.line.strip()} {kill.count}{self._verdict(kill, ', ')}" for kill in kills]
            told.append(f"{name}: {'; '.join(of_each)}")
        return f"{self.of}, if killed after a line: {'. '.join(told)}"

    def html(self) -> str:
        """The drawing."""
        return image(self._drawn(), self.sentences())

    def _verdict(self, kill: Kill, between: str) -> str:
        return "" if kill.count == self.right else f"{between}wrong"

    def _drawn(self) -> bytes:
        labels: dict[float, str] = {}
        for name, kills in self.rows.items():
            labels[-len(labels)] = name
            for kill in kills:
                labels[-len(labels)] = f"    {kill.line}"
        counts = [kill.count for kills in self.rows.values() for kill in kills] + [self.right]
        picture = Drawing(
            BELOW + 18 * len(labels),
            x=(min(counts) - 0.5, max(counts) + 0.5),
            y=(-len(labels) + 0.4, 0.6),
            across=self.of,
            rows=labels,
            code=True,
            whole=True,
        )
        row = 0
        for kills in self.rows.values():
            picture.line([(self.right, -row - 0.7), (self.right, -row - len(kills) - 0.3)], GREY, thin=True)
            for place, kill in enumerate(kills, start=row + 1):
                right = kill.count == self.right
                picture.mark(kill.count, -place, "o" if right else "x", BLUE if right else RED)
            row += len(kills) + 1
        return picture.svg()


def kill_everywhere(
    files: Sequence[str], function: str, count: Callable[[str, int], int], *, of: str, right: int
) -> Crashes:
    """For each of these files, and each line of this function, see what comes of it if the process is killed there.

    `count(file, n)` has `run_in_process` kill a process when n lines have run, where 0 is before the first one, and says
    what it counted. A line that is not reached is left out, and one in a loop is there each time.
    """
    at, rows = session.beside(), dict[str, list[Kill]]()
    for file in files:
        kills = rows[file] = []
        while len(kills) < MOST_LINES:
            at.to_be_killed = None
            counted = count(file, len(kills))
            ended = at.to_be_killed
            if not (ended and ended.after):
                break
            kills.append(Kill(ended.after, counted))
        if not kills:
            raise ValueError(f"{function} in {file} never begins, so it cannot be killed. Its process ended so: {ended}")
    return Crashes(rows, of=of, right=right)
