"""What the exercise of lesson 1 must do."""

import time

from lessons.course.rejection import redis_holds, reject
from lessons.kit import commands
from minijobs import Fetcher, Processor, Queue, middleware

ADA = ("ada@example.com", "a cat on a skateboard")
GRACE = ("grace@example.com", "two cats")


def test_create_leaves_one_job_and_sends_nothing(exercise, inbox):
    """`create` leaves one job in Redis, and sends nothing itself."""
    ran_as_job = []
    middleware.server.add(lambda worker, job, run: (ran_as_job.append(job), run()))
    exercise.create(*ADA)
    told = commands("lpush")
    jobs, mails = len(Queue("default")), len(inbox)
    if (jobs, mails) == (1, 0):
        return
    if not jobs and not mails:
        mails = mail_within_a_second(inbox)
        thread = "doing it in a thread of your own. It is gone when this process ends, and Redis never hears of it"
        nothing = "no call of perform_async at all. Then nobody will ever send the mail"
        looks_like = thread if mails else nothing
    elif jobs > 1:
        looks_like = "pushing more than once. Each push is a job of its own, and each sends a mail"
    elif jobs:
        looks_like = "doing both. perform_async pushes a job, and the mail was sent right here as well: Ada gets it twice"
    elif told:
        looks_like = "waiting for the job. It was pushed, and then run right here: the visitor waits as before"
    elif ran_as_job:
        looks_like = "perform_inline. It runs a job here and now, without Redis: a tool for tests, and the visitor waits"
    elif "send_gif" in exercise.create.__code__.co_names:
        looks_like = "the exercise as it was handed out. create still calls send_gif itself, and the visitor waits"
    else:
        looks_like = "calling perform directly. That is a plain call: Redis never hears of it, and the visitor waits"
    reject(
        expected="after create(…), 1 job in queue:default and no mail in the inbox yet.",
        instead=f"{redis_holds()}, and the inbox holds {mails} {'mail' if mails == 1 else 'mails'}.",
        looks_like=f"{looks_like}.",
        look='make try-1, then create("ada@example.com", "hi"), keys() and inbox. In the lesson: "The second call".',
    )


def test_create_answers_the_visitor(exercise):
    """`create` answers the visitor, and names the address."""
    page = exercise.create(*ADA)
    if page == f"You did it! An email is on its way to {ADA[0]}":
        return
    jid = Queue("default").find(page) if isinstance(page, str) else None
    reject(
        expected=f'create(…) returns "You did it! An email is on its way to {ADA[0]}", as before.',
        instead=f"it returned {page!r}.",
        looks_like="taking what perform_async gives back for the result. It is the job id, a receipt."
        if jid or (isinstance(page, str) and any(record.jid in page for record in Queue("default")))
        else "a promise in other words. If it says that the mail was sent: that is more than create can know."
        if isinstance(page, str) and ADA[0] in page
        else "a create that forgot its visitor. Pushing is only half of what it does.",
        look='make try-1, then create("ada@example.com", "hi").',
    )


def test_the_job_sends_the_mail(exercise, inbox):
    """Running the jobs sends each visitor's mail, once."""
    exercise.create(*ADA)
    exercise.create(*GRACE)
    processor = Processor(Fetcher("default"))
    outcomes = [processor.process_one() for _ in range(2)]
    failed = next((outcome.error for outcome in outcomes if outcome.error), None)
    sent = [(mail["To"], mail["Subject"]) for mail in inbox.mails]
    if sent == [ADA, GRACE] and not len(Queue("default")):
        return
    if failed:
        looks_like = f"a perform that fails, with {type(failed).__name__}: {failed}"
    elif len(Queue("default")):
        looks_like = (
            "a perform that pushes its own job again. Whoever runs it pushes the next: it never ends, and sends nothing"
        )
    elif not sent:
        looks_like = "a perform that does nothing. The job ran, and counts as done: nobody checks that it did what you meant"
    elif any(subject in (ADA[0], GRACE[0]) for _, subject in sent):
        looks_like = "other arguments than perform takes, or in another order: an address became a subject"
    else:
        looks_like = "fixed values in place of the arguments. What one visitor typed must reach that visitor's mail"
    reject(
        expected=f"two jobs ran, and the inbox holds {ADA} and {GRACE}.",
        instead=f"the inbox holds {', '.join(map(str, sent)) or 'no mail'}. {redis_holds()}.",
        looks_like=f"{looks_like}.",
        look='make try-1, then create("ada@example.com", "hi"), work(), inbox and keys().',
    )


def mail_within_a_second(inbox):
    deadline = time.monotonic() + 1
    while not len(inbox) and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(inbox)
