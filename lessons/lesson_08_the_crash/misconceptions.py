"""What people believe who get exercise 8 wrong, and what proves that they do. See `lessons.course.rejection`."""

import ast
import re
from collections import defaultdict
from functools import wraps

from lessons.course import shared
from lessons.course.rejection import Misconceptions

QUIET, BUY, PAYMENT, DONE, LATER = (Misconceptions() for _ in range(5))

# What an answer may write to remember something.
NOTES = ("commit", "redis", "file", "line")

# What can be wrong with a payment.
PAID_WRONGLY = ("for nothing", "twice", "never")


def first(seen, of, *kinds, after="", before=""):
    """The first story in which something of this kind died, with such a thing wrong in the end; or None.

    `after` and `before` are the kinds of the steps around the kill.
    """
    for trial in seen.trials:
        last, following = trial.last, trial.next
        fits = (not after or (last and last.kind in after)) and (not before or (following and following.kind in before))
        if trial.of == of and trial.has(*kinds) and fits:
            return trial
    return None


def events(life, kind, runs_only=True):
    """The events of this kind in a process, each with the job that ran."""
    pairs = zip(life.events, life.jobs, strict=True)
    return [(event, job) for event, job in pairs if event.kind == kind and (job or not runs_only)]


def keys_of_jobs(trial):
    """For each job of a story, by its jid: the payments that it asked for."""
    found = defaultdict(list)
    for event, job in payments_in(trial):
        found[job["jid"]].append(event)
    return found


def payments_in(trial):
    """The payments that jobs asked for in a story: the event, and the job that ran."""
    return [pair for life in (trial.first, trial.then) for pair in events(life, "payment")]


def in_finally(seen, event):
    """Whether the line of this event is in a `finally` or an `except` of the answer."""
    line = event.places[0][0] if event and event.places else 0
    for node in ast.walk(ast.parse(seen.answer.read_bytes())):
        if isinstance(node, ast.Try):
            leaving = [*node.finalbody, *(one for handler in node.handlers for one in handler.body)]
            if any(one.lineno <= line <= one.end_lineno for one in leaving):
                return True
    return False


def quiet_payments(seen):
    """The payments that were asked for while nobody died: the event, and the job that ran."""
    return [(event, run.job) for run in seen.quiet.runs for event in run.of("payment")]


def taken_twice(seen):
    """For each order that two payments with a key were taken for: these two, each as the event and the job that ran."""
    found = defaultdict(list)
    for event, job in quiet_payments(seen):  # Ada has two orders here, and what a job carries tells them apart
        found["quiet", str(job["args"])].append((event, job))
    for number, trial in enumerate(seen.trials):  # and here, everybody has one
        for event, job in payments_in(trial):
            found[number, event.what["email"]].append((event, job))
    keyed = [[one for one in those if one[0].what["taken"] and one[0].what["key"] is not None] for those in found.values()]
    return [those[:2] for those in keyed if len(those) > 1]


def if_twice(row):
    """The same row, for a story about `buy` or `sweep` at whose end two payments were taken."""

    @wraps(row)
    def judged(seen):
        told = next((one for one in seen.trials if one.of != "job" and one.has("no order", *PAID_WRONGLY)), None)
        return row(seen) if told and told.has("twice") else None

    return judged


@QUIET.add
def other_arguments(seen):
    return shared.other_arguments(seen.quiet.runs)


@QUIET.add
def forgets_the_commit(seen):
    for scope in (*seen.quiet.calls, *seen.quiet.runs):
        kinds = [event.kind for event in scope.events]
        if "change" in kinds and "commit" not in kinds[kinds.index("change") :] and scope.error is None:
            line = next(event for event in scope.events if event.kind == "change").line
            return (
                f"a change to the database without a commit{line}. When the function returns, the connection is closed, and "
                "what was not committed is gone."
            )
    return None


