"""What people believe who get exercise 5 wrong, and what proves that they do. See `lessons.course.rejection`.

Most rows are about a version of `mailer.py` that got through: the tests were green with it, and what they did meanwhile, or
with `mailer.py` as it is, says what they do not look at.
"""

import ast

from lessons.course.rejection import Misconceptions, place
from lessons.course.seen import brief
from lessons.lesson_05_testing.versions import AS_IT_IS, BROKEN

PASSES, RIGHTLY, CREATES, PERFORMS, REFUSES = (Misconceptions() for _ in range(5))

# What the broken versions themselves write, and what the exercise was handed out with.
ADDRESS, THOUGHT = "test@test.com", "hello"


def about(version):
    """Mark a row with the version that it is about: the learner is told of both together."""

    def mark(row):
        row.version = version
        return row

    return mark


def events(trials, *kinds):
    """What happened of these kinds in these trials."""
    return [event for trial in trials for event in trial.of(*kinds)]


def refused(seen, version):
    """Whether a right version turned a test red, while all were green with `mailer.py` as it is."""
    return seen.red(version) and not seen.red(AS_IT_IS)


def more(seen, version, *kinds):
    """A test of a round that noticed nothing of this version, with how often these things happened in it; it must be more
    often than in the same test with `mailer.py` as it is. None if there is no such test.
    """
    for trial in seen.unnoticed(version):
        usual = [len(one.of(*kinds)) for one in seen.of(AS_IT_IS) if one.test == trial.test]
        if usual and len(trial.of(*kinds)) > max(usual):
            return trial.test, len(trial.of(*kinds))
    return None


def differs(seen, what):
    """A trial with `mailer.py` as it is that was red, and one of the same test that was green, which differ in what they
    found when they began: in this, and in nothing else. None if there are no two such trials.
    """
    for red in seen.red(AS_IT_IS):
        for green in seen.of(AS_IT_IS):
            if green.green and green.test == red.test:
                found = [name for name, value in vars(red.before).items() if vars(green.before)[name] != value]
                if found == [what]:
                    return red, green
    return None


@PASSES.add
def no_tests(seen):
    if not seen.of(AS_IT_IS):
        return "no test. pytest takes functions whose names begin with test_, and classes whose names begin with Test."
    return None


@PASSES.add
def finds_jobs_of_another_test(seen):
    if (found := differs(seen, "jobs")) and found[0].before.jobs > found[1].before.jobs:
        red, green = found
        return (
            f"taking for granted that the list is empty. It held {count(red.before.jobs, 'job')} when {red.test} began and "
            f"was red, and {green.before.jobs} when it was green. The list belongs to the process, and a test "
            "finds in it what "
            "the one before has left: fake_jobs empties it, and so does clear_all."
        )
    return None


@PASSES.add
def finds_mails_of_another_test(seen):
    if (found := differs(seen, "mails")) and found[0].before.mails > found[1].before.mails:
        red, green = found
        return (
            f"taking for granted that the inbox is empty. It held {count(red.before.mails, 'mail')} when "
            f"{red.test} began and "
            f"was red, and {green.before.mails} when it was green. What is started once for the whole file is shared by all "
            "its tests; the fixture inbox is empty for each."
        )
    return None


@PASSES.add
def finds_a_mode_of_another_test(seen):
    if found := differs(seen, "mode"):
        red, green = found
        return (
            f"a mode that outlives its test. When {red.test} began and was red, {MODES[red.before.mode]}; when it "
            "was green, "
            f"{MODES[green.before.mode]}. With `with`, a mode ends where the block ends."
        )
    return None


MODES = {"none": "no mode was on", "fake": "the fake mode was on", "inline": "the inline mode was on"}


@PASSES.add
def depends_on_the_order(seen):
    found = [row(seen) for row in (finds_jobs_of_another_test, finds_mails_of_another_test, finds_a_mode_of_another_test)]
    first = [trial for trial in seen.of(AS_IT_IS) if trial.time == 1]
    forwards = [trial for trial in first if not trial.backwards]
    red = [trial for trial in first if trial.backwards and not trial.green]
    others = [trial for trial in first if trial.backwards and trial.green]  # if all are red, it may be something else
    if red and others and not any(found) and all(trial.green for trial in forwards):
        return (
            f"a test that depends on the others. {red[0].test} was green when they ran in their order, and red when they "
            "ran from the last to the first. What a test needs, it makes itself, or a fixture does."
        )
    return None


