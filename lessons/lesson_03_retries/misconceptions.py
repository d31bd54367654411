"""What people believe who get exercise 3 wrong, and what proves that they do. See `lessons.course.rejection`."""

import ast
import inspect
from collections import Counter

from lessons.course import shared
from lessons.course.rejection import Misconceptions, ends_here, is_slip

CREATES, TRIES_AGAIN, GIVES_UP = Misconceptions(), Misconceptions(), Misconceptions()

# What somebody may call the option that is called retry.
NO_OPTIONS = (
    "retries",
    "max_retries",
    "max_retry",
    "retry_count",
    "retry_limit",
    "max_attempts",
    "attempts",
    "autoretry_for",
)


def asked(scope):
    """How often the mail server was asked."""
    return len(scope.of("mail", "refused mail"))


def refused(runs):
    """The runs in which the mail server refused, with the refusals."""
    return [(run, run.of("refused mail")) for run in runs if run.of("refused mail")]


@CREATES.add
def runs_inline(seen):
    return shared.runs_inline(seen.presses[0])


@CREATES.add
def runs_it_here(seen):
    for event in seen.presses[0].of("run"):
        return f"running the job right here{event.line}. The visitor waits for it: a worker process runs jobs."
    return None


@CREATES.add
def own_thread(seen):
    return shared.own_thread(seen.presses[0])


@CREATES.add
def fake_mode(seen):
    return shared.fake_mode(seen.presses[0])


@CREATES.add
def tries_directly_first(seen):
    first = seen.presses[0]
    if first.of("refused mail", "mail") and first.jobs and not first.of("run"):
        return (
            f"asking the mail server in create{first.of('refused mail', 'mail')[0].line_in('create')}, and pushing as well. "
            "The visitor waits for the first try."
        )
    return None


@CREATES.add
def loops_in_create(seen):
    first = seen.presses[0]
    if len(first.of("refused mail")) > 1 and not first.jobs:
        return (
            f"trying again yourself, in create{first.of('refused mail')[0].line_in('create')}. The visitor waits for all of "
            "it, and if this process ends, nobody tries again."
        )
    return None


@CREATES.add
def calls_perform(seen):
    first = seen.presses[0]
    if first.of("refused mail") and first.error is not None and not first.jobs and not first.of("run"):
        return (
            f"thinking that a direct call is tried again{first.of('refused mail')[0].line_of_the_call}. It is a plain call. "
            "There is no job, so there is nothing to try again."
        )
    return None


@CREATES.add
def as_handed_out(seen):
    first = seen.presses[0]
    asked_here = [event for event in first.of("refused mail") if not event.elsewhere]
    if len(asked_here) == 1 and first.error is None and not first.jobs and not first.of("push"):
        return (
            "the exercise as it was handed out, or near it. The mail server was asked "
            f"directly{first.of('refused mail')[0].line_in('create')}"
            ", so there is no job that could be tried again."
        )
    return None


@CREATES.add
def pushes_several(seen):
    if len(seen.presses[0].jobs) > 1:
        return "pushing several jobs, just in case. If the mail server is well, Ada gets several mails."
    return None


@CREATES.add
def waits_for_the_job(seen):
    first = seen.presses[0]
    if first.of("push") and first.of("nap"):
        return f"waiting in create{first.of('nap')[0].line}. The visitor waits as well."
    return None


@CREATES.add
def forgets_the_visitor(seen):
    first = seen.presses[0]
    if first.jobs and first.error is None and first.result is None:
        return "a create that forgot its visitor: it returned None."
    return None


@CREATES.add
def cancelled(seen):
    return shared.cancelled(seen.presses[0])


@CREATES.add
def pushes_nothing(seen):
    return shared.pushes_nothing(seen.presses[0])


@TRIES_AGAIN.add
def calls_a_retry_that_is_not_there(seen):
    for run in seen.twice:
        if is_slip(run.error, seen.answer) and run.of("refused mail") and "retry" in str(_line(seen, run.error)):
            return (
                "calling a retry that is not there. retry is a number, an option of the class; to try again, let the "
                "exception "
                "out of perform. The job came back, but by accident: your own line failed."
            )
    return None


