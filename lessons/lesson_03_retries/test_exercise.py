"""What the exercise of lesson 3 must do."""

import smtplib
import time

from lessons.course.rejection import redis_holds, reject
from minijobs import DeadSet, Fetcher, Processor, Queue, RetrySet, ScheduledSet, middleware, poll

ADA = ("ada@example.com", "a cat on a skateboard")
DAY = 24 * 60 * 60
LOOK = 'make try-3, then inbox.refuse(1), create("ada@example.com", "hi")'


def test_create_leaves_a_job(exercise, inbox):
    """`create` leaves one job in Redis, and does not ask the mail server itself."""
    ran_as_job = []
    middleware.server.add(lambda worker, job, run: (ran_as_job.append(job), run()))
    inbox.refuse(2)
    raised = None
    try:
        exercise.create(*ADA)
    except smtplib.SMTPException as error:
        raised = error
    if len(Queue("default")) == 1 and not raised and not inbox.refused:
        return
    if ran_as_job:
        looks_like = "perform_inline. It runs the job here and now, and what fails here is not tried again"
    elif inbox.refused and len(Queue("default")):
        looks_like = "trying it directly first, and pushing when that fails. The visitor waits for the first try"
    elif inbox.refused > 1:
        looks_like = "trying again yourself, in create. The visitor waits for all of it, and if this process ends it is over"
    elif inbox.refused and raised:
        looks_like = "thinking that a direct call is tried again. It is a plain call. There is no job, so nothing can be"
    elif inbox.refused:
        looks_like = (
            "the exercise as it was handed out. perform is called directly, so there is no job that could be tried again"
        )
    elif len(Queue("default")) > 1:
        looks_like = "pushing several jobs, just in case. If the mail server is well, Ada gets several mails"
    else:
        looks_like = "a create that does nothing"
    reject(
        expected="after create(…), 1 job in queue:default, and the mail server has not been asked yet.",
        instead=f"{redis_holds()}, and the mail server was asked {times(inbox.refused + len(inbox))}."
        + (f" create raised {type(raised).__name__}." if raised else ""),
        looks_like=f"{looks_like}.",
        look=f"{LOOK} and keys().",
    )


def test_a_refused_mail_is_tried_again(naps, exercise, inbox):
    """When the mail server refuses twice, the same job waits in `retry` twice, and then the mail goes out."""
    exercise.create(*ADA)
    (job,) = Queue("default")
    inbox.refuse(2)
    processor = Processor(Fetcher("default"))
    for run in (1, 2):
        outcome = processor.process_one()
        asked = inbox.refused + len(inbox)
        in_retry = [record.jid for record in RetrySet()]
        by_refusal = isinstance(outcome.error, smtplib.SMTPException) or isinstance(
            getattr(outcome.error, "__cause__", None), smtplib.SMTPException
        )
        if (asked, in_retry, len(Queue("default")), naps, by_refusal) == (run, [job.jid], 0, [], True):
            poll(now=time.time() + DAY)
            continue
        others = [*Queue("default"), *ScheduledSet()]
        if naps:
            looks_like = (
                "sleeping in perform. Meanwhile the worker process does nothing else, and if it ends, it has to begin again."
                " A job in retry costs nobody any time"
            )
        elif asked > run:
            looks_like = "a loop in perform. The server is still as busy, and Redis shows one run where there were several"
        elif others and in_retry:
            looks_like = (
                "doing both. The exception already brings the job back; with the push there are two of them, then four"
            )
        elif list(Queue("default")):
            looks_like = (
                "pushing another job from except. It has a new jid, runs at once, starts at 0 again, and never gives up"
            )
        elif list(ScheduledSet()):
            looks_like = (
                "pushing another job for later. It has a new jid, and it starts at 0 again: it never gives up, and no log "
                "tells that the two belong together"
            )
        elif outcome.name == "done":
            looks_like = "swallowing the exception. Whoever catches it says that all went well: the run counts as done"
        elif outcome.name == "dropped":
            looks_like = "retry = False. That means: if it fails, forget it"
        elif outcome.name == "dead":
            looks_like = "retry = 0. That is one run, no retry, and then dead"
        else:
            looks_like = (
                "an error of its own. The job comes back, but by accident: what it fails with is "
                f"{type(outcome.error).__name__}: {outcome.error}"
            )
        reject(
            expected=f"after run {run}, the mail server was asked {times(run)}, and the same job waits in retry.",
            instead=f"it was asked {times(asked)}. {redis_holds()}."
            + (f" perform slept for {sum(naps):g} seconds." if naps else ""),
            looks_like=f"{looks_like}.",
            look=f"{LOOK}, work() and keys().",
        )
    processor.process_one()
    sent = [(mail["To"], mail["Subject"]) for mail in inbox.mails]
    if sent == [ADA] and redis_holds() == "Redis holds no job":
        return
    reject(
        expected=f"the third run sends {ADA}, and no job is left.",
        instead=f"the inbox holds {', '.join(map(str, sent)) or 'no mail'}. {redis_holds()}.",
        looks_like="a perform that does not send what it was given.",
        look=f"{LOOK}, work(), poll(now=time.time() + 60), work() and inbox.",
    )


def test_it_gives_up_after_five_retries(exercise, inbox):
    """After 5 retries the job is in `dead`."""
    exercise.create(*ADA)
    inbox.refuse(1000)
    processor = Processor(Fetcher("default"))
    runs = 0
    while runs < 30 and processor.process_one():
        runs += 1
        poll(now=time.time() + 5 * DAY)
    if runs == 6 and len(DeadSet()) == 1:
        return
    if runs == 26:
        looks_like = "leaving it at the default: 25 retries, three weeks"
    elif runs == 5:
        looks_like = "counting the first run as a retry. 5 retries come after it: 6 runs"
    elif runs == 6:
        looks_like = "dead = False. The job is given up and not kept: nobody can look at it"
    else:
        looks_like = (
            f"another number of retries: {runs - 1} come after the first run. The attribute retry of the class says how many"
        )
    reject(
        expected="the mail server always refuses: 1 run, 5 retries, and then 1 job in dead.",
        instead=f"there were {runs} runs. {redis_holds()}.",
        looks_like=f"{looks_like}.",
        look=f'{LOOK} and keys(). What does the job say about "retry"? In the lesson: "Change something".',
    )


def times(count):
    return "1 time" if count == 1 else f"{count} times"