@PASSES.add
def waits_for_a_mail_in_fake_mode(seen):
    for trial in seen.red(AS_IT_IS):
        pushed = [event for event in trial.of("push") if event.what["mode"] == "fake"]
        nothing_came = not trial.of("run", "mail", "refused mail") and trial.before.mails == 0
        line = place(trial.error, seen.answer) if trial.error is not None else ""
        if pushed and nothing_came and ("inbox" in line or "mails" in line):
            return (
                f"thinking that a push in fake mode runs the job. {trial.test} pushed one{pushed[0].line}, and "
                "looked for the "
                "mail. Nothing had been run: the job was in a list. drain runs what is in it."
            )
    return None


@PASSES.add
def counts_on_a_worker_process(seen):
    for trial in seen.red(AS_IT_IS):
        pushed = [event for event in trial.of("push") if event.what["mode"] == "redis"]
        nothing_came = not trial.of("run", "mail", "refused mail") and trial.before.mails == 0
        line = place(trial.error, seen.answer) if trial.error is not None else ""
        if pushed and nothing_came and ("inbox" in line or "mails" in line):
            waited = f", waited{trial.of('nap')[0].line}," if trial.of("nap") else ""
            return (
                f"counting on a worker process. {trial.test} pushed a job{pushed[0].line}{waited} and looked for the mail. "
                "The job is in a queue, and no process is there to take it out, however long you wait. Let it run in the "
                "test: drain does that, in fake mode."
            )
    return None


@PASSES.add
def expects_the_push_to_raise(seen):
    for trial in seen.red(AS_IT_IS):
        nothing_raised = "DID NOT RAISE" in str(trial.error) or "not raised" in str(trial.error)
        pushed = [event for event in trial.of("push") if inside(seen, event, "raises", "assertRaises")]
        if nothing_raised and pushed and not trial.of("run", "mail", "refused mail"):
            return (
                f"thinking that the push raises what perform raises. {trial.test} pushed a job{pushed[0].line}, and nothing "
                "ran it, so nothing failed. Put the drain into that block: it runs the job, and raises what perform raises."
            )
    return None


@PASSES.add
def waits_for_a_second_try(seen):
    for trial in seen.red(AS_IT_IS):
        after = trial.events[next((n for n, event in enumerate(trial.events) if event.kind == "refused mail"), 0) :]
        line = place(trial.error, seen.answer).partition(": ")[2] if trial.error is not None else ""
        tried = any(event.kind in ("push", "run", "mail") for event in after)
        drained = trial.of("run") and all(event.what["mode"] == "fake" for event in trial.of("push"))
        if trial.of("refused mail") and drained and not tried and ("jobs" in line or "mails" in line):
            return (
                f"a job that is thought to be there after its run has failed. In {trial.test} the mail server "
                f"refused{after[0].line}, and the job was gone from the list: drain runs none again. Whether there is a "
                "second try is up to Redis and the worker process. What the job says of it is there before the run: "
                'job["retry"].'
            )
    return None


@RIGHTLY.add
@about("another queue")
def demands_the_queue(seen):
    if refused(seen, "another queue"):
        return (
            "asking for a queue. Its name may change, together with the queues that the worker processes serve. Whether one "
            "serves it, no name can tell a test."
        )
    return None


@RIGHTLY.add
@about("five retries")
def demands_the_retries(seen):
    if refused(seen, "five retries"):
        return "asking for the number of retries. The job is tried again, and 5 times will do; retry is True, or a number."
    return None


@RIGHTLY.add
@about("other words")
def demands_the_words(seen):
    if refused(seen, "other words"):
        return "asking for the very words of the answer. Whoever changes them has a red test, and nothing is broken."
    return None


@RIGHTLY.add
@about("another exception")
def demands_the_exception(seen):
    if refused(seen, "another exception"):
        return "asking for one kind of exception. Whatever perform raises, the run has failed and the job is tried again."
    return None


@RIGHTLY.add
@about("arguments by name")
def demands_the_call(seen):
    if refused(seen, "arguments by name"):
        return "asking how send_gif is called. The same mail arrives with arguments by name. Look at the mail."
    return None


@RIGHTLY.add
@about("in bulk")
def demands_perform_async(seen):
    if refused(seen, "in bulk"):
        return "asking by which method the job is pushed. The same job is there after perform_bulk. Look at the job."
    return None


@CREATES.add
@about("pushes nothing")
def as_handed_out(seen):
    if seen.unnoticed("pushes nothing") and not any(map(_asserts, ast.walk(seen.tree))):
        return (
            "the exercise as it was handed out, or near it: nothing is asserted. Such a test is red only if something in it "
            "raises by itself."
        )
    return None


