"""What people believe who get exercise 4 wrong, and what proves that they do. See `lessons.course.rejection`."""

from lessons.course.rejection import Misconceptions

WELCOMES, NEWSLETTERS, REST, WELCOMED = Misconceptions(), Misconceptions(), Misconceptions(), Misconceptions()


def where(seen, name, key, *args):
    """Where the jobs of this class are now that lay under this key (with this first argument): the set of their places."""
    entries = [one for one in seen.of(name, key) if not args or one.job["args"][0] == args[0]]
    return {" and ".join(seen.now(one)) or "nowhere" for one in entries}


def died(seen):
    """The places where the dead welcomes are now."""
    return where(seen, "WelcomeWorker", "dead")


def back_and_left(seen):
    """The dead welcomes that are not in dead any more, and those that are."""
    welcomes = seen.of("WelcomeWorker", "dead")
    left = [one for one in welcomes if "dead" in seen.now(one)]
    return [one for one in welcomes if one not in left], left


def pages(seen):
    """The welcomes on the first page of dead, and those on its last."""
    dead = [one for one in seen.before if one.key == "dead"]
    return [[one for one in page if one.job and one.job["class"] == "WelcomeWorker"] for page in (dead[:100], dead[-100:])]


def _other_moment(before, now):
    return now.key == before.key and now.raw == before.raw and now.score != before.score


BACK = {"queue:default", "queue:mail"}


@WELCOMES.add
def flushes(seen):
    if not any(entry.key == "visitors" for entry in seen.after):
        return "flushing Redis. Whatever else the application keeps there is gone, too."
    return None


@WELCOMES.add
def as_handed_out(seen):
    if not any(entry.job for entry in seen.after) and any(entry.key == "visitors" for entry in seen.after):
        return "the exercise as it was handed out. It clears everything, the good jobs too, and nobody hears of it."
    return None


@WELCOMES.add
def runs_them(seen):
    for event in seen.call.of("run"):
        return f"running the jobs yourself{event.line}. Put them into their queue: a worker process takes them from there."
    return None


@WELCOMES.add
def calls_perform(seen):
    for event in seen.call.of("mail", "refused mail"):
        if event.direct:
            return (
                f"calling perform{event.line_of_the_call}. The mail goes out, and the job does not know of it: no line in "
                "the log, no retry if it fails."
            )
    return None


@WELCOMES.add
def sends_back_and_pushes(seen):
    if seen.new and died(seen) == BACK:
        return "sending the old jobs back and pushing new ones as well. Everybody is greeted twice."
    return None


@WELCOMES.add
def pushes_and_keeps(seen):
    if seen.new and died(seen) == {"dead"}:
        return "pushing new jobs and leaving the old ones. Whoever sends those back later greets everybody twice."
    return None


@WELCOMES.add
def pushes_new_ones(seen):
    if seen.new and died(seen) == {"nowhere"}:
        return "pushing new jobs in place of the old ones. They have other ids, and their history is lost."
    return None


@WELCOMES.add
def pushes_the_same_again(seen):
    if any("queue:default" in place and "dead" in place for place in died(seen)):
        return "pushing a job that is still in dead. It is there twice now, and sooner or later it runs twice."
    return None


@WELCOMES.add
def pushes_under_the_same_id(seen):
    jids = {one.job["jid"]: one.job for one in seen.of("WelcomeWorker", "dead")}
    for one in seen.after:
        if one.key.startswith("queue:") and one.job and one.job.get("jid") in jids and not one.job.get("error_message"):
            return "pushing them anew under their old ids. What they failed with, and how often, is forgotten."
    return None


@WELCOMES.add
def key_without_queue(seen):
    for one in seen.after:
        if one.job and one.key in ("default", "mail") and one.job["class"] == "WelcomeWorker":
            return (
                f"taking the name of a queue for its key. The jobs lie under {one.key!r}, but the key of a queue is "
                f"'queue:{one.key}'."
            )
    return None


@WELCOMES.add
def always_default(seen):
    if where(seen, "WelcomeWorker", "dead", "Lucretius") == {"queue:default"}:
        return (
            "putting every job into the same queue. One of them came from the queue mail; a job says in which one it "
            "was, and "
            "retry() puts it there."
        )
    return None


