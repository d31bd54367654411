"""What the words behind `minijobs worker` mean: which processes, with how many threads, and which queues they serve."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import lru_cache
from io import StringIO

from minijobs.cli.parser import parser
from minijobs.cli.run import queues_and_weights
from minijobs.console import Refused


class NotTheWords(ValueError):
    """These are no words of `minijobs worker`. The message is what it says of them."""


@dataclass(frozen=True)
class ProcessPlan:
    """One worker process: its queues in their order, its threads, and the weights of its queues if they have any."""

    queues: tuple[str, ...]
    threads: int
    weights: dict[str, int] = field(default_factory=dict)


def plans(words: str | Sequence[str]) -> list[ProcessPlan]:
    """The processes that these words start: one command line, or several. Raises NotTheWords.

    >>> plans("-q mails -q gifs -c 5")
    [ProcessPlan(queues=('mails', 'gifs'), threads=5, weights={})]
    >>> len(plans("-c 2 --processes 3"))
    3
    >>> [plan.queues for plan in plans(["-q mails", "-q gifs,2 -q mails,1"])]
    [('mails',), ('gifs', 'mails')]
    """
    found: list[ProcessPlan] = []
    for line in [words] if isinstance(words, str) else words:
        options = _options(line)
        try:
            queues, weights = queues_and_weights(options.queue)
        except Refused as error:
            raise NotTheWords(str(error)) from None
        plan = ProcessPlan(tuple(queues), options.concurrency, weights)
        for name, number in (("-c", options.concurrency), ("--processes", options.processes)):
            if number < 1:
                raise NotTheWords(f"{name} {number}: it must be at least 1")
        found += [plan] * options.processes
    return found


_parser = lru_cache(parser)  # to make one takes longer than to use it


def _options(line: str):  # type: ignore[no-untyped-def]
    said = StringIO()
    try:
        with redirect_stderr(said), redirect_stdout(said):
            return _parser().parse_args(["worker", *shlex.split(line)])
    except SystemExit:
        last = (said.getvalue().strip().splitlines() or ["it shows its help, and ends"])[-1]
        raise NotTheWords(last.removeprefix("minijobs worker: ").removeprefix("minijobs: ")) from None
