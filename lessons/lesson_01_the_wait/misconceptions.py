"""What people believe who get exercise 1 wrong, and what proves that they do. See `lessons.course.rejection`."""

from lessons.course import shared
from lessons.course.rejection import Misconceptions

LEAVES, ANSWERS, SENDS = Misconceptions(), Misconceptions(), Misconceptions()


@LEAVES.add
def runs_inline(seen):
    return shared.runs_inline(seen.presses[0])


@LEAVES.add
def waits_for_the_job(seen):
    for event in seen.presses[0].of("run"):
        if event.what["by"] == "processor":
            return f"waiting for the job. It was pushed, and then run right here{event.line}: the visitor waits as before."
    return None


@LEAVES.add
def inline_mode(seen):
    for event in seen.presses[0].of("run"):
        if event.what["by"] == "testing":
            return (
                "minijobs.testing's inline mode. A push runs its job here and now: a tool for tests, and the visitor waits."
            )
    return None


@LEAVES.add
def fake_mode(seen):
    return shared.fake_mode(seen.presses[0])


@LEAVES.add
def own_thread(seen):
    return shared.own_thread(seen.presses[0])


@LEAVES.add
def pushes_from_a_thread(seen):
    for event in seen.presses[0].of("push"):
        if event.elsewhere and not seen.presses[0].jobs:
            return (
                f"pushing from a thread of your own{event.line}. create returned before the job was pushed: if the "
                "process ends then, there is no job. A push takes a moment, and needs no thread."
            )
    return None


@LEAVES.add
def does_both(seen):
    first = seen.presses[0]
    if first.jobs and first.of("mail") and not first.of("run"):
        return (
            "doing both. perform_async pushes a job, and the mail was sent right here as "
            f"well{first.of('mail')[0].line_in('create')}: Ada gets it twice, and waits."
        )
    return None


@LEAVES.add
def calls_perform(seen):
    for press in seen.presses:
        for event in press.of("mail", "refused mail"):
            if event.direct and not event.elsewhere and not press.jobs:
                return (
                    f"calling perform directly{event.line_of_the_call}. That is a plain call: Redis never hears of it, and "
                    "the visitor waits."
                )
    return None


@LEAVES.add
def sends_it_itself(seen):
    first = seen.presses[0]
    for event in first.of("mail"):
        if not event.direct and not event.elsewhere and not first.of("push", "run"):
            return (
                f"the exercise as it was handed out. create still sends the mail itself{event.line}, and the visitor waits."
            )
    return None


@LEAVES.add
def push_was_refused(seen):
    for event in seen.presses[0].of("refused push"):
        return f"a push that was refused{event.line}, so there is no job. Read what minijobs said: {event.what}"
    return None


@LEAVES.add
def cancelled(seen):
    return shared.cancelled(seen.presses[0])


@LEAVES.add
def for_later(seen):
    if any(entry.key == "schedule" for entry in seen.presses[0].left):
        return (
            "pushing it for later. The job waits under the key schedule until it is due; perform_async pushes one that "
            "can run right away."
        )
    return None


@LEAVES.add
def pushes_twice(seen):
    pushes = seen.presses[0].of("push")
    if len(seen.presses[0].jobs) > 1 and len(pushes) > 1:
        lines = ", ".join(sorted({str(event.places[0][0]) for event in pushes if event.places}))
        return (
            f"pushing more than once (line {lines}). Each push is a job of its own."
            if lines
            else "pushing more than once. Each push is a job of its own."
        )
    return None


@LEAVES.add
def remembers_the_first_press(seen):
    first, again, _ = seen.presses
    if len(first.jobs) == 1 and not again.jobs and not again.acts and again.error is None:
        return (
            "answering from memory. The first press left a job; the second one, with the same words, pushed nothing: a "
            "cache "
            "such as lru_cache, or a note of who has pressed. A visitor who presses twice wants two mails."
        )
    return None


@LEAVES.add
def runs_nothing(seen):
    return shared.runs_nothing(seen.presses[0])


@LEAVES.add
def pushes_nothing(seen):
    return shared.pushes_nothing(seen.presses[0])


@ANSWERS.add
def waits_until_it_is_done(seen):
    for press in seen.presses:
        if press.of("push") and press.of("nap"):
            return (
                f"waiting until the job has run{press.of('nap')[0].line}. Only a worker process can run it, and the "
                "visitor waits for as long as that takes."
            )
    return None