@WELCOMES.add
def deletes_the_dead(seen):
    if died(seen) == where(seen, "InvoiceWorker", "dead") == {"nowhere"}:
        return "deleting all that is dead. A job whose bug is fixed can still do its work."
    return None


@WELCOMES.add
def deletes_the_welcomes(seen):
    if died(seen) == {"nowhere"} and not seen.new and where(seen, "InvoiceWorker", "dead") != {"nowhere"}:
        return "deleting the welcomes. Their bug is fixed: they can still do their work."
    return None


@WELCOMES.add
def one_error_only(seen):
    if seen.call.error is not None:
        return None
    if (
        where(seen, "WelcomeWorker", "dead", "Epictetus") == {"dead"}
        and where(seen, "WelcomeWorker", "dead", "Plato") == {"queue:default"}
        and where(seen, "CertificateWorker", "dead", "Seneca") == {"queue:default"}
    ):
        return (
            "going by the error. A welcome that died of another one stays in dead, and a certificate that died of the "
            "same one was sent back, though its bug is not fixed."
        )
    return None


@WELCOMES.add
def only_those_of_the_bug(seen):
    left = [one for one in seen.of("WelcomeWorker", "dead") if seen.now(one) == ["dead"]]
    if [one.job["args"] for one in left] == [["Epictetus"]] and where(seen, "CertificateWorker", "dead", "Seneca") == {
        "dead"
    }:
        return (
            "leaving the welcome that died of another error. What is asked for is all the dead jobs of WelcomeWorker, "
            "whatever "
            "they died of."
        )
    return None


@WELCOMES.add
def one_of_each_name(seen):
    if where(seen, "WelcomeWorker", "dead", "Diotima") == {"queue:default", "nowhere"} and not seen.new:
        return (
            "deleting one of two that look alike. Two people are called Diotima: each of the two jobs has an id of its own, "
            "and both are wanted."
        )
    return None


@WELCOMES.add
def only_one(seen):
    if seen.call.error is not None:
        return None
    back = [one for one in seen.of("WelcomeWorker", "dead") if "dead" not in seen.now(one)]
    if len(back) == 1:
        return "stopping after the first. There may be any number of them, anywhere in dead."
    return None


@WELCOMES.add
def one_page_only(seen):
    if seen.call.error is not None:
        return None
    back, left = back_and_left(seen)
    if left and back in pages(seen):
        return (
            "taking one page for the whole set. page(…) returns a hundred jobs, and there are more; for job in DeadSet() "
            "goes through all of them."
        )
    return None


@WELCOMES.add
def only_the_youngest(seen):
    back, left = back_and_left(seen)
    several = len(back) > 1 and left and back not in pages(seen)
    if several and seen.call.error is None and min(one.score for one in back) > max(one.score for one in left):
        return (
            f"leaving those that have been dead for longest: {len(left)} of {len(back) + len(left)} welcomes. What is asked "
            "for is all of them, whenever they died."
        )
    return None


@WELCOMES.add
def goes_through_nothing(seen):
    if seen.lazy and died(seen) == {"dead"} and not seen.call.acts:
        return (
            f"a map or a generator that nobody goes through (line {seen.lazy[0]}). It does something only when somebody "
            "asks it for its elements: write a for loop."
        )
    return None


@WELCOMES.add
def reschedules(seen):
    moved = [one for one in seen.of("WelcomeWorker", "dead") if any(_other_moment(one, now) for now in seen.after)]
    if moved and died(seen) == {"dead"}:
        return (
            "giving them another moment. They have it, and are still in dead: the poller moves what is due in retry and "
            "schedule, and nothing else."
        )
    return None


@WELCOMES.add
def pages_that_move(seen):
    later = [event for event in seen.call.of("call") if event.what[0] == "page" and event.what[1:2] > (0,)]
    left = [one for one in seen.of("WelcomeWorker", "dead") if seen.now(one) == ["dead"]]
    events = seen.call.of("call")
    moved = [events.index(event) for event in events if event.what[0] == "retry"]
    if left and later and moved and moved[0] < events.index(later[0]):
        return (
            f"going on by number in a set that gets shorter (line {later[0].places[0][0]}). What was taken out before is "
            "missing, so the next page begins too far on, and some are skipped."
        )
    return None