@QUIET.add
def one_key_for_two_orders(seen):
    taken = {}
    for event, job in quiet_payments(seen):
        key = event.what["key"]
        if key is not None and str(key) in taken and taken[str(key)]["args"] != job["args"] and not event.what["taken"]:
            return (
                f"one key for two orders{event.line}: {str(key)!r}. Ada bought twice, at the same price. The provider took "
                "the second payment for the first one, and took nothing."
            )
        taken.setdefault(str(key), job)
    return None


@QUIET.add
@PAYMENT.add
def key_of_the_job(seen):
    for (event, job), (other, second) in taken_twice(seen):
        jid, its = job.get("jid"), second.get("jid")
        if jid and its and jid != its and jid in str(event.what["key"]) and its in str(other.what["key"]):
            return (
                f"the job's id in the key{event.line}. There were two jobs for one order, and two jobs have two ids. So the "
                "provider saw two payments."
            )
    return None


@QUIET.add
def new_key_for_each_job(seen):
    brought = {
        str(event.what["key"]): event
        for event, job in quiet_payments(seen)
        if event.what["taken"] and event.what["key"] is not None and event.what["key"] in job["args"]
    }
    event = next(iter(brought.values()), None)
    orders = sum(call.label == "buy" for call in seen.quiet.calls)
    twice = [those for those in taken_twice(seen) if all(one.what["key"] in job["args"] for one, job in those)]
    if len(brought) > orders or any(one.get("jid") != other.get("jid") for (_, one), (_, other) in twice):
        return (
            f"a key that is made for each job, and brought along by it{event.line}. There were two jobs for one order, with "
            "two keys. The provider saw two payments, and took both."
        )
    return None


@QUIET.add
def two_jobs_two_payments(seen):
    by_args = defaultdict(set)
    for event, job in quiet_payments(seen):
        if event.what["taken"] and event.what["key"] is None:
            by_args[str(job["args"])].add(job["jid"])
            if len(by_args[str(job["args"])]) > 1:
                return (
                    f"two jobs for one order, and each of them took the payment{event.line}. sweep was called while the "
                    "first one still waited. sweep cannot know that, so two jobs must do no harm."
                )
    return None


@BUY.add
def as_handed_out(seen):
    early = first(seen, "buy", "for nothing", after=("push",), before=("commit",))
    twice = first(seen, "job", "twice", after=("payment",))
    if early and twice and not any(call.events for call in seen.quiet.calls if call.label == "sweep"):
        return (
            "the exercise as it was handed out, or near it. The job is pushed before the commit: a page that dies then "
            "leaves a job for an order that is not in the database, and somebody pays for nothing."
        )
    return None


@BUY.add
def another_order_of_the_number(seen):
    trial = first(seen, "buy", "for nothing", after=("push",), before=("commit",))
    if trial and any(one.special and one.of == "buy" and not one.wrong for one in seen.trials):
        return (
            "a job that looks whether there is an order of its number, and not whose. buy was killed before the commit, and "
            "Grace's order got the number. The job found that one, and Ada paid."
        )
    return None


@BUY.add
def pushes_for_later(seen):
    trial = first(seen, "buy", "for nothing", after=("push",), before=("commit",))
    if trial and trial.last.what.get("at"):
        return (
            f"pushing the job for later{trial.last.line}, and hoping that the order is committed by then. buy was killed "
            "before the commit. The job ran all the same, for an order that is not in the database."
        )
    return None


@BUY.add
def pushes_before_the_commit(seen):
    trial = first(seen, "buy", "for nothing", after=("push",), before=("commit",))
    if trial and not as_handed_out(seen) and not pushes_for_later(seen):
        return (
            f"a push before the commit{trial.last.line}. A rollback does not undo it: the order is not in the "
            "database, and its job is in Redis."
        )
    return None


@BUY.add
def takes_it_in_buy(seen):
    trial = first(seen, "buy", "for nothing", after=("payment",))
    if trial:
        return (
            f"taking the payment in buy, before the order is safe{trial.last.line}. The provider is not part of the "
            "transaction: it keeps the money, and there is no order."
        )
    return None


