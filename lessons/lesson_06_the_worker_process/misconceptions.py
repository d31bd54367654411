"""What people believe who get exercise 6 wrong, and what proves that they do. See `lessons.course.rejection`."""

import ast

from lessons.course import shared
from lessons.course.rejection import Misconceptions, place
from lessons.course.witness import NeverEnds

JOBS, GAP, SWITCH = Misconceptions(), Misconceptions(), Misconceptions()


def line(seen, *told):
    """Where in the answer a process was told this first, in words."""
    return next((event.line for event in seen.call.of("process") if event.what == told), "")


def before(seen, first, then):
    """Whether a process was told `first`, and only after that `then`; or `then` was never told."""
    return first in seen.told and (then not in seen.told or seen.told.index(first) < seen.told.index(then))


def cut_off(seen):
    """Whether a job was begun again that the old process had begun."""
    return bool(seen.begun_twice) and ("old", "stop") in seen.told


def limit(seen):
    """Where the time was measured after which deploy went on too early, in words."""
    if seen.begun_twice or seen.never_ended:
        line = seen.measured.before.get(("old", "stop"))
    elif seen.gap is None or seen.gap >= 1:
        line = seen.measured.before.get(("old", "quiet")) or seen.measured.before.get(("old", "stop"))
    else:
        line = seen.measured.limited or seen.measured.paused
    return f" (line {line})" if line else ""


def looks_between(seen, pause):
    """Whether this pause is in a loop that calls something else, too: what it looks at, perhaps."""
    loops = [node for node in ast.walk(ast.parse(seen.answer.read_bytes())) if isinstance(node, (ast.For, ast.While))]
    around = [loop for loop in loops if any(loop.lineno <= line <= loop.end_lineno for line, _ in pause.places)]
    calls = [ast.unparse(node.func) for loop in around for node in ast.walk(loop) if isinstance(node, ast.Call)]
    return any(not call.endswith(("sleep", "range", "print")) for call in calls)


def looked_once(seen):
    """The line of a stop() that was not reached, if busy() was asked only once, and said that a job still runs; else 0."""
    calls = [node for node in ast.walk(ast.parse(seen.answer.read_bytes())) if isinstance(node, ast.Call)]
    stops = [node.lineno for node in calls if ast.unparse(node.func).endswith(".stop")]
    asked = seen.busy.get("old", [])
    return (
        max(stops)
        if stops and len(asked) == 1 and asked[0] and not {"stop", "kill"} & {told for _, told in seen.told}
        else 0
    )