@TRIES_AGAIN.add
def thread_in_perform(seen):
    for run, events in refused(seen.twice):
        if events[0].elsewhere and run.error is None:
            return (
                f"a thread of your own in perform{run.of('thread')[0].line if run.of('thread') else ''}. The refusal was "
                "raised "
                "in it, and an exception in a thread does not come out of perform: the run counts as done."
            )
    return None


@TRIES_AGAIN.add
def sleeps(seen):
    for run in seen.twice:
        if run.of("nap") and asked(run) > 1:
            return (
                f"sleeping in perform{run.of('nap')[0].line}, to try again in the same run. Meanwhile its thread does "
                "nothing else, and if the process ends, it all starts from the beginning. A job in retry costs nobody any "
                "time."
            )
    return None


@TRIES_AGAIN.add
def loops_in_perform(seen):
    for run in seen.twice:
        events = run.of("refused mail", "mail")
        again = max(Counter(str(event.what) for event in events).values(), default=0) > 1  # the same mail, more than once
        if again and not any(event.elsewhere for event in events):
            return (
                f"trying several times in one run{events[0].line}. The server is just as busy, "
                "and Redis shows one run where there were several tries."
            )
    return None


@GIVES_UP.add
@TRIES_AGAIN.add
def pushes_itself_again(seen):
    for run in seen.twice:
        for event in run.of("push"):
            if event.what.get("jid") == run.job.get("jid") and run.error is None:
                return (
                    f"pushing the job again under its own id{event.line}. The run that was refused counts as done, and "
                    "the new "
                    "one begins at 0: nobody counts, so it never gives up."
                )
    return None


@TRIES_AGAIN.add
def raises_and_pushes(seen):
    for run in seen.twice:
        if run.of("push") and run.outcome.name == "retry":
            return (
                f"doing both. The exception already brings the job back; with the push{run.of('push')[0].line} there are "
                "two of "
                "them, then four."
            )
    return None


@TRIES_AGAIN.add
def pushes_for_later(seen):
    for run in seen.twice:
        if _pushed_another(run) and "at" in run.of("push")[0].what:
            return (
                f"pushing another job for later{run.of('push')[0].line}. It has a new jid, and it starts at 0 again: "
                "nothing in the log shows that the two belong together."
            )
    return None


@TRIES_AGAIN.add
def pushes_again(seen):
    for run in seen.twice:
        if _pushed_another(run) and "at" not in run.of("push")[0].what:
            return (
                f"pushing another job when the mail is refused{run.of('push')[0].line}. It has a new jid, runs without a "
                "pause, and "
                "starts at 0 again."
            )
    return None


@TRIES_AGAIN.add
def retry_false(seen):
    for run in seen.twice:
        if run.outcome.name == "dropped" and run.job.get("retry") is False:
            return "retry = False. That means: if it fails, forget it."
    return None


@TRIES_AGAIN.add
def retry_zero(seen):
    for run in seen.twice:
        if run.outcome.name == "dead" and run.job.get("retry") == 0 and run.job.get("retry") is not False:
            return "retry = 0. That is one run, no retry, and then dead."
    return None


@TRIES_AGAIN.add
def gives_up_too_early(seen):
    for run in seen.twice:
        retry = run.job.get("retry")
        if run.outcome.name == "dead" and retry is not False and retry in (1, 2):
            return f"too few retries: the job says {retry}."
    return None


@TRIES_AGAIN.add
def return_in_finally(seen):
    for run, events in refused(seen.twice):
        ends = ends_here(seen.answer, events[0].places)
        if run.error is None and len(ends) == 1 and "in finally" in ends[0]:
            return (
                "a finally that swallows the exception. Leaving it by return, break or continue discards the exception: "
                f"{ends[0]}."
            )
    return None


