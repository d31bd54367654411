"""What the exercise of lesson 4 must do."""

import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import pytest

from lessons.course.seen import Call, Entry, Run, minus
from lessons.kit import monday_morning
from lessons.kit.monday import BUG, HOUR, failed_twice
from lessons.lesson_04_the_morgue.misconceptions import NEWSLETTERS, REST, WELCOMED, WELCOMES
from minijobs import Client, UnknownWorker

NAMES = ("Plato", "Diotima", "Simone", "Epictetus")  # others than in try, and one more
ELSEWHERE = "Lucretius"  # a dead welcome of another queue
NAMESAKE = NAMES[1]  # there are two of this name, and both want to be welcomed
OLD, NEW = "Boethius", "Averroes"  # the oldest and the newest of all dead jobs
# More dead welcomes. Whoever goes on by number, while what was dealt with is taken out, skips one of them, whether they take
# 5, 10, 20, 50 or 100 at a time: a block among the oldest, and one shortly after the end of each such page.
SAGES = ("Thales", "Solon", "Chilon", "Bias", "Cleobulus")
SKIPPED = {12: "Pittacus", 22: "Periander", 52: "Anacharsis", 102: "Myson"}
SLOW = TimeoutError("it took too long")  # an error that no welcome died of
GONE = UnknownWorker("No Worker is called NewsletterWorker.")

# More than a page of the sets, which has 100.
MANY = 130

# So many kinds of entries are listed that were touched; of the others, only how many they are.
MOST_KINDS = 6

LOOK = (
    "make try-4, then monday_morning(), keys(), clean_up() and keys() again. (The check puts more there: another queue, "
    "classes with similar names, more than a hundred dead jobs.)"
)


@dataclass
class Seen:
    """What was seen: what Redis held before clean_up and after it, what happened meanwhile, and the runs afterwards."""

    before: list[Entry]
    after: list[Entry] = field(default_factory=list)
    call: Call | None = None
    lazy: list[int] = field(default_factory=list)  # lines of the answer where something stands that nobody goes through
    runs: list[Run] = field(default_factory=list)
    welcome: list[Run] = field(default_factory=list)  # a new job of WelcomeWorker, in a Redis that holds nothing else

    def of(self, name, *keys):
        """The jobs of a class that lay there before, or anywhere."""
        return [one for one in self.before if one.job and one.job["class"] == name and (not keys or one.key in keys)]

    def now(self, entry):
        """Where this job is now, by its id: the keys, one for each time that it is there."""
        return self._after_by_jid.get(entry.job["jid"], [])

    @cached_property
    def _after_by_jid(self):
        found = {}
        for one in self.after:
            if one.job:
                found[one.job.get("jid")] = sorted([*found.get(one.job.get("jid"), []), one.key])
        return found

    def places(self, entries):
        """Where these are now, in words, with how many there are of each."""
        counts = Counter(" and ".join(self.now(entry)) or "nowhere" for entry in entries)
        return ", ".join(
            f"{count} {place if place == 'nowhere' else f'in {place}'}" for place, count in sorted(counts.items())
        )

    @property
    def new(self):
        """The jobs that have an id which no job had before."""
        known = {entry.job["jid"] for entry in self.before if entry.job}
        return [entry for entry in self.after if entry.job and entry.job.get("jid") not in known]

    @property
    def others(self):
        """What nobody asked to touch, as it was before."""
        asked = {entry.raw for entry in [*self.of("WelcomeWorker", "dead"), *self.of("NewsletterWorker")]}
        return [entry for entry in self.before if entry.raw not in asked and entry.key != "queues"]

    @property
    def touched(self):
        """Those of them that are not as they were."""
        return minus(self.others, self.after)


@pytest.fixture(scope="module")
def seen(witness):
    monday_morning(NAMES)
    more_of_monday(witness.redis)
    seen = Seen(witness.entries(), lazy=witness.never_gone_through())
    seen.call = witness.call(witness.process(), "clean_up()", "clean_up")
    seen.after = witness.entries()
    seen.runs = witness.work(witness.process())
    witness.redis.flushall()
    Client().push({"class": "WelcomeWorker", "args": ["Zeno"]})
    seen.welcome = witness.work(witness.process())
    return seen


