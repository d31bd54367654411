"""What the exercise of lesson 10 must do. It is simulated, and then a minute of it is run on real worker processes."""

import math
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import pytest

from lessons.course import telling
from lessons.course.seen import Call, Scope
from lessons.kit import Day, load, measure, session, stage, write
from lessons.kit.command_line import NotTheWords, plans
from lessons.kit.day import KINDS
from lessons.kit.load import TASKS, NobodyRanThem
from lessons.lesson_10_growing.misconceptions import GIFS, LIMITS, MAILS, REAL, REPORTS, too_many
from lessons.lesson_10_growing.outlook import MOST_PROCESSES, MOST_THREADS, WORST, Outlook, minute, seconds, some

LOOK = "make try-10, then Outlook(*set_up(day)), which simulates the day with your set-up."

WORK = TASKS + "".join(f"\nclass {kind.capitalize()}Worker(TaskWorker): ..." for kind in KINDS)


@dataclass
class Processes(Scope):
    """The processes of a set-up, in words."""

    plans: list = field(default_factory=list)

    @property
    def happened(self) -> str:
        return "; ".join(f"{', '.join(plan.queues)} (-c {plan.threads})" for plan in self.plans)


@dataclass
class Times(Scope):
    """How it would go at this time of the day, in words."""

    outlook: Outlook | None = None

    @property
    def happened(self) -> str:
        waits = [(some(kind), self.outlook.within_at(self.label, kind)) for kind in KINDS]
        return "; ".join(f"{those} begin within {seconds(wait)}" for those, wait in waits if wait is not None)


@dataclass
class Seen:
    """What was seen: what set_up returned, how the day would go with it, and how a minute went."""

    answer: object
    call: Call
    queues: dict = field(default_factory=dict)
    lines: list = field(default_factory=list)
    plans: list = field(default_factory=list)
    once: list = field(default_factory=list)  # of these the first one of each line
    wrong: str = ""  # what is wrong with the limits, in words
    refused: str = ""  # what minijobs worker says of the words
    outlook: Outlook | None = None
    went_wrong: str = ""  # for real, in words

    @property
    def threads(self) -> int:
        """How many threads there are in all."""
        return sum(plan.threads for plan in self.plans)

    def serving(self, *kinds: str) -> list:
        """The processes that serve the queues of all these kinds."""
        return [plan for plan in self.plans if all(self.queues.get(kind) in plan.queues for kind in kinds)]

    def broken(self, kind: str) -> bool:
        """Whether the promise for this kind is not kept."""
        return self.outlook is not None and not self.outlook.kept(kind)

    def without(self, *kinds: str) -> Outlook:
        """How the day would go without these jobs."""
        if kinds not in self._without:
            self._without[kinds] = Outlook(self.queues, self.lines, without=kinds)
        return self._without[kinds]

    @cached_property
    def _without(self) -> dict:
        return {}

    @cached_property
    def flat(self) -> Outlook:
        """How it would go on a day of which no hour differs from another."""
        return Outlook(self.queues, self.lines, flat=True)

    @cached_property
    def together(self) -> Outlook:
        """How it would go if all threads of a process could compute at the same time."""
        return Outlook(self.queues, self.lines, alone=False)


@pytest.fixture(scope="module")
def seen(witness, monkeypatch_module):
    call = witness.call(witness.process(), "set_up", "set_up", Day(), looking=False)
    seen = Seen(witness.answer, call)
    seen.wrong = _limits(seen)
    if not seen.wrong:
        seen.outlook = Outlook(seen.queues, seen.lines)
        telling.goes_on()
        if all(map(seen.outlook.kept, KINDS)):
            seen.went_wrong = _for_real(seen)
            telling.goes_on()
    return seen


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "LONGEST_WAIT", 20.0)
        patch.setattr(load, "LOOK_EVERY", 0.05)  # how long the queues are is of no interest here
        yield patch


