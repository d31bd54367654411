"""The stories that the check tells: what is killed after which step, what is done then, and what the books say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from lessons.course.seen import Call, Event, Run, Scope
from lessons.kit import session, shop
from minijobs import Queue, rescue_orphans

from .crashing import Dying, Life, at

ADA, GRACE = ("ada@example.com", 500), ("grace@example.com", 700)

MOST_STEPS = 40

# How often sweep is called once everything has been done.
MINUTES = 3

Part = Callable[[Dying], object]


@dataclass(frozen=True)
class Wrong:
    """Something in the books that should not be so."""

    kind: str  # "raised", "no order", "for nothing", "twice", "never", "not marked" or "no receipt"
    text: str


@dataclass
class Trial:
    """One story: what was killed, after which step, what was done then, and what the books say."""

    of: str  # "buy", "sweep" or "job"
    first: Life
    then: Life
    special: str = ""  # what was done then, in words, if it differs from what is usual
    wrong: list[Wrong] = field(default_factory=list)
    next: Event | None = None  # what would have come next

    @property
    def last(self) -> Event | None:
        """The step after which the process was killed."""
        return self.first.events[self.first.steps[-1]] if self.first.killed and self.first.steps else None

    def has(self, *kinds: str) -> bool:
        """Whether one of these things is wrong."""
        return any(one.kind in kinds for one in self.wrong)

    def between(self) -> str:
        """Between which two lines the process was killed."""
        last, following = self.last, self.next
        assert last is not None
        who = {"buy": "buy", "sweep": "sweep", "job": "the job"}[self.of]
        if last.kind == "line":  # a line is reported before it runs
            return f"{who} was killed after {at(self.first.events[self.first.steps[-1] - 1])}, and before {at(last)}"
        after = f"{who} was killed after {at(last)}"
        return f"{after}, and before {at(following)}" if following is not None else f"{after}, its last step"

    def story(self) -> str:
        """What happened, in words."""
        then = {
            "buy": "Then Grace bought something, all jobs ran, and sweep was called.",
            "sweep": "Then sweep was called again, and all jobs ran.",
            "job": "Then the job was run again, a day later and on another machine.",
        }[self.of]
        return f"{self.between()}. {self.special or then} In the end, {'; '.join(one.text for one in self.wrong)}."


# What a process does.


def buys(email: str, cents: int) -> Callable[[Dying], Call]:
    """The web page of somebody who buys."""
    return lambda dying: dying.call(dying.here(), "buy", "buy", email, cents, looking=False)


def sweeps(dying: Dying) -> Call:
    """The minute is over."""
    return dying.call(dying.here(), "sweep", "sweep", looking=False)


def sweeps_if_nothing_waits(dying: Dying) -> None:
    """Some answers push in `sweep` only."""
    if not Queue.all():
        sweeps(dying)


def works(dying: Dying) -> list[Run]:
    """A worker process, until no job is left."""
    return dying.work(dying.here())


def rescues(dying: Dying) -> None:
    """The heartbeats of the dead are over."""
    rescue_orphans()


def works_later(dying: Dying) -> list[Run]:
    """The same when more than a year has passed: whatever waits for its next try is due."""
    return dying.work(dying.here(), later=True)


def wrong_books(receipts: Counter[tuple[str, str]], expected: dict[str, int], raised: str = "") -> list[Wrong]:
    """What is wrong in the books. `receipts` are the mails; of each buyer, so many orders are `expected`. `raised` is what
    buy raised, if it did."""
    orders, payments = shop.orders(), Counter(shop.payments())
    ordered = Counter((email, cents) for _, email, cents, _ in orders)
    found = []
    for email, count in expected.items():
        there = sum(order[1] == email for order in orders)
        if there != count:
            text = f"there should be {_count(count, 'order', verb=False)} by {email}, not {there}"
            found.append(Wrong("no order", text + (f", because buy raised {raised}" if raised else "")))
    for who in sorted({*ordered, *payments}):
        few, many = ordered[who], payments[who]
        text = f"{_count(many, 'payment')} taken from {who[0]}, for {_count(few, 'order', verb=False)}"
        if not few:
            found.append(Wrong("for nothing", text))
        elif many > few:
            found.append(Wrong("twice", text))
        elif many < few:
            found.append(Wrong("never", text))
    for number, email, _, paid in orders:
        if not paid:
            found.append(Wrong("not marked", f"order {number} is not marked as paid"))
        if not receipts[email, f"receipt for order {number}"]:
            found.append(Wrong("no receipt", f"no receipt for order {number} went out"))
    return found


def _count(number: int, noun: str, *, verb: bool = True) -> str:
    said = f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
    return said + (" was" if number == 1 else " were") * verb


SWEEPS_FIRST = "Then sweep was called, its jobs ran, and after that the killed one was run again."
BOTH_DIED = "Before that, buy had been killed after its commit. Then sweep was called again, and all jobs ran."
NOBODY_ELSE = "Then nobody else bought anything, all jobs ran, also those for later, and sweep was called."

# What comes after a kill: the heartbeats are over, all jobs run, and some minutes pass.
AFTERWARDS: tuple[Part, ...] = (rescues, works, sweeps, works, sweeps, works_later)


# The stories.


@dataclass
class Quiet:
    """Nobody dies: two orders of Ada's, and `sweep` is called while their jobs wait, and later. In the check's process."""

    calls: list[Call]
    runs: list[Run]
    wrong: list[Wrong]
    still: list[Scope] = field(default_factory=list)  # what sweep and its jobs did when all had been done for minutes

    def story(self) -> str:
        """What is wrong, in words."""
        return "; ".join(one.text for one in self.wrong) + "."


class Stories:
    """Tells them, on one Redis."""

    def __init__(self, dying: Dying, redis: Any) -> None:
        self.dying, self.redis = dying, redis

    def quiet(self, *, apart: bool = False) -> Quiet:
        """What becomes of it if nobody dies. `apart` has a worker process of its own for each job."""
        self._begin()
        dying = self.dying
        calls = [buys(*ADA)(dying), buys(*ADA)(dying), sweeps(dying)]
        runs = self._each_apart() if apart else works(dying)
        calls.append(sweeps(dying))
        runs += works(dying)
        dying.goes_on()
        events = [event for scope in (*calls, *runs) for event in scope.events]
        raised = [Wrong("raised", f"{call.label} raised {type(call.error).__name__}") for call in calls if call.error]
        wrong = raised + self._wrong_books(events, ada=2)
        return Quiet(calls, runs, wrong, [] if wrong or apart else self._minutes_later())

    def _minutes_later(self) -> list[Scope]:
        """What sweep and its jobs still do when all has been done for some minutes; empty if they leave it alone."""
        for _ in range(MINUTES):
            scopes: list[Scope] = [sweeps(self.dying), *works(self.dying)]
            if not any(scope.of("push", "payment", "mail") for scope in scopes):
                return []
        return scopes

    def runs_again(self) -> Trial | None:
        """The story in which a job has asked for its payment, is killed, and runs again; None if there is none."""
        for kill_after in range(1, MOST_STEPS):
            trial = self._tell("job", [buys(*ADA), sweeps_if_nothing_waits, works], AFTERWARDS, kill_after, {"ada": 1})
            if trial.last is None or trial.last.kind == "payment":
                return trial if trial.last else None
        return None

    def killed(self) -> list[Trial]:
        """Every story in which a process is killed."""
        by_buy = self._of("buy", [buys(*ADA)], [buys(*GRACE), *AFTERWARDS])
        for number, trial in enumerate(by_buy, start=1):
            if trial.last is not None and trial.last.kind == "push" and trial.next is not None:  # perhaps no order is there
                by_buy.append(self._again(trial, NOBODY_ELSE, [buys(*ADA)], [works_later, *AFTERWARDS], number))
                break
        by_sweep = self._of("sweep", [buys(*ADA), sweeps], AFTERWARDS)
        for number, trial in enumerate(by_buy, start=1):  # an order without a job, which is what sweep is for
            if trial.last is not None and trial.last.kind == "commit" and trial.next is not None:
                before = partial(self.dying.live, "buy", buys(*ADA), kill_after=number)
                twice = self._of("sweep", [sweeps], AFTERWARDS, before)
                by_sweep += [replace(one, special=BOTH_DIED) for one in twice]
                break
        for_a_job: list[Part] = [buys(*ADA), sweeps_if_nothing_waits, works]
        of_jobs = self._of("job", for_a_job, AFTERWARDS)
        for number, trial in enumerate(of_jobs, start=1):
            if trial.last is not None and trial.last.kind == "payment":  # another job for the order comes before the rescue
                then = [sweeps, works, rescues, *AFTERWARDS[1:]]
                of_jobs.append(self._again(trial, SWEEPS_FIRST, for_a_job, then, number))
                break
        return by_buy + by_sweep + of_jobs

    def _again(self, trial: Trial, special: str, parts: list[Part], then: Sequence[Part], kill_after: int) -> Trial:
        """The same kill, and then something else."""
        expected = {} if trial.of == "buy" else {"ada": 1}
        return replace(self._tell(trial.of, parts, then, kill_after, expected), special=special, next=trial.next)

    def _of(self, of: str, parts: list[Part], then: Sequence[Part], before: Callable[[], object] = bool) -> list[Trial]:
        """Killed after the first step, after the second, and so on, until it comes to its end. `before` comes first."""
        trials: list[Trial] = []
        orders = {"grace": 1} if of == "buy" else {"ada": 1}
        while (
            len(trials) < MOST_STEPS and (trial := self._tell(of, parts, then, len(trials) + 1, orders, before)).first.killed
        ):
            trials.append(trial)
        for one in trials:
            one.next = _following(trial.first, len(one.first.steps))
        return trials

    def _tell(
        self,
        of: str,
        parts: list[Part],
        then: Sequence[Part],
        kill_after: int,
        orders: dict[str, int],
        before: Callable[[], object] = bool,
    ) -> Trial:
        """Killed after this step; or, if there are fewer, not killed at all, and then nothing comes afterwards."""
        self._begin()
        before()
        first = self.dying.live(of, *parts, kill_after=kill_after)
        if not first.killed:
            return Trial(of, first, Life("afterwards"))
        after = self.dying.live("afterwards", *then)
        wrong = self._wrong_books([*first.events, *after.events], after.raised.get("buy", ""), **orders)
        return Trial(of, first, after, wrong=wrong)

    def _begin(self) -> None:
        self.redis.flushall()
        for file in session.folder().iterdir():  # the shop, and whatever an answer has written
            file.unlink()

    def _each_apart(self) -> list[Run]:
        runs: list[Run] = []
        while more := self.dying.work(self.dying.process(), most=1):
            runs += more
        return runs

    def _wrong_books(self, events: list[Event], raised: str = "", **orders: int) -> list[Wrong]:
        """What is wrong, after these events; of each of these buyers, there must be so many orders. See `wrong_books`."""
        receipts = Counter((event.what[0], event.what[1]) for event in events if event.kind == "mail")
        return wrong_books(receipts, {f"{name}@example.com": count for name, count in orders.items()}, raised)


def _following(whole: Life, count: int) -> Event | None:
    """The step after the first `count` ones."""
    return whole.events[whole.steps[count]] if count < len(whole.steps) else None
