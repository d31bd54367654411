"""The stories of the six tickets, each played on the running application. What was seen in each is written down."""

from __future__ import annotations

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from lessons.course.seen import Scope, brief
from minijobs import Client, DeadSet, Queue, RetrySet, ScheduledSet

from .running import HOUR, NOT_YET, Answer, Application

SOON = 3.0  # seconds in which something happens that is about to happen
PATIENCE = 6.0  # seconds after which a job that still asks, or still waits, is taken for one that does not end
MANY = 8  # times that one run of a job asks; it is then taken for one that does not end
HOURS = 6  # that the picture service is down

PICTURE = "a lighthouse in the fog"


@dataclass
class Story(Scope):
    """What was seen of a ticket's story: in words, step by step, and as facts."""

    steps: list[str] = field(default_factory=list)

    @property
    def happened(self) -> str:
        return "; ".join(self.steps)

    def note(self, step: str) -> None:
        """Write a step down."""
        self.steps.append(step)


@dataclass
class Thought(Story):
    """Ticket 1. The mail server keeps everybody waiting, and then refuses two mails."""

    page: Answer = NOT_YET
    by_page: int = 0  # mails that were tried while the worker process stood still
    answered: bool = False  # the page, while the mail server kept everybody waiting
    pushed: int = 0
    jobs: list[dict[str, Any]] = field(default_factory=list)  # what was pushed
    mails: int = 0
    good_day: int = 0  # mails, if the mail server works; asked only if the page pushed a job and tried to send one, too


@dataclass
class Picture(Story):
    """Ticket 2. The picture service answers nobody for some hours."""

    asked: int = 0  # before an hour had passed
    runs: int = 0  # of the job, until then
    hangs: bool = False  # whether that run did not end
    done: bool = False  # whether that run counted as done
    paused: int = 0
    kept: list[str] = field(default_factory=list)  # where the job was after the first run
    retry_for: float | None = None  # if the job is tried again for less than some hours, for how many seconds
    given_up: bool = False  # whether there was no job any more when the service worked again
    without: int = 0  # mails without the picture
    mails: int = 0  # mails with it


@dataclass
class Newsletter(Story):
    """Ticket 3. Somebody wants the newsletter."""

    by_page: int = 0
    pushed: list[str] = field(default_factory=list)  # the queues
    served: list[str] = field(default_factory=list)
    failure: str = ""  # what the job failed with
    left: bool = False  # whether a job that waited in `default` is still there
    mails: int = 0


@dataclass
class Data(Story):
    """Ticket 4. Grace, who has had her data once, wants it again, and changes her address before the job runs."""

    by_page: int = 0
    args: list[Any] = field(default_factory=list)
    failure: str = ""  # what the job failed with
    kept: list[str] = field(default_factory=list)
    old: int = 0
    new: int = 0
    outdated: int = 0  # mails to the new address that say that hers is the old one


@dataclass
class Welcome(Story):
    """Ticket 5. One account cannot be made; then there is one that takes a while to make."""

    refused: Answer = NOT_YET
    page: Answer = NOT_YET
    early: set[str] = field(default_factory=set)  # where its job was seen before the account was saved
    for_nobody: set[str] = field(default_factory=set)  # the ids of the jobs for the account that was never saved
    meanwhile: set[str] = field(default_factory=set)  # and of those for the other one, while that was being made
    at_the_end: bool = False  # and whether that was only when all else was ready to be saved
    paused: int = 0
    done_early: int = 0  # runs that counted as done before the account was saved
    failed: int = 0
    to_nobody: int = 0  # mails to the one who has no account
    mails: int = 0


def thought(app: Application) -> Thought:
    story, to = Thought("ticket 1"), "ada@example.com"
    clear(app)
    with app.standing_still():
        with app.inbox.waits():
            page = beside(lambda: app.press("thoughts", email=to, thought="a cat on a bicycle"))
            soon(lambda: page.done() or app.inbox.waiting)
            soon(page.done)
            soon(lambda: app.inbox.waiting or app.jobs())
            story.answered = page.done()
            app.inbox.refuse(2)
        story.page = page.result()
        soon(lambda: not app.inbox.waiting)
        story.jobs = [job for _, job in app.jobs()]
        story.by_page, story.pushed = len(app.inbox.tried), len(story.jobs)
        app.inbox.refuse(2)  # while no job can run: none has used up one of the two
    for wait in (app.settle, app.later, app.later):
        wait()
    app.inbox.refuse(0)
    story.mails = app.inbox.sent(to)
    if story.by_page and story.pushed:
        clear(app)
        app.press("thoughts", email=to, thought="a cat on a bicycle")
        app.settle()
        story.good_day = app.inbox.sent(to)
    story.note(f"while the mail server kept everybody waiting, the page {'answered' if story.answered else 'waited, too'}")
    story.note(f"Redis held {several(story.pushed, 'job')}")
    if story.by_page:
        story.note(f"the page itself tried to send the mail, {times(story.by_page)}")
    story.note(f"the page answered {story.page.status}")
    story.note(f"an hour later, and one more, {several(story.mails, 'mail')} had come")
    return story


