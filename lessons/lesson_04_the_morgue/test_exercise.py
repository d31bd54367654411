"""What the exercise of lesson 4 must do."""

from collections import Counter

import pytest

from lessons.course.rejection import reject
from lessons.kit import monday_morning
from minijobs import DeadSet, Fetcher, Processor, Queue, RetrySet, ScheduledSet, middleware

NAMES = ("Plato", "Diotima", "Simone", "Epictetus")  # others than in try, and one more
LOOK = "make try-4, then monday_morning(), keys(), clean_up() and keys() again."


class Monday:
    """Where each job was before `clean_up`, and where it is after it."""

    def __init__(self, exercise, redis, inbox):
        self.redis, self.inbox, self.ran = redis, inbox, []
        middleware.server.add(lambda worker, job, run: (self.ran.append(job["jid"]), run()))
        monday_morning(NAMES)
        self.before = everywhere()
        exercise.clean_up()
        self.after = everywhere()
        known = {job.jid for _, job in self.before}
        self.new = [job for _, job in self.after if job.jid not in known]

    def of(self, name, *places):
        """The ids of a class's jobs, that were in one of these places, or anywhere."""
        return [job.jid for place, job in self.before if job.class_name == name and (not places or place in places)]

    def places(self, jids):
        """Where these are now. A job that is there twice is in two places."""
        return [" and ".join(place for place, job in self.after if job.jid == jid) or "nowhere" for jid in jids]

    def place(self, name, place):
        """Where the job of this class is that was there."""
        (now,) = self.places(self.of(name, place))
        return now

    def says(self, *names):
        """Where the jobs of these classes are, in words."""
        said = []
        for name in names:
            counts = Counter(self.places(self.of(name)))
            said.append(f"{name}: " + ", ".join(f"{count} {within(place)}" for place, count in sorted(counts.items())))
        new = f" New jobs: {len(self.new)}." if self.new else ""
        sent = f" Mails sent: {len(self.inbox)}." if len(self.inbox) else ""
        return "; ".join(said) + "." + new + sent


@pytest.fixture
def monday(exercise, redis, inbox):
    return Monday(exercise, redis, inbox)


def test_the_welcomes_are_back_in_their_queue(monday):
    """The dead jobs of `WelcomeWorker` are back in their queue: the same jobs, once each."""
    died = monday.of("WelcomeWorker", "dead")
    back = [job for place, job in monday.after if place == "queue:default" and job.jid in died]
    forgotten = len(back) - sum("error_message" in job.item for job in back)
    there = monday.places(died) == ["queue:default"] * len(died)
    if there and not monday.new and not len(monday.inbox) and not forgotten:
        return
    moved = set(monday.places(died))
    if not monday.redis.exists("visitors"):
        looks_like = "flushing Redis. Whatever else the application keeps there is gone too"
    elif not monday.after:
        looks_like = "the exercise as it was handed out. It clears everything, the good jobs too, and nobody is told"
    elif monday.ran:
        looks_like = "running the jobs yourself. Put them into their queue: a worker process takes them from there"
    elif len(monday.inbox):
        looks_like = "calling perform. The mail goes out, and the job does not know of it: no log line, no retry if it fails"
    elif any(" and " in place for place in moved):
        looks_like = "pushing a job that is still elsewhere. It is there twice now, and sooner or later it runs twice"
    elif monday.new and moved == {"dead"}:
        looks_like = "pushing new jobs and leaving the old ones. Whoever sends those back later greets everybody twice"
    elif monday.new and moved == {"queue:default"}:
        looks_like = "sending the old jobs back and pushing new ones as well. Everybody is greeted twice"
    elif monday.new:
        looks_like = "pushing new jobs in place of the old ones. They have other ids, and their history is lost"
    elif forgotten:
        looks_like = "pushing them anew under their old ids. What they failed with, and how often, is forgotten"
    elif moved == {"nowhere"} and monday.place("InvoiceWorker", "dead") == "nowhere":
        looks_like = "deleting all that is dead. A job whose bug is mended can still do its work"
    elif moved == {"nowhere"}:
        looks_like = "deleting the welcomes. Their bug is mended: they can still do their work"
    elif moved == {"dead"}:
        looks_like = (
            "a clean_up that does not reach the dead welcomes. class_name is a text, such as 'WelcomeWorker', and retry() "
            "does nothing without its brackets"
        )
    elif any(place.startswith("queue:") and place != "queue:default" for place in moved):
        looks_like = "another queue. A job says in which one it was, and retry() puts it there"
    else:
        looks_like = (
            "reaching only some of the dead welcomes. There may be any number of them, anywhere in dead, with any error"
        )
    reject(
        expected=f"after clean_up(), the {len(died)} dead jobs of WelcomeWorker are in queue:default, under their old ids.",
        instead=monday.says("WelcomeWorker"),
        looks_like=f"{looks_like}.",
        look=LOOK,
    )