@REFUSES.add
@PERFORMS.add
@CREATES.add
@about("")
def asserts_in_vain(seen):
    if (found := in_vain(seen)) and any(map(seen.unnoticed, BROKEN)):
        return (
            f"an assert in a block that takes any exception (line {found[0].lineno}). A failed assert is an exception, too, "
            "and the block takes it: the test is green either way. Let the block hold only what should fail."
        )
    return None


@CREATES.add
@about("pushes nothing")
def pushes_in_the_test(seen):
    through = seen.unnoticed("pushes nothing")
    if through and events(through, "push"):
        return (
            f"pushing the job in the test{events(through, 'push')[0].line}. Here create pushes nothing, and the "
            "test pushed one "
            "itself. What the page calls is create."
        )
    return None


@CREATES.add
@about("pushes nothing")
def tests_the_worker_only(seen):
    if seen.unnoticed("pushes nothing") and not events(seen.of(AS_IT_IS), "push"):
        return "testing the Worker only. No job was pushed in any of your tests, so create can do what it likes."
    return None


@CREATES.add
@about("calls perform")
def inline_only(seen):
    pushed = events(seen.of(AS_IT_IS), "push")
    if pushed and all(event.what["mode"] == "inline" for event in pushed) and seen.unnoticed("calls perform"):
        return (
            "testing in inline mode only. There a push runs its job at once, and a direct call of perform looks "
            "just the same "
            "from outside. Whether there is a job, the fake mode shows."
        )
    return None


@CREATES.add
@about("calls perform")
def looks_at_the_mail_only(seen):
    pushed = events(seen.of(AS_IT_IS), "push")
    without_a_job = [trial for trial in seen.unnoticed("calls perform") if trial.mails and not trial.of("push")]
    looked = not seen.unnoticed("does nothing")
    if looked and without_a_job and any(event.what["mode"] != "inline" for event in pushed):
        return (
            f"looking at the mail only. In {without_a_job[0].test} it went out without any job, while create was "
            "running. Look "
            "at the jobs, and look before they are run."
        )
    return None


@CREATES.add
@about("pushes two")
def does_not_count_the_jobs(seen):
    if found := more(seen, "pushes two", "push"):
        return f"not counting the jobs. {count(found[1], 'job')} were pushed in {found[0]}, and it was green."
    return None


@CREATES.add
@about("swapped")
def does_not_look_at_the_arguments(seen):
    usual = [event.what["args"] for event in events(seen.of(AS_IT_IS), "push")]
    for event in events(seen.unnoticed("swapped"), "push"):
        if event.what["args"] not in usual:
            return (
                f"not looking at the arguments of the job. They were {brief(event.what['args'])}, and every test was green."
            )
    return None


@CREATES.add
@about("tomorrow")
def does_not_look_at_the_moment(seen):
    if any("at" in event.what for event in events(seen.unnoticed("tomorrow"), "push")) and not in_vain(seen, "at"):
        return (
            "not looking for when the job is. drain and the inline mode run it at once even if it is for "
            "tomorrow; the job says "
            'it: a job for later has a field "at".'
        )
    return None


@CREATES.add
@about("does both")
def does_not_look_before_the_run(seen):
    if found := more(seen, "does both", "mail"):
        return (
            f"not looking between the push and the run. In {found[0]} a mail went out before any job was run, and it was "
            "green. At that moment, the inbox should be empty."
        )
    return None


@CREATES.add
@about("first visitor")
def one_visitor(seen):
    pushed = [event.what["args"] for event in events(seen.of(AS_IT_IS), "push")]
    same = pushed and pushed[0] and all(args[:1] == pushed[0][:1] for args in pushed)
    if same and seen.unnoticed("first visitor"):
        return (
            f"always the same visitor: {pushed[0][0]}. A create that remembers the first one is right as long "
            "as nobody else comes."
        )
    return None


@CREATES.add
@about("no answer")
def does_not_look_at_the_answer(seen):
    if seen.unnoticed("no answer"):
        return "not looking at what create returns. The visitor waits for an answer, and got None."
    return None


@PERFORMS.add
@about("does nothing")
def tests_the_push_only(seen):
    ran = events(seen.of(AS_IT_IS), "run", "mail", "refused mail")
    if seen.unnoticed("does nothing") and not ran and not seen.unnoticed("pushes nothing"):
        return (
            "testing the push only. In none of your tests was a job run, or a mail sent, so it makes no "
            "difference what perform "
            "does. A push and its effect are two things to test."
        )
    return None


@PERFORMS.add
@about("does nothing")
def runs_without_looking(seen):
    if seen.unnoticed("does nothing") and events(seen.of(AS_IT_IS), "mail"):
        return (
            "running the job, and not looking at what came of it. With mailer.py as it is, there was a mail; here "
            "there was none."
        )
    return None