@WELCOMES.add
def reaches_none(seen):
    called = {event.what[0] for event in seen.call.of("call")} & {"retry", "reschedule", "retry_all"}
    if died(seen) == {"dead"} and not (seen.new or seen.call.error or seen.call.acts or called or seen.lazy):
        return (
            "a clean_up that does not reach the dead welcomes: all of them are in dead, as before. class_name is a "
            "string, such as 'WelcomeWorker', and retry does nothing without its parentheses."
        )
    return None


@NEWSLETTERS.add
def sends_newsletters_back(seen):
    if where(seen, "NewsletterWorker", "dead") == {"queue:default"}:
        return "sending the newsletters back, too. Nobody wants them any more: they are to be deleted."
    return None


@NEWSLETTERS.add
def kills(seen):
    if where(seen, "NewsletterWorker", "retry") == {"dead"}:
        return "kill(). It sends a job to dead, where it is kept for half a year. delete() takes it out."
    return None


@NEWSLETTERS.add
def one_page_of_newsletters(seen):
    near, far = [], []
    for key in ("dead", "retry"):
        there = [one for one in seen.before if one.key == key]
        for one in seen.of("NewsletterWorker", key):
            (near if there.index(one) < 100 else far).append(one)
    if all(seen.now(one) for one in far) and not any(seen.now(one) for one in near):
        return (
            "taking one page for the whole set. page(…) returns a hundred jobs; all newsletters that are left lie beyond "
            "the first hundred."
        )
    return None


@NEWSLETTERS.add
def looks_into_dead_only(seen):
    if seen.call.error is not None:
        return None
    if where(seen, "NewsletterWorker", "dead") == {"nowhere"} and where(seen, "NewsletterWorker", "retry") == {"retry"}:
        return "looking only into dead. The other newsletters wait in retry, and will fail again and again."
    return None


@NEWSLETTERS.add
def looks_into_retry_only(seen):
    if seen.call.error is not None:
        return None
    looked = died(seen) != {"dead"}  # otherwise it is not only the newsletters that it left there
    if (
        looked
        and where(seen, "NewsletterWorker", "dead") == {"dead"}
        and where(seen, "NewsletterWorker", "retry") == {"nowhere"}
    ):
        return "looking only into retry. The other newsletters have died already."
    return None


@REST.add
def built_anew(seen):
    touched = [one for one in seen.touched if one.job]
    if touched and all(
        [one.key] == seen.now(one) and any(other.raw == one.raw and other.score != one.score for other in seen.after)
        for one in touched
    ):
        return (
            "taking jobs out and writing them back. They are where they were, but with other scores: the moments of "
            "death, or "
            "of the next try, are lost."
        )
    return None


@REST.add
def is_the_poller(seen):
    if where(seen, "InvoiceWorker", "retry") == where(seen, "WelcomeWorker", "schedule") == {"queue:default"}:
        return "doing the poller's work. It moves every job that is due at the moment you name, whatever its class."
    return None


@REST.add
def clears_retry(seen):
    gone = {*where(seen, "InvoiceWorker", "retry"), *where(seen, "ReportWorker", "retry")} == {"nowhere"}
    if gone and not any(entry.key == "retry" for entry in seen.after):
        return "clearing the whole of retry. What else lies in it is gone as well."
    return None


@REST.add
def sends_back_the_rest(seen):
    if where(seen, "ReportWorker", "dead") == where(seen, "CertificateWorker", "dead") == {"queue:default"} and where(
        seen, "ReportWorker", "retry"
    ) == {"retry"}:
        return "sending back all the rest of the dead. Their bugs are not fixed."
    return None


@REST.add
def sends_back_all_that_failed(seen):
    if where(seen, "ReportWorker", "dead") == where(seen, "ReportWorker", "retry") == {"queue:default"}:
        return "sending back whatever failed. Only one bug is fixed."
    return None