@TRIES_AGAIN.add
def swallows(seen):
    for run, events in refused(seen.twice):
        if run.error is None and not events[0].elsewhere and not run.of("push", "mail"):
            ends = ends_here(seen.answer, events[0].places)
            at = f" ({ends[0]})" if len(ends) == 1 else ""
            return (
                f"swallowing the exception{at}. The mail server refused, and perform returned as if all had gone well: "
                "the run "
                "counts as done, and nobody tries again."
            )
    return None


@TRIES_AGAIN.add
def swallows_another_refusal(seen):
    let_out = all(run.error is not None for run, _ in refused(seen.twice)) and refused(seen.twice)
    for run, _ in refused(seen.recipient):
        if let_out and run.error is None and not run.of("push", "mail"):
            return (
                "letting one kind of refusal out, and swallowing another. A server may also refuse the recipient: smtplib "
                "raised SMTPRecipientsRefused, perform returned all the same, and the run counts as done."
            )
    return None


@TRIES_AGAIN.add
def asks_nobody_again(seen):
    for earlier, run in zip(seen.twice, seen.twice[1:], strict=False):
        if earlier.of("refused mail") and earlier.error is not None and not run.events and run.error is None:
            return (
                f"a try that asks nobody. The mail server refused in {earlier.label}; {run.label} did not ask it again, and "
                "counts as done. Look for what the first run leaves behind."
            )
    return None


@TRIES_AGAIN.add
def other_arguments(seen):
    return shared.other_arguments(seen.twice)


@TRIES_AGAIN.add
def empty_perform(seen):
    return shared.does_nothing([*seen.twice, *seen.well])


@GIVES_UP.add
def retry_on_the_object(seen):
    for kind in seen.workers:
        try:
            own = vars(kind())
        except Exception:
            continue
        if "retry" in own and _said_nothing(seen):
            return (
                "retry as an attribute of the object. What travels with the job is the attribute of the class, and this "
                "class "
                "has none: the job took the default, 25."
            )
    return None


@GIVES_UP.add
def only_an_annotation(seen):
    for kind in seen.workers:
        if "retry" in _annotated(kind) and "retry" not in vars(kind) and _said_nothing(seen):
            return "an annotation in place of an attribute. retry: 5 says what type retry has; retry = 5 sets it."
    return None


@GIVES_UP.add
def retry_in_fails(seen):
    for kind in seen.workers:
        try:
            if "retry_in" in vars(kind):
                kind.retry_in(0, OSError("as if the mail server were away"))
        except TypeError as error:
            return (
                "a retry_in that cannot be called: minijobs calls it with a count and an error, without an instance. It "
                f"only logs that it failed, and takes the default wait. Python said: {error}."
            )
    return None


@GIVES_UP.add
def pushes_at_the_end(seen):
    for run in seen.always:
        if run.of("push") and run.outcome.name == "dead":
            return (
                f"pushing it again when it is given up{run.of('push')[0].line}. The job is in dead, and another one "
                "begins from "
                "the start: that never ends."
            )
    return None


@GIVES_UP.add
def an_option_that_is_none(seen):
    for kind in seen.workers:
        for name in NO_OPTIONS:
            if name in vars(kind) and _said_nothing(seen):
                return f"an option that minijobs does not have: {name}. It is called retry; the job took the default, 25."
    return None


@GIVES_UP.add
def set_thrown_away(seen):
    for node in ast.walk(ast.parse(seen.answer.read_bytes())):
        call = node.value if isinstance(node, ast.Expr) else None
        is_set = isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "set"
        if is_set and any(word.arg == "retry" for word in call.keywords) and _said_nothing(seen):
            return (
                f"throwing away what set(…) returns (line {node.lineno}). It changes no class: it returns a Worker "
                "with "
                "other options, whose perform_async has to be called."
            )
    return None


@GIVES_UP.add
def not_kept(seen):
    last = seen.always[-1] if seen.always else None
    if last and last.outcome.name == "dropped" and last.job.get("dead") is False:
        return "dead = False. The job is given up and not kept: nobody can look at it."
    return None