@ANSWERS.add
def returns_the_jid(seen):
    page = seen.presses[0].result
    if any(isinstance(page, str) and isinstance(job.get("jid"), str) and job["jid"] in page for job in seen.presses[0].jobs):
        return "taking what perform_async returns for the result. It is the job id, a receipt."
    return None


@ANSWERS.add
def says_that_it_was_sent(seen):
    page = seen.presses[0].result
    if isinstance(page, str) and "sent" in page.lower().split() and not seen.presses[0].mails:
        return "saying that it was sent. No mail had gone out when create returned that: it is more than create can know."
    return None


@ANSWERS.add
@SENDS.add
def tidies_the_address(seen):
    typed, used = "Grace.Hopper@Example.com", "grace.hopper@example.com"
    page = seen.presses[-1].result
    if typed in str(page) and used not in [to for run in seen.runs for to, _ in run.mails]:
        return None
    if used in str(page) or typed in str(page):
        where = "the page" if used in str(page) else "the mail"
        return f"tidying the address up. The visitor typed {typed}, and {where} has {used}. Leave it as it was typed."
    return None


@ANSWERS.add
def forgets_the_visitor(seen):
    if seen.presses[0].result is None and seen.presses[0].error is None:
        return "a create that forgot its visitor: it returned None. Pushing is only half of what it has to do."
    return None


@ANSWERS.add
def other_words(seen):
    page = seen.presses[0].result
    if isinstance(page, str) and page.strip() and page != "You did it! An email is on its way to ada@example.com":
        return "other words. The exercise asks for the same words as before, letter by letter, with the visitor's address."
    return None


@SENDS.add
def pushes_from_perform(seen):
    for run in seen.runs:
        for event in run.of("push"):
            if event.what["class"] == run.job["class"] and not run.mails:
                return (
                    f"a perform that pushes its own job again{event.line}. Each run pushes the next job: that never ends, "
                    "and sends nothing."
                )
    return None


@SENDS.add
def no_arguments(seen):
    if seen.runs and all(run.job["args"] == [] and (run.error or run.mails == [("None", "")]) for run in seen.runs):
        return (
            "a job that carries no arguments: its args are []. What is kept on an object or on a class stays in the "
            "process that "
            "keeps it. What perform needs, perform_async must be given."
        )
    return None


@SENDS.add
def other_arguments(seen):
    return shared.other_arguments(run for run in seen.runs if run.job["args"])


@SENDS.add
def works_in_one_process_only(seen):
    return shared.works_in_one_process_only(seen.alone, seen.runs)


@SENDS.add
def empty_perform(seen):
    return shared.does_nothing(seen.runs)


@SENDS.add
def several_in_one_run(seen):
    for run in seen.runs:
        if len(run.mails) > 1:
            return f"a perform that sends {len(run.mails)} mails in one run{run.of('mail')[-1].line}. One job is one mail."
    return None


@SENDS.add
def thread_in_perform(seen):
    for run in seen.runs:
        for event in run.of("thread"):
            return (
                f"a thread of your own in perform{event.line}. The job counts as done when perform returns, whatever "
                "becomes "
                "of the thread; if it fails, nobody hears of it."
            )
    return None


@SENDS.add
def swaps_arguments(seen):
    for run in seen.runs:
        for to, subject in [event.what for event in run.of("mail", "refused mail")]:
            if subject in ("ada@example.com", "Grace.Hopper@Example.com") or ("@" not in to and "@" in str(run.job["args"])):
                return (
                    "different arguments from those that perform takes, or another order: an address became a subject, or "
                    "a thought became an address."
                )
    return None


@SENDS.add
def fixed_values(seen):
    sent = {(str(run.job["args"]), mail) for run in seen.runs for mail in run.mails}
    if len({args for args, _ in sent}) > 1 and len({mail for _, mail in sent}) == 1:
        return (
            "fixed values in place of the arguments. The jobs had different ones, and sent the same mail: what one visitor "
            "typed must reach that visitor's mail."
        )
    return None


@SENDS.add
def remembers_an_earlier_run(seen):
    first, again, *_ = [*seen.runs, None, None]
    if (
        first
        and again
        and first.mails
        and not again.mails
        and again.error is None
        and first.job["args"] == again.job["args"]
    ):
        return (
            "remembering what was sent before. The second job, with the same words as the first, ran and sent nothing. A "
            "visitor who presses twice wants two mails."
        )
    return None


@SENDS.add
def unknown_class(seen):
    for run in seen.runs:
        if type(run.error).__name__ == "UnknownWorker":
            return (
                f'a job of a class that the worker process does not know. Its "class" is {run.job["class"]!r}, and the '
                "name is all that a job has of its class."
            )
    return None
