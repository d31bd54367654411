"""The stories of the six tickets, each played on the running application. What was seen in each is written down."""

from __future__ import annotations

import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from lessons.course.seen import Scope, brief
from minijobs import Client, DeadSet, Queue, RetrySet, ScheduledSet

from .running import HOUR, NOT_YET, Answer, Application

SOON = 3.0  # seconds in which something happens that is about to happen
PAUSE = 2.0  # seconds that a run may pause; one that pauses for longer is a thread that waits
PATIENCE = 6.0  # seconds after which a job that still asks, or still waits, is taken for one that does not end
MANY = 8  # times that one run of a job asks; it is then taken for one that does not end
HOURS = 6  # that the picture service is down

YESTERDAY, PICTURE = "a heron at dawn", "a lighthouse in the fog"


@dataclass
class Story(Scope):
    """What was seen of a ticket's story: in words, step by step, and as facts."""

    steps: list[str] = field(default_factory=list)
    stuck: str = ""  # a queue in which a job waits at the end, and which nobody serves
    served_then: list[str] = field(default_factory=list)  # the queues that somebody serves

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
    """Ticket 2. Somebody gets the picture of the day. The next day, the picture service answers nobody for some hours."""

    asked: int = 0  # before an hour had passed
    runs: int = 0  # of the job, until then
    hangs: bool = False  # whether a run had not ended then
    seconds: float = 0.0  # until then
    done: bool = False  # whether that run counted as done
    paused: float = 0.0  # for how many seconds, in all (the check makes each pause short)
    kept: list[str] = field(default_factory=list)  # where the job was after the first run
    retry_for: float | None = None  # if the job is tried again for less than some hours, for how many seconds
    given_up: bool = False  # whether there was no job any more when the service worked again
    dead: bool = False  # whether it was in `dead` by then
    without: int = 0  # mails without a picture
    yesterdays: int = 0  # mails with that of the day before
    mails: int = 0  # mails with it