def picture(app: Application) -> Picture:
    story, to = Picture("ticket 2"), "grace@example.com"
    clear(app)
    asked, heard = app.pictures.asked, app.heard()
    with app.pictures.down():
        app.press("picture", email=to)
        until = time.monotonic() + PATIENCE
        while not (app.settle(0.1) or app.pictures.asked - asked > MANY or time.monotonic() > until):
            pass
        story.hangs = app.busy()
        story.asked, story.kept = app.pictures.asked - asked, keys_of(app, "PictureWorker")
        said = app.said_since(heard)
        story.done = "PictureWorker: done" in "\n".join(said)
        story.runs = sum("PictureWorker: start" in line for line in said)
        story.paused = sum("a pause of" in line for line in said)
        story.retry_for = too_short(app, "PictureWorker")
        hours = 0
        while not (story.hangs or hours == HOURS or (hours and waits_for_days(app, "PictureWorker"))):
            app.later(PATIENCE)
            hours += 1
    story.given_up = not app.jobs("PictureWorker")
    for wait in (app.settle, app.later, app.later):
        wait(PATIENCE)
    mails = [mail.mail.get_content() for mail in app.inbox.caught if mail.to == to]
    story.mails = sum(PICTURE in mail for mail in mails)
    story.without = len(mails) - story.mails
    first = f"{story.runs} runs, one after the other," if story.runs > 1 else "the first run of the job"
    story.note(f"while the service answered nobody, {first} asked it {times(story.asked)}")
    ended = "did not come to an end" if story.hangs else "counted as done" if story.done else "ended"
    story.note(f"that {ended}, and the job was {'in ' + ', '.join(story.kept) if story.kept else 'nowhere'}")
    if story.retry_for:
        story.note(f"its retry_for is {story.retry_for:g} seconds")
    if story.without:
        story.note(f"{several(story.without, 'mail')} came without a picture")
    story.note(f"when the service worked again, {several(story.mails, 'mail')} came with one")
    return story


def newsletter(app: Application) -> Newsletter:
    story, to = Newsletter("ticket 3"), "linus@example.com"
    clear(app)
    with app.standing_still():
        app.press("newsletter", email=to)
        soon(lambda: app.inbox.tried or app.jobs())
        story.by_page = len(app.inbox.tried)
        story.pushed = [str(job["queue"]) for _, job in app.jobs()]
    Client().push({"class": "GoodbyeWorker", "args": ["somebody@example.com"]})  # to default, as it was handed out
    app.settle()
    story.failure = failure_of(app)
    app.later()
    story.left = len(Queue("default")) > 0
    story.served = [name for worker in app.workers for name in app.served(worker)]
    story.mails = app.inbox.sent(to)
    if story.by_page:
        story.note("the page itself sent a mail")
    story.note(f"Redis held {several(len(story.pushed), 'job')}{' in ' + ', '.join(story.pushed) if story.pushed else ''}")
    story.note(f"the worker process takes jobs from {', '.join(story.served)}")
    if story.failure:
        story.note(f"a run failed with {brief(story.failure, 80)}")
    if story.left:
        story.note("a job that waited in default is still there")
    story.note(f"{several(story.mails, 'mail')} came")
    return story


def data(app: Application) -> Data:
    story, old, new = Data("ticket 4"), "grace@example.com", "grace@new.example.com"
    app.press("address", name="grace", email=old)
    clear(app)
    app.press("data", name="grace")  # an answer that keeps a user it has looked up keeps her from here on
    app.settle()
    clear(app)
    with app.standing_still():
        app.press("data", name="grace")
        soon(lambda: app.inbox.tried or app.jobs())
        story.by_page = len(app.inbox.tried)
        story.args = [job["args"] for _, job in app.jobs()]
        app.press("address", name="grace", email=new)
    app.settle()
    story.failure = failure_of(app)
    for _ in range(2):
        app.later()
    story.kept = [key for key, _ in app.jobs()]
    story.old, story.new = app.inbox.sent(old), app.inbox.sent(new)
    story.outdated = sum(old in mail.mail.get_content() for mail in app.inbox.caught if mail.to == new)
    if story.by_page:
        story.note("the page itself sent a mail")
    story.note(f"the job's arguments were {brief(story.args[0] if story.args else 'none: Redis held no job', 100)}")
    if story.failure:
        story.note(f"a run failed with {brief(story.failure, 80)}")
    story.note(f"{several(story.new, 'mail')} came to Grace's new address, and {story.old or 'none'} to her old one")
    if story.outdated:
        story.note("the mail said that her address is the old one")
    return story