def not_called(seen):
    """Where the answer takes a method that can be asked for what it answers: (its name, the line); None if it never does."""
    nodes = list(ast.walk(ast.parse(seen.answer.read_bytes())))
    own = {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    own |= {node.name for node in nodes if isinstance(node, ast.FunctionDef) and node.decorator_list}
    for node in nodes:
        told = [node.body] if isinstance(node, ast.Lambda) else [node.test] if isinstance(node, (ast.While, ast.If)) else []
        told += [node.operand] if isinstance(node, ast.UnaryOp) else [node.left] if isinstance(node, ast.Compare) else []
        for one in told:
            if isinstance(one, ast.Attribute) and one.attr in {"ready", "busy", "ended"} - own:
                return ast.unparse(one), one.lineno
    return None


def long_pause_before(seen, told):
    """The last long pause before the old process was told this, or None."""
    at = next((place for place, event in enumerate(seen.call.events) if event.what == told), None)
    return next((event for event in reversed(seen.call.events[:at]) if event.kind == "nap"), None) if at else None


@JOBS.add
def as_handed_out(seen):
    if seen.told == [("old", "stop"), ("new", "start")]:
        return (
            "the exercise as it was handed out, or near it. The old process is stopped first"
            f"{line(seen, 'old', 'stop')}: its long job is cut off, and until the new code has loaded, nobody takes jobs."
        )
    return None


@JOBS.add
def kills(seen):
    if ("old", "kill") in seen.told and (seen.never_ended or seen.begun_twice):
        return (
            f"killing the old process{line(seen, 'old', 'kill')}. It ends in the middle of its jobs, and cannot put them "
            "back into their queue. They stay in flight for a dead process, until another one finds them and begins them "
            "anew."
        )
    return None


@JOBS.add
def starts_none(seen):
    if seen.told and ("new", "start") not in seen.told and not seen.new_ones and ("old", "stop") in seen.told:
        return "never calling start_new(). The old process is gone, and no other one came."
    return None


@JOBS.add
def empties_the_queue(seen):
    if seen.gone:
        return (
            f"emptying the queue. {seen.gone} jobs are nowhere: they waited, nobody began them, and they are in the queue "
            "no more. What waits in Redis needs no process to wait with it; leave it there, and the new one takes it."
        )
    return None


@SWITCH.add
@JOBS.add
def quiets_the_new_one(seen):
    if ("new", "quiet") in seen.told and ("new", "stop") not in seen.told:
        return (
            f"making the new process quiet{line(seen, 'new', 'quiet')}. It takes no jobs then, and there is no way back: a "
            "quiet process stays quiet until it ends."
        )
    return None


@SWITCH.add
@JOBS.add
def stops_the_new_one(seen):
    if ("new", "stop") in seen.told:
        return f"stopping the new process{line(seen, 'new', 'stop')}. The old one has to go."
    return None


@SWITCH.add
@GAP.add
@JOBS.add
def without_brackets(seen):
    wrong = seen.never_ended or seen.begun_twice or seen.gap is None or seen.gap >= 1 or seen.call.error is not None
    if wrong and (found := not_called(seen)):
        return (
            f"{found[0]} without brackets (line {found[1]}). That is the method itself, and not what it answers: nobody has "
            f"asked. wait_until calls what it is given; in a lambda you call it yourself, {found[0]}()."
        )
    return None


@GAP.add
@JOBS.add
def sleeps(seen):
    pause = long_pause_before(seen, ("old", "quiet")) if seen.gap is None or seen.gap >= 1 else None
    pause = pause or (long_pause_before(seen, ("old", "stop")) if cut_off(seen) else None)
    if pause is not None and not looks_between(seen, pause):
        return (
            f"sleeping for a fixed time{pause.line}, and then going on without a look. (The check shortens each pause to a "
            "moment.) On a busy day, loading the code takes longer than anybody has guessed, and so does a job."
        )
    return None


@SWITCH.add
@GAP.add
@JOBS.add
def gives_up_waiting(seen):
    if seen.only_hurried:
        return (
            f"a limit of your own{limit(seen)}. In this check the clock is fast: a second is ten minutes. So "
            "the limit was over while the new process was loading, or the old one still ran a job, and deploy went on. At "
            "the usual pace it went well. Nobody knows how long a job takes."
        )
    return None


@JOBS.add
def does_not_wait_for_the_old_one(seen):
    at_once = not (seen.naps or not_called(seen) or seen.only_hurried)
    if cut_off(seen) and before(seen, ("old", "quiet"), ("old", "stop")) and at_once:
        return (
            f"stopping the old process{line(seen, 'old', 'stop')} while it still runs a job. Quiet means that it takes no "
            "more, not that it has finished what it has."
        )
    return None


@JOBS.add
def stops_at_once(seen):
    started_first = before(seen, ("new", "start"), ("old", "stop"))
    if cut_off(seen) and started_first and ("old", "quiet") not in seen.told:
        return (
            f"stopping the old process{line(seen, 'old', 'stop')} in the middle of its work. What has not ended within the "
            "0.3 seconds of its --timeout goes back to the queue, and starts again elsewhere."
        )
    return None


@GAP.add
def quiet_first(seen):
    if before(seen, ("old", "quiet"), ("new", "start")) and seen.gap is not None and seen.gap >= 1:
        return (
            f"making the old process quiet{line(seen, 'old', 'quiet')} before the new one is even started. Until that has "
            "loaded its code, nobody takes jobs."
        )
    return None


@GAP.add
def does_not_wait_for_the_new_one(seen):
    order = [what for what in seen.told if what in (("new", "start"), ("old", "quiet"))]
    at_once = order[:2] == [("new", "start"), ("old", "quiet")] and not (seen.naps or not_called(seen) or seen.only_hurried)
    if at_once and seen.gap is not None and seen.gap >= 1:
        return (
            "thinking that start_new() returns a process that takes jobs. It returns before the code has loaded, and the "
            f"old process was made quiet meanwhile{line(seen, 'old', 'quiet')}."
        )
    return None


@SWITCH.add
def runs_nothing(seen):
    return shared.runs_nothing(seen.call)


@SWITCH.add
def own_thread(seen):
    for event in seen.call.of("process"):
        if event.elsewhere and seen.old_at_return and seen.call.error is None:
            return (
                f"doing it in a thread of your own{event.line}. deploy returns before that has done its work, and whoever "
                "called it thinks that all is over."
            )
    return None


@SWITCH.add
def never_idle(seen):
    waited = isinstance(seen.call.error, (TimeoutError, NeverEnds))
    if waited and ("old", "quiet") not in seen.told and seen.busy.get("old", [0])[-1]:
        return (
            "waiting until the old process has nothing to do, while it still takes jobs. They come in all the time, so it "
            "always has. Let it take no more first."
        )
    return None


@SWITCH.add
def starts_several(seen):
    if seen.told.count(("new", "start")) > 1:
        return (
            f"calling start_new() {seen.told.count(('new', 'start'))} times. Each call starts a process of its own, and "
            "each of them stays."
        )
    return None


@SWITCH.add
def looks_once(seen):
    if ("old", "quiet") in seen.told and _returned(seen) and (line := looked_once(seen)):
        return (
            f"looking only once. busy() said {seen.busy['old'][0]}, so the old process still ran a job, and stop() in line "
            f"{line} was not reached. Nothing looks again by itself: wait until busy() says 0."
        )
    return None


@SWITCH.add
def only_quiet(seen):
    ended = {("old", "stop"), ("old", "kill")} & set(seen.told)
    error = seen.call.error
    waited = isinstance(error, TimeoutError) and ".ended" in place(error, seen.answer)
    instead = looked_once(seen) or seen.only_hurried  # it would have stopped it
    if ("old", "quiet") in seen.told and not (ended or instead) and seen.old_at_return and (waited or _returned(seen)):
        return (
            f"thinking that a quiet process ends by itself{line(seen, 'old', 'quiet')}. It takes no more jobs, and waits "
            "until it is stopped."
        )
    return None


@SWITCH.add
def leaves_the_old_one(seen):
    if set(seen.told) == {("new", "start")} and _returned(seen):
        return (
            "starting the new process, and never telling the old one anything. Both take jobs, so the old code still runs: "
            "which of the two a job gets is chance."
        )
    return None


def _returned(seen):
    """Whether deploy returned when all that it does was done."""
    return seen.call.error is None and not any(event.elsewhere for event in seen.call.of("process"))