@dataclass
class Newsletter(Story):
    """Ticket 3. Somebody wants the newsletter."""

    by_page: int = 0
    pushed: list[str] = field(default_factory=list)  # the queues
    served: list[str] = field(default_factory=list)
    processes: int = 1  # that run jobs
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
    """Ticket 5. One avatar cannot be drawn; the next takes a while. Then somebody signs up whose mail is refused."""

    refused: Answer = NOT_YET
    saved: bool = False  # whether the first has an account all the same
    avatar: bool = False  # and an avatar
    page: Answer = NOT_YET
    early: set[str] = field(default_factory=set)  # where jobs were seen for an account that was not there
    for_nobody: set[str] = field(default_factory=set)  # the ids of those for the first
    meanwhile: set[str] = field(default_factory=set)  # and of those for the second, while that account was being made
    at_the_end: bool = False  # and whether that was only when all else was ready to be saved
    paused: int = 0
    done_early: int = 0  # runs that counted as done before the account was saved
    failed: int = 0
    to_first: int = 0  # mails
    mails: int = 0  # to the second
    by_page: int = 0  # mails that were tried for the third while the worker process stood still
    last: Answer = NOT_YET  # what the third was told
    last_saved: bool = False

    @property
    def to_nobody(self) -> int:
        """Mails to the first, if there is no such account."""
        return 0 if self.saved else self.to_first

    @property
    def true_to_the_first(self) -> bool:
        """Whether the first was told what is so, and was greeted once if there is an account, and else not at all."""
        return (self.refused.status < 400) == self.saved == bool(self.to_first) and self.to_first <= 1


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
    app.pictures.today = YESTERDAY
    app.press("picture", email="linus@example.com")
    app.settle()
    app.pictures.today = PICTURE
    clear(app)
    asked, heard = app.pictures.asked, app.heard()
    with app.pictures.down():
        app.press("picture", email=to)
        begun = time.monotonic()
        while not (app.settle(0.1) or app.pictures.asked - asked > MANY or time.monotonic() > begun + PATIENCE):
            pass
        story.hangs, story.seconds = app.busy(), time.monotonic() - begun
        story.asked, story.kept = app.pictures.asked - asked, keys_of(app, "PictureWorker")
        said = app.said_since(heard)
        story.done = "PictureWorker: done" in "\n".join(said)
        story.runs = sum("PictureWorker: start" in line for line in said)
        story.paused = sum(float(found[1]) for line in said if (found := re.match(r"a pause of (\S+) s ", line)))
        story.retry_for = too_short(app, "PictureWorker")
        hours = 0
        while not (story.hangs or hours == HOURS or (hours and waits_for_days(app, "PictureWorker"))):
            app.later(PATIENCE)
            hours += 1
    story.given_up, story.dead = not app.jobs("PictureWorker"), "dead" in keys_of(app, "PictureWorker")
    for wait in (app.settle, app.later, app.later):
        wait(PATIENCE)
    mails = [mail.mail.get_content() for mail in app.inbox.caught if mail.to == to]
    story.mails, story.yesterdays = (sum(picture in mail for mail in mails) for picture in (PICTURE, YESTERDAY))
    story.without = len(mails) - story.mails - story.yesterdays
    first = f"{story.runs} runs, one after the other," if story.runs > 1 else "the first run of the job"
    story.note(f"while the service answered nobody, {first} asked it {times(story.asked)}")
    ended = (
        f"was still going on after {story.seconds:.0f} seconds"
        if story.hangs
        else "counted as done"
        if story.done
        else "ended"
    )
    story.note(f"that {ended}, and the job was {'in ' + ', '.join(story.kept) if story.kept else 'nowhere'}")
    if story.paused:
        story.note(f"it paused for {story.paused:g} seconds (the check makes each pause short)")
    if story.retry_for:
        story.note(f"its retry_for is {story.retry_for:g} seconds")
    if story.dead:
        story.note("it was in dead when the service worked again")
    if story.yesterdays:
        story.note(f"{several(story.yesterdays, 'mail')} came with the picture of the day before")
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
    story.served, story.processes = served(app), len(app.workers)
    story.mails = app.inbox.sent(to)
    if story.by_page:
        story.note("the page itself sent a mail")
    story.note(f"Redis held {several(len(story.pushed), 'job')}{' in ' + ', '.join(story.pushed) if story.pushed else ''}")
    who = "the worker process takes" if story.processes == 1 else f"{story.processes} worker processes take"
    story.note(f"{who} jobs from {', '.join(story.served)}")
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
    nobody, somebody, another = (f"{name}-{mark}" for name in ("edsger", "barbara", "alan"))
    clear(app)
    heard = begun = app.heard()
    known: set[str] = set()  # the ids of the jobs that are not looked at any more

    def look(name: str, db: sqlite3.Connection | None = None) -> bool:
        """Whether a job is there, or has been, for an account that is not there. (A job is looked for first.)"""
        found = {key.partition(":")[0] for key, job in app.jobs("WelcomeWorker") if job["jid"] not in known}
        found |= {"a run" for line in app.said_since(heard) if "WelcomeWorker: start" in line}
        if found and account(app, name, db) is None:
            story.early |= found
        return bool(story.early)

    app.pictures.broken = True
    story.refused = app.press("accounts", name=nobody, email=f"{nobody}@example.com")
    app.settle()
    app.pictures.broken = False
    look(nobody)
    known = jids(app, "WelcomeWorker")
    first = account(app, nobody)
    story.saved, story.avatar = first is not None, bool(first and first.get("avatar"))
    story.for_nobody = set() if story.saved else set(known)
    heard = heard if story.early else app.heard()
    with app.pictures.down():
        page = beside(lambda: app.press("accounts", name=somebody, email=f"{somebody}@example.com"))
        soon(lambda: app.pictures.waiting or page.done(), PATIENCE)
        if look(somebody):
            app.settle(PATIENCE)
            look(somebody)
            app.later(PATIENCE)
        if account(app, somebody) is None:
            story.meanwhile = jids(app, "WelcomeWorker") - known
            story.done_early = sum("WelcomeWorker: done" in line for line in app.said_since(heard))
        story.paused = sum("a pause of" in line for line in app.said_since(begun))
        locked = hold_back_the_commit(app)
        db = locked.__enter__()
    try:  # now all is ready to be saved
        if not story.early:
            story.at_the_end = soon(lambda: look(somebody, db) or page.done(), SOON / 3) and bool(story.early)
    finally:
        locked.__exit__(None, None, None)
    story.page = page.result()
    for wait in (app.settle, app.later, app.later):
        wait(PATIENCE)
    story.failed = sum("WelcomeWorker: fail:" in line for line in app.said_since(begun))
    tried, known = len(app.inbox.tried), jids(app, "WelcomeWorker")
    with app.standing_still():
        app.inbox.refuse(1)
        story.last = app.press("accounts", name=another, email=f"{another}@example.com")
        soon(lambda: len(app.inbox.tried) > tried or jids(app, "WelcomeWorker") - known)
        story.by_page = len(app.inbox.tried) - tried
        app.inbox.refuse(0)
    app.settle(PATIENCE)
    story.last_saved = account(app, another) is not None
    story.to_first = app.inbox.sent(f"{nobody}@example.com")
    story.mails = app.inbox.sent(f"{somebody}@example.com")
    story.note(f"two signed up; the page answered the first {story.refused.status}, and the second {story.page.status}")
    if story.early:
        never = story.for_nobody and not story.meanwhile
        story.note(f"there was a job for an account that {'is not there' if never else 'was not saved yet'}")
    if story.failed:
        story.note(f"{several(story.failed, 'run')} failed")
    if story.saved != (story.refused.status < 400):
        story.note(f"the first {'has an account' if story.saved else 'has no account'}")
    story.note(f"the first got {several(story.to_first, 'mail')}, and the second {story.mails or 'none'}")
    if story.by_page:
        story.note(f"the page itself tried to send a third one's mail, was refused, and answered {story.last.status}")
    return story