def welcome(app: Application) -> Welcome:
    story, mark = Welcome("ticket 5"), secrets.token_hex(3)
    nobody, somebody = f"edsger-{mark}", f"barbara-{mark}"
    clear(app)
    heard = app.heard()

    def look() -> bool:
        """Whether a job is there, or has been, for an account that is not saved."""
        story.early |= set(keys_of(app, "WelcomeWorker"))
        story.early |= {"a run" for line in app.said_since(heard) if "WelcomeWorker: start" in line}
        return bool(story.early)

    app.pictures.broken = True
    story.refused = app.press("accounts", name=nobody, email=f"{nobody}@example.com")
    app.settle()
    app.pictures.broken = False
    look()
    story.for_nobody = jids(app, "WelcomeWorker")
    with app.pictures.down():
        page = beside(lambda: app.press("accounts", name=somebody, email=f"{somebody}@example.com"))
        soon(lambda: app.pictures.waiting or page.done(), PATIENCE)
        if look():
            app.settle(PATIENCE)
            look()
            app.later(PATIENCE)
        story.meanwhile = jids(app, "WelcomeWorker") - story.for_nobody
        said = app.said_since(heard)
        story.paused = sum("a pause of" in line for line in said)
        story.done_early = sum("WelcomeWorker: done" in line for line in said)
        locked = hold_back_the_commit(app)
        locked.__enter__()
    try:  # now all is ready to be saved
        if not story.early:
            story.at_the_end = soon(lambda: look() or page.done(), SOON / 3) and bool(story.early)
    finally:
        locked.__exit__(None, None, None)
    story.page = page.result()
    for wait in (app.settle, app.later, app.later):
        wait(PATIENCE)
    story.failed = sum("WelcomeWorker: fail:" in line for line in app.said_since(heard))
    story.to_nobody = app.inbox.sent(f"{nobody}@example.com")
    story.mails = app.inbox.sent(f"{somebody}@example.com")
    story.note(f"two signed up; the page answered the first {story.refused.status}, and the second {story.page.status}")
    if story.early:
        never = story.for_nobody and not story.meanwhile
        story.note(f"there was a job for an account that was {'never saved' if never else 'not saved yet'}")
    if story.failed:
        story.note(f"{several(story.failed, 'run')} failed")
    story.note(f"the first got {several(story.to_nobody, 'mail')}, and the second {story.mails or 'none'}")
    return story


# What they have in common.


def clear(app: Application) -> None:
    """Nothing is left of an earlier story: no job, and no mail."""
    for place in (RetrySet(), ScheduledSet(), DeadSet(), *Queue.all()):
        place.clear()
    app.settle()
    app.inbox.refuse(0)
    app.inbox.caught, app.inbox.tried = [], []


def keys_of(app: Application, worker: str) -> list[str]:
    """The kinds of places where jobs of this Worker are."""
    return [key.partition(":")[0] for key, _ in app.jobs(worker)]


def jids(app: Application, worker: str) -> set[str]:
    """The ids of the jobs of this Worker."""
    return {str(job["jid"]) for _, job in app.jobs(worker)}


def failure_of(app: Application) -> str:
    """What a job failed with that Redis holds; empty if there is none."""
    found = (f"{job['error_class']}: {job['error_message']}" for _, job in app.jobs() if "error_class" in job)
    return next(found, "")


def waits_for_days(app: Application, worker: str) -> bool:
    """Whether every job of this Worker, if there is one, waits in `retry` and is tried again for some hours."""
    found = app.jobs(worker)
    return all(key == "retry" and (job["retry"] is True or job["retry"] > HOURS) for key, job in found)


def too_short(app: Application, worker: str) -> float | None:
    """For how many seconds a job of this Worker is tried again, if that is less than some hours."""
    found = (job["retry_for"] for _, job in app.jobs(worker) if job.get("retry_for"))
    return next((seconds for seconds in found if seconds < HOURS * HOUR), None)


@contextmanager
def hold_back_the_commit(app: Application) -> Iterator[None]:
    """Meanwhile, somebody reads in the database, so that nothing can be saved."""
    db = sqlite3.connect(app.database, isolation_level=None, check_same_thread=False)
    try:
        db.execute("begin")
        db.execute("select * from sqlite_master").fetchall()
        yield
    finally:
        db.close()


def beside(do: Callable[[], Answer]) -> Future[Answer]:
    """Do it in a thread."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(do())
        except BaseException as error:  # or else the one that asks for the result would wait for ever
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def soon(condition: Callable[[], object], seconds: float = SOON) -> bool:
    """Whether this becomes true within a few seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def several(count: int, noun: str) -> str:
    """So many of them, in words.

    >>> several(1, "job"), several(0, "mail")
    ('1 job', 'no mails')
    """
    return f"1 {noun}" if count == 1 else f"{count or 'no'} {noun}s"


def times(count: int) -> str:
    """How often, in words."""
    return {0: "not at all", 1: "once", 2: "twice"}.get(count, f"{count} times")


PLAYED: tuple[Callable[[Application], Story], ...] = (thought, picture, newsletter, data, welcome)
