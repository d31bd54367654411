"""What the exercise of lesson 2 must do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date

import pytest

from lessons.course.seen import Call, Run, brief, held
from lessons.kit import find_user, people
from lessons.lesson_02_watching_redis.misconceptions import CARDS, DAYS_LATER, LEAVES, TRAVELS, hidden, travelling

MONDAY, NEXT_MONDAY = date(2026, 11, 23), date(2026, 11, 30)
TUESDAY = date(2027, 11, 23)  # the day and the month of MONDAY, a year later
NEXT_DAY = date(2026, 11, 24)  # the week of MONDAY, and the weekday of TUESDAY
GREETINGS = [(1, MONDAY), (2, TUESDAY), (1, MONDAY), (1, NEXT_MONDAY)]

# Days that not every way to write a day down can say: one in a week that counts as the year before, and one that, with
# two digits for the year, is read as a day in 1971.
UNUSUAL = [date(2027, 1, 1), date(2071, 6, 2)]

LOOK = "make try-2, then greet(find_user(1), date(2026, 11, 23)), keys(), work() and inbox."


@dataclass
class Seen:
    """What was seen: four greetings, and days later the runs of their jobs: Ada has moved and has a new name; then Ada moves
    again."""

    greetings: list[Call] = field(default_factory=list)
    next_day: Call | None = None  # a greeting for the day after the first one
    runs: list[Run] = field(default_factory=list)
    moved_again: list[Run] = field(default_factory=list)  # a greeting more, run by the same worker process
    fresh: list[Run] = field(default_factory=list)  # the same, run by a worker process that has run nothing before
    alone: list[Run] = field(default_factory=list)  # a greeting that is pushed and run in one process
    unusual: list[Run] = field(default_factory=list)  # greetings for UNUSUAL days, to Grace
    for_today: Call | None = None  # a greeting for the day on which it is pushed
    today: date = field(default_factory=date.today)


# Twelve hours east of Greenwich, and twelve hours west of it. What says which day is meant must not depend on the place.
EAST, WEST = "EAST-12", "WEST+12"


@contextmanager
def in_time_zone(zone: str) -> Iterator[None]:
    """Meanwhile, local time is that of this zone, where the system can do that."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        try:
            _set_zone()
            yield
        finally:
            patch.undo()
            _set_zone()


def _set_zone() -> None:
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture(scope="module")
def seen(witness):
    with in_time_zone(EAST):
        return _see(witness)


def _see(witness):
    seen, web, worker = Seen(), witness.process(), witness.process(days=DAYS_LATER)
    for number, day in GREETINGS:
        user = find_user(number)
        seen.greetings.append(witness.call(web, f"greet({user.name}, {day})", "greet", user, day))
    people.move_house(1, "ada@new.example.com")
    people.rename(1, "Ada King")
    seen.runs = witness.work(worker)
    for runs, process, day, address, zone in (
        (seen.moved_again, worker, TUESDAY, "ada@third.example.com", WEST),
        (seen.fresh, None, NEXT_DAY, "ada@last.example.com", EAST),
    ):
        with in_time_zone(zone):
            seen.next_day = witness.call(web, "greet(Ada, Tuesday)", "greet", find_user(1), day)
            people.move_house(1, address)
            runs += witness.work(process or witness.process(days=DAYS_LATER))
    witness.redis.flushall()
    witness.call(web, "greet(Grace, Tuesday)", "greet", find_user(2), TUESDAY)
    seen.alone = witness.work(web)
    witness.redis.flushall()
    for day in UNUSUAL:
        witness.call(web, f"greet(Grace, {day})", "greet", find_user(2), day)
    seen.unusual = witness.work(witness.process(days=DAYS_LATER))
    witness.redis.flushall()
    seen.for_today = witness.call(web, "greet(Grace, today)", "greet", find_user(2), date.today())
    return seen


def test_greet_leaves_one_job(seen, judge):
    """`greet` leaves one job in Redis, and sends nothing itself."""
    greetings = [*seen.greetings, seen.for_today]
    wrong = [greeting for greeting in greetings if not _leaves_one_job(greeting)]
    judge(
        not wrong,
        LEAVES,
        expected="after each greet(user, day), Redis holds 1 more job, and no mail has been sent yet.",
        instead=_left(wrong[0]) if wrong else "",
        scopes=greetings,
    )


def test_only_an_id_and_a_day_travel(seen, judge):
    """What travels says which user and which day, and nothing else about them."""
    ada, grace, _, next_monday = map(travelling, seen.greetings)
    nothing_else = not any(word in hidden(ada) for word in ("Ada", "ada@example.com"))
    nothing_else = nothing_else and not any(word in hidden(grace) for word in ("Grace", "grace@example.com"))
    judge(
        nothing_else and len({ada, grace, next_monday}) == 3,
        TRAVELS,
        expected="what is in Redis says which user and which day. Ada's name and address may change while the job waits.",
        instead=f"for Ada and {MONDAY}, it says {brief(ada, 100)}; for {NEXT_MONDAY}, {brief(next_monday, 100)}.",
        scopes=seen.greetings[:1],
    )


def test_the_card_goes_where_the_user_lives_by_then(seen, judge):
    """In another process, days later, and after Ada has moved, each card still goes to the right user for the right day."""
    ada = ("ada@new.example.com", "Happy Monday, Ada King")
    expected = [ada, ("grace@example.com", "Happy Tuesday, Grace"), ada, ada]
    sent = [mail for run in seen.runs for mail in run.mails]
    later = [mail for run in seen.moved_again for mail in run.mails]
    right = sorted(sent) == sorted(expected) and later == [("ada@third.example.com", "Happy Tuesday, Ada King")]
    judge(
        right and not any(run.error for run in [*seen.runs, *seen.moved_again]),
        CARDS,
        expected="Ada has moved to ada@new.example.com, and is called Ada King now. The cards go to "
        f"{_names(sorted({*expected}))}. Then she moves once more, and her next card goes to ada@third.example.com.",
        instead=f"{sum(run.error is not None for run in seen.runs)} of {len(seen.runs)} jobs failed. The cards went to "
        f"{_names(sent)}; the next one to {_names(later)}.",
        scopes=[*seen.runs, *seen.moved_again],
    )


def test_the_card_is_for_the_day_that_was_meant(seen, judge):
    """Whatever day is meant, the card is for that day."""
    sent = [mail for run in seen.unusual for mail in run.mails]
    expected = [("grace@example.com", f"Happy {day:%A}, Grace") for day in UNUSUAL]
    judge(
        sorted(sent) == sorted(expected) and not any(run.error for run in seen.unusual),
        CARDS,
        expected=f"the cards for {' and '.join(map(str, UNUSUAL))} go to {_names(expected)}.",
        instead=f"{sum(run.error is not None for run in seen.unusual)} of {len(seen.unusual)} jobs failed. The cards went "
        f"to {_names(sent)}.",
        scopes=seen.unusual,
    )


def _leaves_one_job(greeting):
    return len(greeting.jobs) == 1 and greeting.error is None and not greeting.of("mail", "refused mail", "run")


def _left(greeting):
    refused = [str(event.what) for event in greeting.of("refused push")]
    mails = len(greeting.mails)
    said = f"{held(greeting.left, 'new ')}, and {mails or 'no'} {'mail was' if mails < 2 else 'mails were'} sent."
    return f"after {greeting.label}, {said}" + (f" The push was refused: {refused[0]}" if refused else "")


def _names(mails):
    return ", ".join(f"{to} ({subject})" for to, subject in mails) or "nobody"