def _limits(seen):
    """What is wrong with what set_up returned, in words; empty if nothing is."""
    result = seen.call.result
    if seen.call.error is not None:
        return "set_up raised an error."
    if not (isinstance(result, (tuple, list)) and len(result) == 2):
        return f"set_up returned {result!r:.60}, which is no pair of queues and lines."
    queues, lines = result
    lines = list(lines) if isinstance(lines, (list, tuple)) else [lines]
    if not isinstance(queues, dict) or not lines or not all(isinstance(line, str) for line in lines):
        return "set_up returned something other than a dict of queues and a list of lines, which are text."
    seen.queues, seen.lines = {str(kind): str(queue) for kind, queue in queues.items()}, lines
    try:
        seen.plans, seen.once = plans(lines), [plans(line)[0] for line in lines]
    except NotTheWords as error:
        seen.refused = str(error)
        return f"minijobs worker does not take these words. It says: {error}"
    if missing := [kind for kind in KINDS if kind not in seen.queues]:
        return f"no queue is named for {' and '.join(missing)}."
    if unserved := [seen.queues[kind] for kind in KINDS if not seen.serving(kind)]:
        return f"no process serves the queue {unserved[0]}."
    if too_many(seen):
        return f"there are {len(seen.plans)} processes, with {seen.threads} threads in all."
    return ""


def _for_real(seen):
    """Run a minute of noon on real processes. Returns what went wrong, in words; empty if nothing did."""
    session.start(server=True)
    try:
        write("work.py", WORK)
        telling.goes_on()
        measure([f"-r work.py {line}" for line in seen.lines], minute(seen.queues))
    except NobodyRanThem as error:
        counts = Counter(job.worker for job in error.left)
        return f"{', '.join(f'{count} jobs of {worker}' for worker, count in counts.items())} have not run."
    except (RuntimeError, TimeoutError) as error:
        return f"the processes did not start: {str(error).splitlines()[-1].strip()}"
    finally:
        session.end()
    return ""


def tell(judge, seen, kind, misconceptions):
    """Say no if the promise for this kind of job is not kept."""
    one, within = KINDS[kind], seen.outlook.within(kind)
    needed = f"{some(kind)} begin within {one.within:,.0f} {'second' if one.within == 1 else 'seconds'}"
    instead = "some never begin" if math.isinf(within) else f"they begin within {seconds(within)}"
    judge(
        within <= one.within,
        misconceptions,
        expected=f"{needed}, at any time of the day.",
        instead=f"where the day is worst for them, {instead}.",
        scopes=[Processes("processes", plans=seen.plans), *(Times(time, outlook=seen.outlook) for time in WORST)],
    )


def test_each_kind_is_served_and_the_limits_are_kept(seen, judge):
    """Each kind of job is served, by at most 4 processes and 30 threads."""
    judge(
        not seen.wrong,
        LIMITS,
        expected=f"each kind of job is served, by at most {MOST_PROCESSES} processes and {MOST_THREADS} threads.",
        instead=seen.wrong,
        scopes=[Processes("processes", seen.call.events, seen.call.error, plans=seen.plans)] if seen.plans else [seen.call],
    )


def test_mails_begin_within_a_second(seen, judge):
    """At any time of the day, 19 of 20 mails begin within 1 second."""
    tell(judge, seen, "mail", MAILS)


def test_gifs_begin_within_ten_seconds(seen, judge):
    """At any time of the day, 19 of 20 GIFs begin within 10 seconds."""
    tell(judge, seen, "gif", GIFS)


def test_reports_begin_within_twenty_minutes(seen, judge):
    """All reports begin within 20 minutes."""
    tell(judge, seen, "report", REPORTS)


def test_a_minute_runs_for_real(seen, judge):
    """A minute of noon runs for real."""
    judge(
        not seen.went_wrong,
        REAL,
        expected="all jobs of a minute of noon run on your processes.",
        instead=seen.went_wrong,
        scopes=[seen.call],
    )
