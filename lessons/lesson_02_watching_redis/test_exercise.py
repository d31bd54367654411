"""What the exercise of lesson 2 must do."""

import base64
import json
from datetime import date

import pytest

from lessons.course.catalogue import load
from lessons.course.rejection import redis_holds, reject
from lessons.kit import find_user, people
from minijobs import BadArgument, Fetcher, Processor, Queue, worker

MONDAY, TUESDAY, NEXT_MONDAY = date(2026, 11, 23), date(2026, 11, 24), date(2026, 11, 30)
LOOK = "make try-2, then greet(find_user(1), date(2026, 11, 23))"


@pytest.fixture(autouse=True)
def _everybody_at_home():
    people.as_they_were()
    yield
    people.as_they_were()


def test_greet_leaves_one_job(exercise, inbox):
    """`greet` leaves one job in Redis, and sends nothing itself."""
    refusal = None
    try:
        exercise.greet(find_user(1), MONDAY)
    except BadArgument as error:
        refusal = error
    if (len(Queue("default")), len(inbox), refusal) == (1, 0, None):
        return
    if refusal and "is a User" in str(refusal):
        looks_like = "the exercise as it was handed out. A User is an object of this process, and no job can hold one"
    elif refusal:
        looks_like = "any argument will do. Only what JSON can write down fits into a job"
    elif len(inbox):
        looks_like = (
            "calling perform directly, because a plain call takes any object. There is no job, and greet waits for the mail"
        )
    elif len(Queue("default")):
        looks_like = "pushing more than once. Two pushes are never merged: each sends a mail"
    else:
        looks_like = "swallowing the refusal. It is quiet now, and no mail will ever be sent"
    reject(
        expected="after greet(ada, monday), 1 job in queue:default and no mail in the inbox yet.",
        instead=f"the push was refused: {refusal}"
        if refusal
        else f"{redis_holds()}, and the inbox holds {len(inbox)} {'mail' if len(inbox) == 1 else 'mails'}.",
        looks_like=f"{looks_like}.",
        look=f"{LOOK} and keys().",
    )


def test_only_an_id_and_a_day_travel(exercise):
    """What travels says which user and which day, and nothing else about them."""
    ada = find_user(1)
    for day in (MONDAY, TUESDAY, NEXT_MONDAY):
        exercise.greet(ada, day)
    job, tuesday, next_monday = Queue("default")
    written = json.dumps(job.args)
    hidden = b"".join(_decoded(argument) for argument in job.args)
    nothing_else = ada.email not in written and ada.name not in written and ada.email.encode() not in hidden
    if nothing_else and job.args not in (tuesday.args, next_monday.args):
        return
    if hidden:
        looks_like = (
            "pickle, or something like it: an object packed into text. It gets through, but it is a photograph of Ada as "
            "she is today, which nobody can read, and which breaks when the class changes"
        )
    elif any(isinstance(argument, dict) for argument in job.args):
        looks_like = "a copy of the user. Copies do not change when the user does"
    elif "User(" in written:
        looks_like = "making it text with str(user). It gets through, but perform gets a text, not a User"
    elif ada.email in written:
        looks_like = (
            "taking along what could be looked up. The address travels, and the card goes to where Ada lived when you pushed"
        )
    elif not nothing_else:
        looks_like = "taking along what could be looked up. The name travels, and Ada may have another one by then"
    elif job.args == tuesday.args:
        looks_like = "the day on which the job runs. A job may wait for days: which day was meant must travel with it"
    else:
        looks_like = "a weekday in place of a day. Two Mondays look alike, and which one was meant is lost"
    reject(
        expected="the job's args hold Ada's id and the day. Her name and her address may change while it waits.",
        instead=f"for November 23rd, args are {_short(written)}, for the day after {_short(json.dumps(tuesday.args))}.",
        looks_like=f"{looks_like}.",
        look=f"{LOOK} and keys().",
    )


def test_the_card_goes_where_the_user_lives_by_then(exercise, answer, inbox):
    """In another process, and after Ada has moved, each card still goes to the right user for the right day."""
    exercise.greet(find_user(1), MONDAY)
    exercise.greet(find_user(2), TUESDAY)
    people.move_house(1, "ada@new.example.com")
    waiting = list(Queue("default"))
    worker.registry.clear()
    load(answer)  # the worker process: it has the same code, and none of the same variables
    processor = Processor(Fetcher("default"))
    outcomes = [processor.process_one() for _ in range(2)]
    failed = next((outcome.error for outcome in outcomes if outcome and outcome.error), None)
    sent = [(mail["To"], mail["Subject"]) for mail in inbox.mails]
    right = [("ada@new.example.com", "Happy Monday, Ada"), ("grace@example.com", "Happy Tuesday, Grace")]
    if sent == right:
        return
    if isinstance(failed, ValueError) and "format specifier" in str(failed):
        looks_like = "the day is still text in perform. It came out of Redis as it went in; make a date of it again"
    elif failed and _works_here(exercise, waiting[0]):
        looks_like = (
            "a variable of this process: something that greet left where perform could find it. It works where both are in "
            "one process. The worker process is another one"
        )
    elif failed:
        looks_like = "perform takes other arguments than greet pushes, or expects more of them than JSON gives back"
    elif not sent:
        looks_like = "a perform that does nothing. The jobs ran, and count as done"
    elif any(address == "ada@example.com" for address, _ in sent):
        looks_like = "a user who was looked up too early. By the time the job runs, Ada has moved"
    elif sorted(address for address, _ in sent) != sorted(address for address, _ in right):
        looks_like = "fixed values in place of the arguments. Each job is about one user: the one that greet was given"
    else:
        looks_like = "another text than was asked for. The weekday of the day, and the name that the user has by then"
    reject(
        expected=f"the inbox holds {' and '.join(map(str, right))}.",
        instead=f"it holds {', '.join(map(str, sent)) or 'no mail'}."
        + (f" The job failed: {type(failed).__name__}: {failed}" if failed else ""),
        looks_like=f"{looks_like}.",
        look=f"{LOOK}, work() and inbox.",
    )


def _decoded(argument):
    """What a text hides in base64, if it hides anything."""
    if not isinstance(argument, str) or len(argument) < 40:
        return b""
    try:
        return base64.b64decode(argument, validate=True)
    except ValueError:
        return b""


def _works_here(exercise, job):
    """Whether the job would have run in the process that pushed it."""
    try:
        exercise.SendCardWorker().perform(*job.args)
    except Exception:
        return False
    return True


def _short(text):
    return text if len(text) <= 60 else text[:59] + "…"
