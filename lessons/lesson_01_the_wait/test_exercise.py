"""What the exercise of lesson 1 must do."""

from dataclasses import dataclass, field

import pytest

from lessons.course.seen import Call, Run, held
from lessons.lesson_01_the_wait.misconceptions import ANSWERS, LEAVES, SENDS

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("Grace.Hopper@Example.com", 'two cats: "miau", 猫')
PRESSES = [ADA, ADA, GRACE]  # a visitor may press twice with the same words, and wants two mails

LOOK = 'make try-1, then create("ada@example.com", "hi"), keys() and inbox. In the lesson: "The second call".'


@dataclass
class Seen:
    """What was seen: three presses of the button, each run empty by another process, and one where both is one process."""

    presses: list[Call] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    alone: list[Run] = field(default_factory=list)


@pytest.fixture(scope="module")
def seen(witness):
    seen, web, worker = Seen(), witness.process(), witness.process()
    seen.presses = [witness.call(web, f"press {n}", "create", *words) for n, words in enumerate(PRESSES, start=1)]
    seen.runs = witness.work(worker)
    witness.redis.flushall()
    witness.call(web, "create", "create", *ADA)
    seen.alone = witness.work(web)
    return seen


def test_create_leaves_one_job_and_sends_nothing(seen, judge):
    """`create` leaves one job in Redis that can run at once, and sends nothing itself."""
    wrong = [press for press in seen.presses if not _leaves_one_job(press)]
    judge(
        not wrong,
        LEAVES,
        expected="after each create(…), Redis holds 1 more job, in a queue, and no mail has been sent yet.",
        instead=_number(wrong) + (_says(wrong[0]) if wrong else ""),
        scopes=seen.presses,
    )


def test_create_answers_the_visitor(seen, judge):
    """`create` answers the visitor without waiting, and names the address."""
    wrong = [press for press, (email, _) in zip(seen.presses, PRESSES, strict=True) if not _answers(press, email)]
    email = PRESSES[seen.presses.index(wrong[0])][0] if wrong else ""
    naps = sum(event.what for press in wrong for event in press.of("nap"))
    judge(
        not wrong,
        ANSWERS,
        expected=f'create(…) returns "You did it! An email is on its way to {email}", as before, and does not wait.',
        instead=_number(wrong)
        + (f"create returned {wrong[0].result!r}" if wrong and wrong[0].error is None else "create did not return")
        + (f", and paused for {naps:g} seconds." if naps else "."),
        scopes=seen.presses,
    )


def test_the_job_sends_the_mail(seen, judge):
    """Running the jobs, in another process, sends each visitor's mail, once."""
    sent = [(run.mails, [event for event in run.of("mail") if event.elsewhere]) for run in seen.runs]
    mails = [mail for run in seen.runs for mail in run.mails]
    failed = [run for run in seen.runs if run.error is not None]
    judge(
        sorted(mails) == sorted(PRESSES) and not failed and all(not late for _, late in sent),
        SENDS,
        expected=f"the three jobs of three presses were run, and the mails went to {_names(PRESSES)}.",
        instead=f"{len(seen.runs)} jobs were run, {len(failed)} failed, and the mails went to {_names(mails)}.",
        scopes=seen.runs,
    )


def _leaves_one_job(press):
    queued = [entry for entry in press.left if entry.job and entry.key == f"queue:{entry.job.get('queue')}"]
    return len(queued) == len(press.jobs) == 1 and not press.of("mail", "refused mail", "run")


def _answers(press, email):
    return press.error is None and press.result == f"You did it! An email is on its way to {email}" and not press.of("nap")


def _number(wrong):
    return f"at {wrong[0].label}, " if wrong else ""


def _says(press):
    mails = len(press.mails)
    return f"{held(press.left, 'new ')}, and {mails or 'no'} {'mail was' if mails < 2 else 'mails were'} sent."


def _names(mails):
    return ", ".join(f"{to} ({subject})" for to, subject in mails[:6]) or "nobody"
