"""What the exercise of lesson 3 must do."""

from collections import Counter
from dataclasses import dataclass, field

import pytest

from lessons.course.rejection import is_slip
from lessons.course.seen import Call, Entry, Run, held
from lessons.lesson_03_retries.misconceptions import CREATES, GIVES_UP, TRIES_AGAIN, asked

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")

# How many runs are waited for. Six are right.
MOST = 10

LOOK = 'make try-3, then inbox.refuse(1), create("ada@example.com", "hi"), work() and keys().'


@dataclass
class Seen:
    """What was seen: a press with a mail server that refuses twice, one with a server that refuses the recipient, one with a
    server that is well, one with a server that always refuses, and two at a time with such a server. The runs of their jobs,
    and what is left in Redis after them."""

    answer: object
    presses: list[Call] = field(default_factory=list)
    twice: list[Run] = field(default_factory=list)
    recipient: list[Run] = field(default_factory=list)
    well: list[Run] = field(default_factory=list)
    always: list[Run] = field(default_factory=list)
    both: list[Run] = field(default_factory=list)
    after_twice: list[Entry] = field(default_factory=list)
    after_always: list[Entry] = field(default_factory=list)
    workers: list = field(default_factory=list)


@pytest.fixture(scope="module")
def seen(witness, inbox):
    seen, web, worker = Seen(witness.answer), witness.process(), witness.process()
    seen.workers = worker.workers
    inbox.refuse(2)
    seen.presses.append(witness.call(web, "create, while the mail server is busy", "create", *ADA))
    seen.twice = _work(witness, worker)
    seen.after_twice = _jobs(witness)
    witness.redis.flushall()
    inbox.refuse(0)
    inbox.refuse_recipients(1)
    seen.presses.append(witness.call(web, "create, while the mail server takes no recipient", "create", *ADA))
    seen.recipient = _work(witness, worker)
    witness.redis.flushall()
    inbox.refuse_recipients(0)
    seen.presses.append(witness.call(web, "create, while the mail server works", "create", *GRACE))
    seen.well = _work(witness, worker)
    witness.redis.flushall()
    inbox.refuse(10_000)
    seen.presses.append(witness.call(web, "create, while the mail server is busy for good", "create", *ADA))
    seen.always = _work(witness, worker)
    seen.after_always = _jobs(witness)
    witness.redis.flushall()
    for _ in range(2):
        seen.presses.append(witness.call(web, "create, while the mail server is busy for good", "create", *ADA))
    seen.both = _work(witness, worker, most=2 * MOST)
    inbox.refuse(0)
    return seen


def test_create_leaves_a_job(seen, judge):
    """`create` leaves one job in Redis, and answers at once, without asking the mail server itself."""
    wrong = [press for press in seen.presses if not _leaves_a_job(press)]
    judge(
        not wrong,
        CREATES,
        expected="after create(…), Redis holds 1 more job, the visitor has an answer, and the mail server was not asked.",
        instead=_left(wrong[0]) if wrong else "",
        scopes=wrong,
    )


def test_a_refused_mail_is_tried_again(seen, judge, answer):
    """When the mail server refuses twice, the same job waits and is tried again twice, and then the mail goes out."""
    right = [asked(run) for run in seen.twice] == [1, 1, 1] and not seen.after_twice
    right = right and len({run.job.get("jid") for run in seen.twice}) == 1 and seen.twice[-1].mails == [ADA]
    right = right and [mail for run in seen.well for mail in run.mails] == [GRACE]
    recipient = [asked(run) for run in seen.recipient] == [1, 1] and seen.recipient[-1].mails == [ADA]
    slips = [run for run in seen.twice if is_slip(run.error, answer)]
    judge(
        right and recipient and not slips,
        TRIES_AGAIN,
        expected="the same job runs three times, with a while in between. Each run asks the mail server once; the third "
        "time the mail goes out, and no job is left.",
        instead=f"{_runs(seen.twice)}. The mails went to {_names(seen.twice)}. {held(seen.after_twice)}."
        + ("" if recipient else f" With a server that refused the recipient once, {_runs(seen.recipient)}."),
        scopes=[*slips[:1], *seen.twice, *seen.recipient, *seen.well],
    )


def test_it_gives_up_after_five_retries(seen, judge, answer):
    """After 5 retries the job is in `dead`."""
    jids = {run.job.get("jid") for run in seen.always}
    there = [entry.key for entry in seen.after_always] == ["dead"] and seen.after_always[0].job["jid"] in jids
    times = Counter(run.job.get("jid") for run in seen.both)
    equally = list(times.values()) == [6, 6]
    judge(
        len(seen.always) == 6 and len(jids) == 1 and there and all(asked(run) == 1 for run in seen.always) and equally,
        GIVES_UP,
        expected="the mail server always refuses: 1 run, 5 retries, and then 1 job in dead.",
        instead=f"there were {len(seen.always)}{' runs or more' if len(seen.always) == MOST else ' runs'}. "
        f"{held(seen.after_always)}."
        + ("" if equally or len(seen.always) != 6 else f" Of two such jobs at a time, {_each(times)}."),
        scopes=[*seen.always, *seen.both],
    )


def _work(witness, worker, most=MOST):
    runs = witness.work(worker, most=most)
    while len(runs) < most and (more := witness.work(worker, later=True, most=most - len(runs), first=len(runs) + 1)):
        runs += more
    return runs


def _jobs(witness):
    return [entry for entry in witness.entries() if entry.job]


def _leaves_a_job(press):
    answered = press.error is None and isinstance(press.result, str) and press.result.strip()
    return len(press.jobs) == 1 and answered and not press.of("mail", "refused mail", "run", "nap")


def _left(press):
    answer = f"raised {type(press.error).__name__}" if press.error else f"returned {press.result!r}"
    return f"{held(press.left, 'new ')}, create {answer}, and the mail server was asked {_times(asked(press))}."


def _runs(runs):
    """How many there were, and how often each asked the mail server."""
    times = ", ".join(_times(asked(run)) for run in runs)
    return f"there {'was 1 run' if len(runs) == 1 else f'were {len(runs)} runs'}, and the mail server was asked {times}"


def _each(times):
    """How often each job ran."""
    return " and ".join(f"one ran {_times(count)}" for count in sorted(times.values())) or "none ran"


def _names(runs):
    return ", ".join(to for run in runs for to, _ in run.mails) or "nobody"


def _times(count):
    return "1 time" if count == 1 else f"{count} times"