@PERFORMS.add
@about("one address")
def the_address_of_the_bug(seen):
    mails = events(seen.of(AS_IT_IS), "mail")
    if mails and all(event.what[0] == ADDRESS for event in mails) and seen.unnoticed("one address"):
        return (
            f"an address that the code may have, too: {ADDRESS}. A Worker that mails everything there looks right "
            "to your tests."
        )
    return None


@PERFORMS.add
@about("one address")
def does_not_look_at_the_address(seen):
    mails = events(seen.of(AS_IT_IS), "mail")
    if any(event.what[0] != ADDRESS for event in mails) and events(seen.unnoticed("one address"), "mail"):
        return f"not looking at where the mail goes. It went to {ADDRESS}, and every test was green."
    return None


@PERFORMS.add
@about("one thought")
def the_thought_of_the_bug(seen):
    mails = events(seen.of(AS_IT_IS), "mail")
    if mails and all(event.what[1] == THOUGHT for event in mails) and seen.unnoticed("one thought"):
        return f"a thought that the code may have, too: {THOUGHT}. A Worker that always says it looks right to your tests."
    return None


@PERFORMS.add
@about("one thought")
def does_not_look_at_the_subject(seen):
    mails = events(seen.of(AS_IT_IS), "mail")
    if any(event.what[1] != THOUGHT for event in mails) and events(seen.unnoticed("one thought"), "mail"):
        return f"not looking at the subject. It was {THOUGHT}, and every test was green."
    return None


@PERFORMS.add
@about("two mails")
def does_not_count_the_mails(seen):
    if found := more(seen, "two mails", "mail"):
        return f"not counting the mails. {count(found[1], 'mail')} went out in {found[0]}, and it was green."
    return None


@REFUSES.add
@about("swallows")
def never_refuses(seen):
    if seen.unnoticed("swallows") and not events(seen.of(AS_IT_IS), "refused mail"):
        return (
            "a mail server that is always well. It refused no mail in any of your tests: inbox.refuse(1) makes it "
            "refuse the next one."
        )
    return None


@REFUSES.add
@about("swallows")
def does_not_look_at_the_failure(seen):
    for trial in seen.unnoticed("swallows"):
        if trial.of("refused mail") and not in_vain(seen):
            return (
                f"a refusal that nobody looks at. In {trial.test} the mail server refused, perform returned as if "
                "all was well, "
                "and the test was green. pytest.raises asks that something is raised."
            )
    return None


@REFUSES.add
@about("no retry")
def does_not_look_at_the_retry(seen):
    if seen.unnoticed("no retry") and not seen.unnoticed("swallows") and not in_vain(seen, "retry"):
        return (
            "taking the failure for the retry. The run fails here, too, and then the job is thrown away. drain "
            "cannot show that, "
            'and the job says it: job["retry"].'
        )
    return None


def in_vain(seen, about=None):
    """The asserts in blocks that take any exception; with a text, those in which it stands."""
    blocks = [node for node in ast.walk(seen.tree) if _takes_any(node)]
    found = [node for block in blocks for one in block.body for node in ast.walk(one) if isinstance(node, ast.Assert)]
    return [node for node in found if about is None or repr(about) in ast.unparse(node)]


def _takes_any(node):
    """Whether this is a `with` or a `try` that goes on, whatever is raised in it."""
    if isinstance(node, ast.With):
        takers = [ast.unparse(item.context_expr).partition(".")[2] or ast.unparse(item.context_expr) for item in node.items]
        return any(f"{taker}({kind})" in takers for kind in ANY for taker in ("raises", "assertRaises", "suppress"))
    if isinstance(node, ast.Try):
        takers = [one for one in node.handlers if one.type is None or ast.unparse(one.type) in ANY]
        return any(not any(map(_asserts, ast.walk(one))) for one in takers)
    return False


# The exceptions that include the one of an assert.
ANY = ("Exception", "BaseException")


def inside(seen, event, *names):
    """Whether this happened in a `with` block that calls one of these."""
    for node in ast.walk(seen.tree):
        if isinstance(node, ast.With) and any(node.lineno < line <= (node.end_lineno or 0) for line, _ in event.places):
            calls = [one.context_expr.func for one in node.items if isinstance(one.context_expr, ast.Call)]
            if any(ast.unparse(call).rpartition(".")[2] in names for call in calls):
                return True
    return False


def count(number, noun):
    """So many of something."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _asserts(node):
    """Whether this can make a test red on purpose: an assert, a raise, or a call with such a name."""
    if isinstance(node, (ast.Assert, ast.Raise)):
        return True
    name = ""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
    return any(word in name.lower() for word in ("assert", "raises", "fail"))