@GIVES_UP.add
def discarded_at_the_end(seen):
    last = seen.always[-1] if seen.always else None
    discards = any("retries_exhausted" in vars(kind) for kind in seen.workers)
    used_up = last and last.job.get("retry_count") == 4 and last.job.get("dead") is not False
    if used_up and last.outcome.name == "dropped" and discards:
        return (
            'throwing the job away at the end: retries_exhausted returned "discard". Whatever else it does, the job '
            "should end in dead, where somebody can look at it."
        )
    return None


@GIVES_UP.add
def pushes_by_name(seen):
    chosen = [worker.retry for worker in seen.workers if seen.always and worker.job_name == seen.always[0].job.get("class")]
    if _said_nothing(seen) and chosen == [5]:
        return (
            "a push that knows nothing of the class. The class says retry = 5, and the job says True, that is 25. A job "
            'that is pushed by the name of its class takes no options from it: write "retry": 5 into the job as well, or '
            "call perform_async."
        )
    return None


@GIVES_UP.add
def default_retries(seen):
    if _said_nothing(seen) and len(seen.always) > 6 and seen.always[-1].outcome.name == "retry":
        return "leaving it at the default: 25 retries, three weeks."
    return None


@GIVES_UP.add
def counts_the_first_run(seen):
    if len(seen.always) == 5 and seen.always[0].job.get("retry") == 4:
        return "counting the first run as a retry. 5 retries come after it: 6 runs."
    return None


@GIVES_UP.add
def another_number(seen):
    retry = seen.always[0].job.get("retry") if seen.always else None
    if isinstance(retry, int) and not isinstance(retry, bool) and retry not in (4, 5):
        return f"another number of retries. The job says {retry}; 5 come after the first run."
    return None


@GIVES_UP.add
def counts_in_this_process(seen):
    times = Counter(run.job.get("jid") for run in seen.both)
    if len(seen.always) == 6 and len(times) == 2 and sorted(times.values()) != [6, 6]:
        few, many = sorted(times.values())
        return (
            "counting the failures yourself, outside the job. One job alone ran 6 times; of two to the same address, one "
            f"ran {few} times and the other {many}. A job carries its own count: retry = 5."
        )
    return None


@GIVES_UP.add
def for_a_time(seen):
    if seen.always and seen.always[0].job.get("retry_for") is not None:
        return "retry_for. It limits for how long a job is retried, not how often; with it, retry does not count."
    return None


@GIVES_UP.add
def retry_in_ends_it(seen):
    last = seen.always[-1] if seen.always else None
    if last and last.outcome.name in ("dead", "dropped") and len(seen.always) != 6:
        retry = last.job.get("retry")
        most = 25 if retry is True else retry
        if len(seen.always) <= most and any("retry_in" in vars(kind) for kind in seen.workers):
            return (
                f"a retry_in that ends it after {len(seen.always)} runs. The job itself could have been retried {most} "
                "times. "
                "count is 0 after the first failure."
            )
    return None


def _pushed_another(run):
    """Whether a run that counts as done has pushed a job with another id."""
    return run.error is None and any(event.what.get("jid") != run.job.get("jid") for event in run.of("push"))


def _said_nothing(seen):
    """Whether the job was pushed with the default of `retry`."""
    return bool(seen.always) and seen.always[0].job.get("retry") is True


def _line(seen, error):
    lines = seen.answer.read_text(encoding="utf-8").splitlines()
    frame, last = error.__traceback__, 0
    while frame is not None:
        last = frame.tb_lineno if frame.tb_frame.f_code.co_filename == str(seen.answer) else last
        frame = frame.tb_next
    return lines[last - 1]


def _annotated(kind):
    """The names that a class annotates. Python 3.14 looks at them only now, and then a name may be unknown."""
    try:
        return inspect.get_annotations(kind)
    except NameError:
        return {}
