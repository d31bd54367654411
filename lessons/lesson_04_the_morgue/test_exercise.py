"""What the exercise of lesson 4 must do."""

from collections import Counter

import pytest

from lessons.course.rejection import reject
from lessons.kit import monday_morning
from minijobs import DeadSet, Fetcher, Processor, Queue, RetrySet, ScheduledSet, middleware

LOOK = "make try-4, then monday_morning(), keys(), clean_up() and keys() again."


class Monday:
    """Where each job was before `clean_up`, and where it is after it."""

    def __init__(self, exercise, redis, inbox):
        self.redis, self.inbox, self.ran = redis, inbox, []
        middleware.server.add(lambda worker, job, run: (self.ran.append(job["jid"]), run()))
        monday_morning()
        self.jobs = {job.jid: job for _, job in everywhere()}
        self.before = where()
        exercise.clean_up()
        self.after = where()

    def of(self, name, place=None):
        """The ids of a class's jobs, in one place or in all."""
        return [jid for jid, job in self.jobs.items() if job.class_name == name and place in (None, self.before[jid])]

    def places(self, jids):
        """Where these are now."""
        return [self.after.get(jid, "nowhere") for jid in jids]

    def new(self):
        """Jobs that were not there before."""
        return [job for _, job in everywhere() if job.jid not in self.jobs]

    def says(self, *names):
        """Where the jobs of these classes are, in words."""
        said = []
        for name in names:
            counts = Counter(self.places(self.of(name)))
            said.append(f"{name}: " + ", ".join(f"{count} {within(place)}" for place, count in sorted(counts.items())))
        new = f" There are {len(self.new())} new jobs." if self.new() else ""
        sent = f" {len(self.inbox)} mails were sent." if len(self.inbox) else ""
        return "; ".join(said) + "." + new + sent


@pytest.fixture
def monday(exercise, redis, inbox):
    return Monday(exercise, redis, inbox)


def test_the_welcomes_are_back_in_their_queue(monday):
    """The dead jobs of `WelcomeWorker` are back in their queue: the same jobs."""
    died = monday.of("WelcomeWorker", "dead")
    if monday.places(died) == ["queue:default"] * len(died) and not monday.new() and not len(monday.inbox):
        return
    moved = set(monday.places(died))
    if not monday.redis.exists("visitors"):
        looks_like = "flushing Redis. Whatever else the application keeps there is gone too"
    elif not monday.after:
        looks_like = "the exercise as it was handed out. It clears everything, the good jobs too, and nobody is told"
    elif monday.ran:
        looks_like = "running the jobs yourself. They are in their queue, and a worker process takes them from there"
    elif len(monday.inbox):
        looks_like = "calling perform. The mail goes out, and the job does not know of it: no log line, no retry if it fails"
    elif monday.new() and moved == {"dead"}:
        looks_like = "pushing new jobs and leaving the old ones. Whoever sends those back later greets everybody twice"
    elif monday.new():
        looks_like = "pushing new jobs in place of the old ones. They have other ids, and their history is lost"
    elif moved == {"nowhere"}:
        looks_like = "deleting all that is dead. A job whose bug is mended can still do its work"
    elif moved == {"dead"}:
        looks_like = "a clean_up that does not reach the dead welcomes"
    else:
        looks_like = "reaching only some of the dead welcomes. There may be any number of them, anywhere in dead"
    reject(
        expected=f"after clean_up(), the {len(died)} dead jobs of WelcomeWorker are in queue:default, under their old ids.",
        instead=monday.says("WelcomeWorker"),
        looks_like=f"{looks_like}.",
        look=LOOK,
    )


def test_the_newsletters_are_deleted(monday):
    """The jobs of `NewsletterWorker` are deleted, from `dead` and from `retry`."""
    newsletters = monday.of("NewsletterWorker")
    left = [place for place in monday.places(newsletters) if place != "nowhere"]
    if not left:
        return
    if "queue:default" in left:
        looks_like = "retry_all(). It sends back whatever is dead, and of these nobody knows the class"
    elif left == ["dead"] * len(newsletters):
        looks_like = "kill(). It sends a job to dead, where it is kept for half a year. delete() takes it out"
    elif left == ["retry"]:
        looks_like = "looking only into dead. The other newsletter waits in retry, and will fail again and again"
    elif left == ["dead"]:
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
    others = [jid for jid in monday.before if jid not in ours]
    if monday.places(others) == [monday.before[jid] for jid in others] and monday.redis.exists("visitors"):
        return
    invoices = monday.places([*monday.of("InvoiceWorker", "dead"), *monday.of("InvoiceWorker", "retry")])
    waiting = monday.places(monday.of("WelcomeWorker", "queue:default"))
    later = monday.places(monday.of("WelcomeWorker", "schedule"))
    if invoices == ["queue:default", "retry"]:
        looks_like = "going by the error. The invoice died of a ValueError too, of another one, and that is not mended"
    elif invoices == ["queue:default", "queue:default"]:
        looks_like = "sending back whatever failed. The invoice is not mended, and the other one was to wait for its moment"
    elif "nowhere" in invoices:
        looks_like = "clearing a whole set. What else lies in it is gone as well"
    elif later == ["queue:default"]:
        looks_like = "moving all welcomes. One was pushed for later, and its moment has not come"
    elif waiting == ["nowhere"]:
        looks_like = "clearing the queue. The jobs in it were good ones"
    else:
        looks_like = "touching jobs that nobody asked you to touch"
    reject(
        expected="after clean_up(), the two invoices, the welcome in the queue and the one for later are where they were.",
        instead=f"{monday.says('InvoiceWorker')} The welcome in the queue is {within(*waiting)}, "
        f"the one for later {within(*later)}.",
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
    if sent == ["Welcome, Ada Lovelace", "Welcome, Plato", "Welcome, Sappho"]:
        return
    reject(
        expected="the queue is run empty: three mails, one each to Ada, Plato and Sappho.",
        instead=f"the runs were {', '.join(outcomes)}, and the mails {', '.join(sent) or 'none'}.",
        looks_like="a WelcomeWorker that was changed. Its bug was mended before you came.",
        look="make try-4, then monday_morning(), clean_up(), work() three times, and inbox.",
    )


def everywhere():
    """All jobs, each with the name of its place."""
    places = [*Queue.all(), RetrySet(), ScheduledSet(), DeadSet()]
    return [(place.key, job) for place in places for job in place]


def where():
    return {job.jid: place for place, job in everywhere()}


def within(place):
    return place if place == "nowhere" else f"in {place}"