def played(number: int, app: Application) -> Story:
    """Play the story of this ticket, and note whether a job waits at its end where nobody takes it."""
    story = PLAYED[number - 1](app)
    story.served_then = served(app)
    waiting = {str(job["queue"]) for key, job in app.jobs() if key.startswith("queue:")} - set(story.served_then)
    if waiting:
        story.stuck = min(waiting)
        story.note(f"a job waits in {story.stuck}, and nobody takes jobs from there")
    return story


# What they have in common.


def clear(app: Application) -> None:
    """Nothing is left of an earlier story: no job, and no mail."""
    for place in (RetrySet(), ScheduledSet(), DeadSet(), *Queue.all()):
        place.clear()
    app.settle()
    app.inbox.refuse(0)
    app.inbox.caught, app.inbox.tried = [], []


def served(app: Application) -> list[str]:
    """The queues that the worker processes take jobs from."""
    return list(dict.fromkeys(name for worker in app.workers for name in app.served(worker)))


def keys_of(app: Application, worker: str) -> list[str]:
    """The kinds of places where jobs of this Worker are."""
    return [key.partition(":")[0] for key, _ in app.jobs(worker)]


def jids(app: Application, worker: str) -> set[str]:
    """The ids of the jobs of this Worker."""
    return {str(job["jid"]) for _, job in app.jobs(worker)}


def account(app: Application, name: str, db: sqlite3.Connection | None = None) -> dict[str, Any] | None:
    """What the database holds of the user with this name, as anybody can read it now; None if there is no such user."""
    if db is None:
        with closing(sqlite3.connect(app.database)) as own:
            return account(app, name, own)
    try:
        found = db.execute("select * from users where name = ?", [name])
    except sqlite3.OperationalError:  # the table is called something else now
        return None
    row = found.fetchone()
    return row and dict(zip((one[0] for one in found.description), row, strict=True))


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
def hold_back_the_commit(app: Application) -> Iterator[sqlite3.Connection]:
    """Meanwhile, somebody reads in the database, so that nothing can be saved: with this connection."""
    db = sqlite3.connect(app.database, isolation_level=None, check_same_thread=False)
    try:
        db.execute("begin")
        db.execute("select * from sqlite_master").fetchall()
        yield db
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
