"""What `make try-8` has beside the tools of the other lessons."""

from __future__ import annotations

from pathlib import Path

from lessons.kit import Table, session
from lessons.kit.mail import send_gif

from .crashing import Dying, at
from .trials import ADA, buys, sweeps, works

__all__ = ["killed"]

TO_LOOK = (
    'To have a process killed after its second step: killed("buy", 2), killed("sweep", 2) or killed("job", 2), by your '
    "exercise as you last saved it. Then rescue(), work(), sweep() and books()."
)

EXERCISE = Path(__file__).with_name("exercise.py")

PARTS = {"buy": buys(*ADA), "sweep": sweeps, "job": works}


def killed(what: str, after: int = 0) -> Table:
    """Have somebody buy, or sweep, or run the jobs that wait, in a process that is killed after this many steps."""
    if what not in PARTS:
        raise ValueError(f"{what!r} is none of {', '.join(PARTS)}.")
    with Dying(EXERCISE, session.database()[1]) as dying:
        dying.deliver = send_gif
        life = dying.live(what, PARTS[what], kill_after=after)
    rows = [[number, at(life.events[place])] for number, place in enumerate(life.steps, start=1)]
    return Table(["", "step"], [*rows, ["", "killed" if life.killed else "it came to its end"]])