@BUY.add
def nobody_sweeps(seen):
    trial = first(seen, "buy", "never", after=("commit",), before=("push",))
    if trial and not any(call.events for call in seen.quiet.calls if call.label == "sweep"):
        return (
            f"an order whose job was never pushed. buy died after the commit{trial.last.line}. The order is in the "
            "database, and sweep pushed nothing for it."
        )
    return None


@BUY.add
def deletes_before_it_pushes(seen):
    trial = first(seen, "sweep", "never", after=("commit",), before=("push",))
    if trial:
        return (
            f"a sweep that takes the order off its list first{trial.last.line}, and then pushes. It died in between: the "
            "order is on no list, and there is no job."
        )
    return None


@BUY.add
def two_transactions(seen):
    trial = first(seen, "buy", "never", after=("commit",), before=("commit",))
    later = seen.trials[seen.trials.index(trial) + 1 :] if trial else []
    if later and later[0].of == "buy" and not later[0].has(*PAID_WRONGLY):  # killed one step later, all goes well
        return (
            f"two transactions. The order is committed first{trial.last.line}, and what sweep looks for a step later"
            f"{trial.next.line}. buy died in between: the order is in the database, and sweep does not find it."
        )
    return None


@BUY.add
def sweeps_receipts_only(seen):
    trial = first(seen, "buy", "never", after=("commit",), before=("push",))
    if not trial:
        return None
    pairs = zip(trial.then.events, trial.then.callers, strict=True)
    swept = sorted({event.what["class"] for event, caller in pairs if caller == "sweep" and event.kind == "push"})
    takes_it = {job["class"] for _, job in quiet_payments(seen)}
    if swept and takes_it and not takes_it.intersection(swept):
        return (
            f"a sweep that pushed a {' and a '.join(swept)}, and no {' or '.join(sorted(takes_it))}. buy died after "
            f"the commit{trial.last.line}. The order is in the database, and the job for its payment was never pushed."
        )
    return None


@PAYMENT.add
def thinks_retry_off_helps(seen):
    trial = first(seen, "job", "twice", after=("payment",))
    if trial and any(not run.job.get("retry", True) for run in seen.quiet.runs if run.of("payment")):
        return (
            "retry = 0, so that a job cannot run twice. Retries count failures. A job whose process was killed has not "
            "failed: it was rescued, and ran again."
        )
    return None


@QUIET.add
@PAYMENT.add
def new_key_each_time(seen):
    for trial in (*seen.trials, *([seen.again] if seen.again else [])):
        for asked in keys_of_jobs(trial).values():
            taken = [event for event in asked if event.what["taken"] and event.what["key"] is not None]
            if len({str(event.what["key"]) for event in taken}) > 1:
                hashed = re.search(r"(?<![\w.])hash\(", seen.answer.read_text(encoding="utf-8"))
                return (
                    f"a key that is not the same when the job runs again{taken[0].line}: first {brief(taken[0])}, then "
                    f"{brief(taken[1])}. The provider could not know that these two are the same payment."
                    + " hash() of a text differs from process to process."
                    * bool(hashed)
                )
    return None


for each in (key_of_the_job, new_key_for_each_job, new_key_each_time):
    BUY.add(if_twice(each))


def brief(event):
    """A key, shortened."""
    key = str(event.what["key"])
    return repr(key if len(key) < 20 else f"{key[:16]}…")


@PAYMENT.add
def remembers_in_a_variable(seen):
    trial = first(seen, "job", "twice", after=("payment",))
    if trial and seen.apart and any(one.kind == "twice" for one in seen.apart.wrong):
        return (
            "a variable of the process. As long as one process runs all jobs, the payment is taken once. When each job has "
            "a process of its own, it is taken twice, even if nobody dies: one does not know what another has noted."
        )
    return None