def test_the_newsletters_are_deleted(monday):
    """The jobs of `NewsletterWorker` are deleted, from `dead` and from `retry`."""
    died, tried = monday.place("NewsletterWorker", "dead"), monday.place("NewsletterWorker", "retry")
    if died == tried == "nowhere":
        return
    if "queue:default" in (died, tried):
        looks_like = "sending the newsletters back, too. Nobody knows their class, and nobody wants them"
    elif tried == "dead":
        looks_like = "kill(). It sends a job to dead, where it is kept for half a year. delete() takes it out"
    elif died == "nowhere":
        looks_like = "looking only into dead. The other newsletter waits in retry, and will fail again and again"
    elif tried == "nowhere":
        looks_like = "looking only into retry. The other newsletter has died already"
    else:
        looks_like = "a clean_up that does not reach the newsletters"
    reject(
        expected="after clean_up(), no job of NewsletterWorker is anywhere.",
        instead=monday.says("NewsletterWorker"),
        looks_like=f"{looks_like}.",
        look=LOOK,
    )


def test_everything_else_is_where_it_was(monday):
    """Everything else is where it was."""
    ours = {*monday.of("WelcomeWorker", "dead"), *monday.of("NewsletterWorker")}
    before, after = (
        [(place, job.raw, getattr(job, "score", None)) for place, job in jobs if job.jid not in ours]
        for jobs in (monday.before, monday.after)
    )
    if sorted(before, key=str) == sorted(after, key=str) and monday.redis.exists("visitors"):
        return
    invoice, certificate, renamed = (
        monday.place(name, "dead") for name in ("InvoiceWorker", "CertificateWorker", "SendUserGifWorker")
    )
    tried, welcome = monday.place("InvoiceWorker", "retry"), monday.place("WelcomeWorker", "retry")
    later, waiting = monday.place("WelcomeWorker", "schedule"), monday.place("WelcomeWorker", "queue:default")
    if tried == "nowhere":
        looks_like = "clearing a whole set. What else lies in it is gone as well"
    elif tried == later == "queue:default":
        looks_like = "being the poller. It moves whatever is due at the moment that you say, of all classes"
    elif invoice == certificate == renamed == "queue:default" and tried == "retry":
        looks_like = "sending back all the rest of the dead. Their bugs are not mended"
    elif "queue:default" in (invoice, certificate) and tried == "retry":
        looks_like = "going by the error. Another class has the same one, and its bug is not mended"
    elif "queue:default" in (invoice, tried):
        looks_like = "sending back whatever failed. Only one bug is mended"
    elif renamed == certificate == "nowhere":
        looks_like = "deleting all the rest. Nobody has looked at those yet"
    elif renamed == "nowhere":
        looks_like = "deleting whatever has an unknown class. This one was renamed, and its mail is still wanted"
    elif later == "queue:default":
        looks_like = "moving all welcomes. One was pushed for later, and its moment has not come"
    elif welcome != "retry":
        looks_like = "taking the welcome out of retry as well. It is tried at its moment without you"
    elif waiting == "nowhere":
        looks_like = "clearing the queue. The jobs in it were good ones"
    else:
        looks_like = "touching jobs that nobody asked you to touch"
    reject(
        expected="after clean_up(), the jobs of all other classes and the welcomes that were not dead are where they were.",
        instead=monday.says("InvoiceWorker", "CertificateWorker", "SendUserGifWorker")
        + f" Of the welcomes that were not dead, the one from queue:default is {within(waiting)}, "
        f"the one from retry {within(welcome)}, the one from schedule {within(later)}.",
        looks_like=f"{looks_like}.",
        look=LOOK,
    )


def test_everybody_is_welcomed_once(monday):
    """When worker processes run what is in the queue, everybody is welcomed once."""
    processor = Processor(Fetcher("default"))
    outcomes = []
    while outcome := processor.process_one():
        outcomes.append(outcome.name)
    sent = sorted(mail["Subject"] for mail in monday.inbox.mails)
    expected = sorted(f"Welcome, {name}" for name in ("Ada Lovelace", *NAMES))
    if sent == expected:
        return
    reject(
        expected=f"the queue is run empty: {len(expected)} mails, one each to {', '.join(NAMES)} and Ada Lovelace.",
        instead=f"the runs were {', '.join(outcomes)}, and the mails {', '.join(sent) or 'none'}.",
        looks_like="a WelcomeWorker that was changed. Its bug was mended before you came.",
        look="make try-4, then monday_morning(), clean_up(), work() four times, and inbox.",
    )


def everywhere():
    """All jobs, each with the name of its place."""
    places = [*Queue.all(), RetrySet(), ScheduledSet(), DeadSet()]
    return [(place.key, job) for place in places for job in place]


def within(place):
    return place if place == "nowhere" else f"in {place}"