def more_of_monday(redis):
    """What makes it hard: more than a page, another queue, and jobs that share one thing each with those that are meant."""
    now = time.time()
    later, dead, retry = now + 7 * 24 * HOUR, [], []
    dead += [("ReportWorker", [number], SLOW, "default") for number in range(MANY)]
    dead += [
        ("WelcomeWorker", [ELSEWHERE], BUG, "mail"),
        ("WelcomeWorker", [NAMESAKE], BUG, "default"),
        ("WelcomeBackWorker", ["Cicero"], BUG, "default"),
        ("WarmWelcomeWorker", ["Cicero"], BUG, "default"),
        ("InvoiceWorker", ["WelcomeWorker"], SLOW, "default"),
        ("CertificateWorker", ["Hypatia"], ValueError("WelcomeWorker and NewsletterWorker said no"), "default"),
        ("NewsletterArchiveWorker", ["last week"], SLOW, "default"),
        ("WeeklyNewsletterWorker", ["last week"], SLOW, "default"),
        *(("NewsletterWorker", ["last week", f"{name}@example.com"], GONE, "default") for name in ("old", "older")),
    ]
    retry += [("ReportWorker", [number], SLOW, "default") for number in range(MANY, 2 * MANY)]
    retry += [
        ("InvoiceWorker", ["NewsletterWorker"], SLOW, "default"),
        ("NewsletterArchiveWorker", ["now"], SLOW, "default"),
        ("WeeklyNewsletterWorker", ["now"], SLOW, "default"),
    ]
    dead.reverse()  # the oldest first
    dead[:0] = [("WelcomeWorker", [name], BUG, "default") for name in (OLD, *SAGES)]
    for place, name in SKIPPED.items():
        dead.insert(place, ("WelcomeWorker", [name], BUG, "default"))
    entries = {}
    for age, (name, args, error, queue) in enumerate(dead):
        died = now - 80 * HOUR - (len(dead) - age) * 60
        entries[failed_twice(name, args, error, died, retry=1, queue=queue)] = died
    redis.zadd("dead", {**entries, failed_twice("WelcomeWorker", [NEW], BUG, now - 1, retry=1): now - 1})
    entries = {}
    for age, (name, args, error, queue) in enumerate(retry):
        entries[failed_twice(name, args, error, now, retry=True, queue=queue)] = later + age
    redis.zadd("retry", entries)
    last = later + MANY * HOUR
    redis.zadd("retry", {failed_twice("NewsletterWorker", ["last week", "late@example.com"], GONE, now, retry=True): last})
    redis.hset("user:7", "name", "Cicero")


def test_the_welcomes_are_back_in_their_queue(seen, judge):
    """The dead jobs of `WelcomeWorker` are back in their queue: the same jobs, once each."""
    died = seen.of("WelcomeWorker", "dead")
    happened = seen.call.of("run", "mail", "refused mail")
    judge(
        all(_is_back(seen, entry) for entry in died) and not seen.new and not happened and seen.call.error is None,
        WELCOMES,
        expected=f"the {len(died)} dead jobs of WelcomeWorker are in the queue that each of them names ({len(died) - 1} in "
        f"queue:default, {ELSEWHERE}'s in queue:mail), under their old ids, with their history. Nothing was run or mailed.",
        instead=f"of the dead welcomes, {seen.places(died)}."
        + (f" New jobs: {len(seen.new)}." if seen.new else "")
        + (f" Mails sent: {len(seen.call.mails)}." if seen.call.mails else ""),
        scopes=[seen.call],
    )


def test_the_newsletters_are_deleted(seen, judge):
    """The jobs of `NewsletterWorker` are deleted, from `dead` and from `retry`."""
    letters = seen.of("NewsletterWorker")
    judge(
        not any(seen.now(entry) for entry in letters),
        NEWSLETTERS,
        expected=f"no job of NewsletterWorker is anywhere. {len(letters) // 2} were in dead, {len(letters) // 2} in retry.",
        instead=f"of those in dead, {seen.places(seen.of('NewsletterWorker', 'dead'))}; of those in retry, "
        f"{seen.places(seen.of('NewsletterWorker', 'retry'))}.",
        scopes=[seen.call],
    )


def test_everything_else_is_where_it_was(seen, judge):
    """Everything else is where it was."""
    touched = seen.touched
    said = Counter(f"a {one.job['class']} from {one.key}" if one.job else one.key for one in touched).most_common()
    kinds = [f"{n} × {one}" for one, n in said[:MOST_KINDS]]
    if left := sum(n for _, n in said[MOST_KINDS:]):
        kinds.append(f"and {left} more")
    judge(
        not touched,
        REST,
        expected=f"the {len(seen.others)} other entries are as they were: the jobs of other classes, the welcomes that were "
        "not dead, and whatever else the application keeps in Redis.",
        instead=f"{len(touched)} of them {'is' if len(touched) == 1 else 'are'} not: " + ", ".join(kinds) + ".",
        scopes=[seen.call],
    )


def test_everybody_is_welcomed_once(seen, judge):
    """When worker processes run what is in the queues, everybody is welcomed once."""
    sent = [subject.removeprefix("Welcome, ") for run in seen.runs for _, subject in run.mails]
    expected = ["Ada Lovelace", *NAMES, NAMESAKE, ELSEWHERE, OLD, NEW, *SAGES, *SKIPPED.values()]
    judge(
        sorted(sent) == sorted(expected) and not any(run.error for run in seen.runs),
        WELCOMED,
        expected=f"every job in the queues is run: one mail each to {', '.join(expected)}.",
        instead=f"there were {len(seen.runs)} runs, and the mails went to {', '.join(sent) or 'nobody'}.",
        scopes=seen.runs,
    )


def _is_back(seen, entry):
    """Whether a job is in its queue, once, and still the same: nothing that it said of itself has changed."""
    there = [one for one in seen.after if one.job and one.job.get("jid") == entry.job["jid"]]
    same = ("class", "args", "queue", "created_at", "failed_at", "error_message", "error_class")
    return [one.key for one in there] == [f"queue:{entry.job['queue']}"] and all(
        there[0].job.get(name) == entry.job.get(name) for name in same
    )