@PAYMENT.add
def transaction_around_it(seen):
    trial = first(seen, "job", "twice", after=("payment",))
    if trial:
        kinds = [event.kind for event, _ in events_of_last_job(trial)]
        if "change" in kinds and "commit" not in kinds:
            return (
                f"a transaction around the payment{trial.last.line}. The database forgot the mark when the process died. "
                "The provider has books of its own, and kept the money."
            )
    return None


def events_of_last_job(trial):
    """What the job did that was running when the process was killed."""
    jid = trial.first.jobs[-1].get("jid")
    pairs = zip(trial.first.events, trial.first.jobs, strict=True)
    return [(event, job) for event, job in pairs if job.get("jid") == jid]


@PAYMENT.add
def finally_does_not_run(seen):
    trial = first(seen, "job", "twice", after=("payment",))
    if trial and in_finally(seen, trial.next):
        return (
            f"a finally, or an except, that puts things right{trial.next.line}. SIGKILL is not an exception: the process "
            "ends there and then, and none of its code runs any more."
        )
    return None


@PAYMENT.add
def pays_then_notes(seen):
    trial = first(seen, "job", "twice", after=("payment",), before=NOTES)
    others = (
        thinks_retry_off_helps,
        new_key_each_time,
        remembers_in_a_variable,
        transaction_around_it,
        finally_does_not_run,
    )
    if trial and not any(row(seen) for row in (as_handed_out, *others)):
        return (
            f"noting down what has happened. The payment is taken{trial.last.line}, and noted a step later"
            f"{trial.next.line}. A run that dies in between has taken it, and the next one knows nothing."
        )
    return None


@PAYMENT.add
def notes_then_pays(seen):
    trial = first(seen, "job", "never", after=("commit",), before=("payment",))
    if trial:
        return (
            f"noting it down first{trial.last.line}. The second run saw the mark and took no payment, and the first one had "
            "died before it took one."
        )
    return None


@PAYMENT.add
def notes_in_redis_first(seen):
    trial = first(seen, "job", "never", after=("redis",), before=("payment",))
    if trial:
        return (
            f"a note in Redis before the payment{trial.last.line}. The process died, and the note stayed. The second run "
            "found it, and took no payment."
        )
    return None


def ran_again(trial):
    """Whether the job that was killed did anything when it was run again."""
    return any(job.get("jid") == trial.first.jobs[-1].get("jid") for job in trial.then.jobs)


@DONE.add
def marks_then_pushes(seen):
    trial = first(seen, "job", "no receipt", after=("commit", "redis"), before=("push",))
    if trial and not trial.has("twice", "never") and ran_again(trial):
        return (
            f"a receipt that only the run pushes which makes the mark. The first run died after that{trial.last.line}, and "
            f"before the push of the receipt{trial.next.line}. The second one ran to its end, and pushed none."
        )
    return None


@DONE.add
def returns_too_early(seen):
    trial = first(seen, "job", "no receipt", after=("commit",), before=("push",))
    if trial and not trial.has("twice", "never") and not ran_again(trial):
        return (
            "a job that returns at once when the order is paid. The first run died after the mark"
            f"{trial.last.line}, and before the push of the receipt{trial.next.line}. The second one found the mark."
        )
    return None


@DONE.add
def notes_the_receipt_first(seen):
    trial = first(seen, "job", "no receipt", after=NOTES, before=("mail",))
    if trial and not trial.has("twice", "never") and trial.last.kind != "line":
        return (
            f"a note that the receipt went out, before it did{trial.last.line}. The run died before the mail"
            f"{trial.next.line}. The second run found the note, and sent none. Send it first: a second receipt does no harm."
        )
    return None


@LATER.add
def sweeps_for_ever(seen):
    pushed = [event for scope in seen.quiet.still if scope.label == "sweep" for event in scope.of("push")]
    if pushed:
        mails = sum(len(scope.mails) for scope in seen.quiet.still)
        return (
            f"a sweep that pushes again what has been done{pushed[0].line}. Both orders were paid and marked, and had their "
            f"receipts. Minutes later, one call of sweep pushed jobs: {len(pushed)}. Mails that went out: {mails}."
        )
    return None
