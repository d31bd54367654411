"""What the exercise of lesson 8 must do. It is killed after each step in turn, and then the books are compared."""

from dataclasses import dataclass, field

import pytest

from lessons.course import telling
from lessons.kit import session, stage
from lessons.lesson_08_the_crash.crashing import Dying
from lessons.lesson_08_the_crash.misconceptions import BUY, DONE, LATER, PAYMENT, QUIET
from lessons.lesson_08_the_crash.trials import Quiet, Stories, Trial

LOOK = (
    'make try-8, then killed("buy", 2), killed("job", 1) or killed("sweep", 1): a process that is killed after that many '
    "steps. Then rescue(), work(), sweep(), books() and inbox."
)


@dataclass
class Seen:
    """What was seen: the story in which nobody dies, and, if that went well, all others."""

    answer: object
    quiet: Quiet
    apart: Quiet | None = None  # the same with a worker process for each job
    again: Trial | None = None  # a job that is killed after its payment and runs again, if two were taken and nobody died
    trials: list[Trial] = field(default_factory=list)


@pytest.fixture(scope="module")
def seen(answer):
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("REDIS_URL", raising=False)  # a server of the check's own
        patched.setenv(stage.PACE, "0.001")
        redis = session.start(server=True)
        try:
            with Dying(answer, redis) as dying:
                dying.goes_on, dying.never_ends = telling.goes_on, telling.never_ends
                stories = Stories(dying, redis)
                found = Seen(answer, stories.quiet())
                if not found.quiet.wrong:
                    found.trials = stories.killed()
                elif any(one.kind == "twice" for one in found.quiet.wrong):  # to tell why
                    found.again = stories.runs_again()
                if any(trial.has("twice") for trial in found.trials):  # to tell why
                    found.apart = stories.quiet(apart=True)
                return found
        finally:
            session.end()


def tell(judge, seen, misconceptions, right, of, *kinds):
    """Say no, with the first story in which such a thing is wrong."""
    trial = next((one for one in seen.trials if one.of in of and one.has(*kinds)), None)
    judge(
        trial is None,
        misconceptions,
        expected=right,
        instead=trial.story() if trial else "",
        scopes=[trial.first.scope, trial.then.scope] if trial else [],
    )


def test_as_long_as_nothing_dies(seen, judge):
    """As long as nothing dies, each order is paid once and marked, and gets a receipt."""
    judge(
        not seen.quiet.wrong,
        QUIET,
        expected="Ada buys twice: two payments, two orders that are marked as paid, two receipts.",
        instead=seen.quiet.story(),
        scopes=[*seen.quiet.calls, *seen.quiet.runs],
    )


def test_wherever_buy_or_sweep_dies(seen, judge):
    """Wherever `buy` or `sweep` dies, each order gets paid once, and nobody pays for an order that does not exist."""
    right = "as many payments as orders, for everybody."
    tell(judge, seen, BUY, right, ("buy", "sweep"), "no order", "for nothing", "twice", "never")


def test_wherever_a_job_dies(seen, judge):
    """Wherever a job dies, the payment of its order is taken once."""
    tell(judge, seen, PAYMENT, "one payment for the order.", ("job",), "for nothing", "twice", "never")


def test_every_order_is_marked_and_gets_its_receipt(seen, judge):
    """Wherever anything dies, every order is marked as paid in the end, and its receipt goes out."""
    right = "every order is marked as paid, and its receipt goes out."
    tell(judge, seen, DONE, right, ("buy", "sweep", "job"), "not marked", "no receipt")


def test_what_is_done_is_left_alone(seen, judge):
    """Once an order is paid and marked, and has its receipt, nothing is pushed for it any more."""
    judge(
        not seen.quiet.still,
        LATER,
        expected="when everything has been done, sweep finds nothing to do.",
        instead=f"minutes later, {'; '.join(f'{one.label}: {one.happened}' for one in seen.quiet.still[:2])}.",
        scopes=seen.quiet.still,
    )