@REST.add
def name_anywhere_in_it(seen):
    dead, retry = (
        where(seen, "InvoiceWorker", "dead", "WelcomeWorker"),
        where(seen, "InvoiceWorker", "retry", "NewsletterWorker"),
    )
    others = [where(seen, "ReportWorker", key) == {key} for key in ("dead", "retry")]
    if (dead != {"dead"} or retry != {"retry"}) and all(others):
        return (
            "counting a job as one of a class because the name appears somewhere in it. Here it was an argument of "
            "another class's job. Go by class_name."
        )
    return None


@REST.add
def part_of_the_name(seen):
    alike = [
        ("WelcomeBackWorker", "WelcomeWorker"),
        ("WarmWelcomeWorker", "WelcomeWorker"),
        ("NewsletterArchiveWorker", "NewsletterWorker"),
        ("WeeklyNewsletterWorker", "NewsletterWorker"),
    ]
    touched = [f"{name} is not {meant}" for name, meant in alike if where(seen, name, "dead") != {"dead"}]
    others = [where(seen, name, "dead") == {"dead"} for name in ("ReportWorker", "InvoiceWorker", "CertificateWorker")]
    if touched and all(others):
        return f"part of a name. {', and '.join(touched)}."
    return None


@REST.add
def goes_by_the_error(seen):
    if where(seen, "CertificateWorker", "dead", "Seneca") - {"dead"} and where(seen, "ReportWorker", "dead") == {"dead"}:
        return "going by the error. Another class has the same one, and its bug is not fixed."
    return None


@REST.add
def deletes_the_unknown(seen):
    touched = {one.job["class"] for one in seen.touched if one.job}
    if touched == {"SendUserGifWorker"} and where(seen, "SendUserGifWorker", "dead") == {"nowhere"}:
        return "deleting whatever has an unknown class. This one was renamed, and its mail is still wanted."
    return None


@REST.add
def deletes_all_but_welcomes(seen):
    left = {entry.job["class"] for entry in seen.after if entry.job and entry.key in ("dead", "retry")}
    others = [where(seen, name, key) for name in ("ReportWorker", "InvoiceWorker") for key in ("dead", "retry")]
    if left == {"WelcomeWorker"} and others == [{"nowhere"}] * 4:
        return (
            "deleting every job of another class than WelcomeWorker. Other worker processes know classes that this one "
            "does not, and their jobs are still wanted."
        )
    return None


@REST.add
def deletes_the_rest(seen):
    if where(seen, "ReportWorker", "dead") == where(seen, "CertificateWorker", "dead") == {"nowhere"}:
        return "deleting all the rest of the dead. Nobody has looked at those yet."
    return None


@REST.add
def moves_all_welcomes(seen):
    moved = [key for key in ("schedule", "retry") if where(seen, "WelcomeWorker", key) == {"queue:default"}]
    if "schedule" in moved and where(seen, "ReportWorker", "retry") == {"retry"}:
        return f"moving all welcomes. Those in {' and '.join(moved)} are not dead: their moment has not come."
    return None


@REST.add
def takes_the_one_in_retry(seen):
    others = where(seen, "WelcomeWorker", "schedule") == {"schedule"} and where(seen, "ReportWorker", "retry") == {"retry"}
    if where(seen, "WelcomeWorker", "retry") != {"retry"} and others:
        return "taking the welcome out of retry as well. The poller moves it when it is due, without you."
    return None


@REST.add
def clears_the_queue(seen):
    left = where(seen, "ReportWorker", "dead") == {"dead"} and not seen.call.acts
    if where(seen, "WelcomeWorker", "queue:default") == {"nowhere"} and left:
        return "clearing the queue. The jobs in it were good ones."
    return None


@WELCOMED.add
def changes_the_worker(seen):
    if [mail for run in seen.welcome for mail in run.mails] != [("zeno@example.com", "Welcome, Zeno")]:
        return (
            "a WelcomeWorker that was changed. Its bug was fixed before you came; a new job of it, for Zeno, does not "
            "send him his welcome."
        )
    return None
