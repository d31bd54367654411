"""What people believe who get exercise 7 wrong, and what proves that they do. See `lessons.course.rejection`.

The evidence is in the afternoons that every answer lives (`TRIED`, in `test_exercise.py`), by their names.
"""

from lessons.course import shared
from lessons.course.rejection import Misconceptions
from lessons.lesson_07_later.afternoon import clock

CREATED, MOVED, CANCELLED, ALWAYS = Misconceptions(), Misconceptions(), Misconceptions(), Misconceptions()

# The answer's create, in the first afternoon of all.
FIRST = 0

# The afternoon that a row speaks of, by its name, where it is not the shortest that went wrong.
ABOUT = {}


def about(name):
    """Say which afternoon a row speaks of: the check tells that one."""

    def note(row):
        ABOUT[row] = name
        return row

    return note


def went_well(seen, *names):
    """Whether these afternoons were lived, and nothing went wrong in them."""
    return all(name in seen.of and seen.of[name].wrong is None for name in names)


def mailed(seen, name, event="tea"):
    """When a reminder of this event went out in this afternoon; None if nobody lived it."""
    return seen.of[name].mailed(event) if name in seen.of else None


def mailed_by(seen, name):
    """Of the mails about tea of this afternoon, when each went out, and the number of the call that pushed its job."""
    one = seen.of.get(name)
    return [(clock(mail.at), one.sent_by(mail)) for mail in one.mails if mail.name == "tea"] if one else []


def ran_in_vain(seen, name, call):
    """Whether a job that was pushed in this call ended well, and mailed nothing."""
    if name not in seen.of:
        return False
    jids = seen.of[name].jobs_of(call)
    return any(run.job.get("jid") in jids and run.error is None and not run.mails for run in seen.of[name].runs)


@CREATED.add
def milliseconds(seen):
    error = seen.of["created"].calls[FIRST].error
    if isinstance(error, ValueError) and "milliseconds" in str(error):
        return "milliseconds. A moment is in seconds since 1970, here and in at."
    return None


@CREATED.add
def no_time_zone(seen):
    error = seen.of["created"].calls[FIRST].error
    if isinstance(error, TypeError) and "has no time zone" in str(error):
        return (
            "a datetime without a time zone. It names another moment on each machine, so it is refused. at is a moment "
            "already: pass it on as it is."
        )
    return None


@CREATED.add
def sends_it_itself(seen):
    for event in seen.of["created"].calls[FIRST].of("mail"):
        if not event.elsewhere and not seen.of["created"].calls[FIRST].of("nap"):
            return f"sending the reminder in create{event.line}. It goes out at once, in the process that serves the page."
    return None


@CREATED.add
def sleeps_in_create(seen):
    for event in seen.of["created"].calls[FIRST].of("nap"):
        return f"waiting in create{event.line}. Ada's page waits as long. Redis can keep the job until then."
    return None


@CREATED.add
def own_timer(seen):
    call = seen.of["created"].calls[FIRST]
    for event in call.of("thread"):
        if not call.of("push"):
            return (
                f"a thread of your own{event.line}. It is in the memory of this web process and nowhere else: if that "
                "ends before 14:30, there is nothing left of it. A job is in Redis."
            )
    return None


@CREATED.add
def sleeps_in_perform(seen):
    for run in seen.of["created"].runs if mailed(seen, "created")[:1] == ["14:00"] else []:
        for event in run.of("nap"):
            return (
                f"waiting in perform{event.line}. The job was run at once, and a thread of the worker process waits with "
                "it. In schedule it costs nobody anything."
            )
    return None


@CREATED.add
def pushes_for_now(seen):
    one = seen.of["created"]
    pushed = [event for event in one.calls[FIRST].of("push") if "at" not in event.what]
    if pushed and one.mailed()[:1] == ["14:00"] and not any(run.of("nap") for run in one.runs):
        return f"a job for now{pushed[0].line}. Nothing was said of the moment, so it went straight into its queue."
    return None


@CREATED.add
def noted_in_one_process(seen):
    if seen.one_process and seen.one_process.wrong is None and ran_in_vain(seen, "created", FIRST):
        return (
            "a variable of one process. When the process that takes the calls runs the jobs as well, this goes well. Here "
            "they are two, and what the web process has noted in a variable, the worker process does not know."
        )
    return None


@CREATED.add
def other_arguments(seen):
    return shared.other_arguments(seen.of["created"].runs)


@CREATED.add
def empty_perform(seen):
    return shared.does_nothing(seen.of["created"].runs)


@CREATED.add
def pushes_nothing(seen):
    return shared.pushes_nothing(seen.of["created"].calls[FIRST])


@MOVED.add
def ids_in_a_variable(seen):
    if seen.one_web_process and seen.one_web_process.wrong is None and not went_well(seen, "moved"):
        return (
            "a variable of one process. When one web process takes all the calls, this goes well. Here two of them take "
            "turns, and what the one has noted in a variable, the other one does not know."
        )
    return None


@MOVED.add
@about("moved")
def as_handed_out(seen):
    moved, cancelled = mailed_by(seen, "moved"), mailed_by(seen, "cancelled")
    if moved == [("14:30", 0), ("15:30", 1)] and cancelled == [("14:30", 0)] and seen.one_web_process.wrong:
        return (
            "the exercise as it was handed out, or near it. The job that was pushed first mails at 14:30, whatever has "
            "become of the event: moved, or cancelled."
        )
    return None


@MOVED.add
@about("moved")
def leaves_the_old_one(seen):
    left = mailed_by(seen, "moved") == [("14:30", 0), ("15:30", 1)] and seen.an_hour_apart.wrong
    if left and went_well(seen, "cancelled"):
        line = seen.of["moved"].calls[1].of("push")[0].line
        return (
            f"a job that was left behind. move pushed another one{line}, and the one of create ran all the same, and mailed."
        )
    return None


@MOVED.add
@about("moved")
def a_mark_of_both(seen):
    if mailed_by(seen, "moved") == [("14:30", 0), ("15:30", 1)] and seen.an_hour_apart.wrong is None:
        return (
            "a mark that two changes can share. When an hour lies between create and move, this goes well. When both come "
            "at the same moment, the old job is taken for the new one. What tells jobs apart must be another for each, "
            "however soon it comes."
        )
    return None


@MOVED.add
@about("moved")
def moves_nothing(seen):
    if mailed_by(seen, "moved") == [("14:30", 0)] and not seen.of["moved"].calls[1].of("push"):
        return "a move that moves no job. It pushed none, and the one of create was still due at 14:30."
    return None


@MOVED.add
@about("moved")
def nobody_comes_back(seen):
    if mailed(seen, "moved") == [] and ran_in_vain(seen, "moved", 0) and not seen.of["moved"].calls[1].of("push"):
        return (
            "a job that ran at the old moment, mailed nothing, and was done. For the new moment there is no job: move "
            "pushed none."
        )
    return None


@MOVED.add
@about("moved")
def takes_and_pushes_none(seen):
    one = seen.of.get("moved")
    if one and not one.mails and not one.runs and one.calls[0].of("push") and not one.calls[1].of("push"):
        return "a move after which there is no job at all: that of create never ran, and move pushed none."
    return None


@MOVED.add
@about("moved")
def raises_until_then(seen):
    one = seen.of.get("moved")
    failed = [run for run in one.runs if run.error is not None] if one else []
    if (
        one
        and one.wrong
        and one.wrong.kind == "late"
        and len(failed) > 1
        and len({run.job.get("jid") for run in failed}) == 1
    ):
        return (
            f"waiting by failing. The job failed {len(failed)} times, and was tried again. When the next try comes is up to "
            f"the rule for retries, and not to the event: the mail went out at {one.mailed()[0]}."
        )
    return None


@MOVED.add
@about("moved and back")
def compares_the_moment(seen):
    twice = sorted(mailed_by(seen, "moved and back")) == [("14:30", 0), ("14:30", 2)]
    if twice and went_well(seen, "moved", "moved forward"):
        return (
            "two jobs for one moment. The event was moved away from 14:30 and back, so create and the second move both "
            "pushed a job for 14:30, and both mailed. By its moment alone a job cannot know whether it is the one that "
            "counts."
        )
    return None


@MOVED.add
@about("moved")
def comes_back_beside_the_new_one(seen):
    one = seen.of.get("moved")
    if mailed_by(seen, "moved") not in ([("15:30", 1), ("15:30", None)], [("15:30", None), ("15:30", 1)]):
        return None
    sent = {mail.scope.job.get("jid") for mail in one.mails}
    for run in one.runs:
        for event in run.of("push"):
            if event.what.get("jid") in sent:
                return (
                    "an old job that comes back beside the new one. At 14:30 the job of create pushed another "
                    f"one{event.line}, and move had pushed one, too. Both were due at 15:30, and both mailed."
                )
    return None


@MOVED.add
@about("moved forward")
def asks_the_clock_only(seen):
    if mailed_by(seen, "moved forward") == [("14:30", 1), ("16:30", 0)] and went_well(seen, "moved"):
        return (
            "an old job that mails after the event's moment. The event was moved from 16:30 to 14:30. At 16:30 the job of "
            "create ran, and mailed again."
        )
    return None


@MOVED.add
@about("moved afterwards")
def reminded_for_good(seen):
    if (
        mailed(seen, "moved afterwards") == ["14:30"]
        and ran_in_vain(seen, "moved afterwards", 1)
        and went_well(seen, "moved")
    ):
        return (
            "one reminder, and never another one. The event was moved after its reminder had gone out; the job for the "
            "new moment ran, and mailed nothing."
        )
    return None


@MOVED.add
@about("moved forward")
def keeps_silent(seen):
    if mailed_by(seen, "moved forward") == [("16:30", 0)] and ran_in_vain(seen, "moved forward", 1):
        return (
            "a job that keeps silent, and leaves it to another one. The event was moved from 16:30 to 14:30. At 14:30 the "
            "job of move ran, and mailed nothing. At 16:30 that of create mailed."
        )
    return None


@MOVED.add
@about("moved forward")
def looks_at_the_old_moment(seen):
    one = seen.of.get("moved forward")
    late = mailed_by(seen, "moved forward") == [("16:30", 0)] and went_well(seen, "moved")
    if one and late and not one.calls[1].of("push"):
        return (
            "a move to an earlier moment without a job for it. The event was moved from 16:30 to 14:30, and move pushed "
            "none. At 14:30 none was due, and that of create ran at 16:30."
        )
    return None


@MOVED.add
@about("moved afterwards")
def moves_what_is_there_only(seen):
    one = seen.of.get("moved afterwards")
    if (
        one
        and one.mailed() == ["14:30"]
        and one.calls[1].error is None
        and not one.calls[1].of("push")
        and went_well(seen, "moved", "moved forward")
    ):
        return (
            "a move that pushes no job when there is none left to be moved. The first one had run, and there is none "
            "for 15:30."
        )
    return None


@CANCELLED.add
@MOVED.add
def not_there_any_more(seen):
    for name in ("moved afterwards", "cancelled afterwards"):
        for call in seen.of[name].calls if name in seen.of else []:
            if isinstance(call.error, AttributeError) and "'NoneType' object has no attribute" in str(call.error):
                return (
                    "a job that is expected to be there. At 15:00 it had run, and there was nothing to find: None has "
                    f"{str(call.error).split(' has ')[-1]}."
                )
    return None


@CANCELLED.add
@MOVED.add
def clears_the_schedule(seen):
    for name in ("one of three moved", "one of three cancelled"):
        if mailed(seen, name, "team") == mailed(seen, name, "walk") == [] and seen.of[name].decoy_is_gone:
            return (
                "emptying schedule, or more than that. The jobs of all other events are gone, and so is one of another "
                "Worker."
            )
    return None


@CANCELLED.add
@MOVED.add
def takes_all_reminders(seen):
    for name in ("one of three moved", "one of three cancelled"):
        if mailed(seen, name, "team") == mailed(seen, name, "walk") == [] and not seen.of[name].decoy_is_gone:
            return (
                "stopping the reminders of all events. Nobody had touched 'team' and 'walk', and no mail about them "
                "went out."
            )
    return None


@CANCELLED.add
@MOVED.add
def part_of_the_name(seen):
    for name in ("one of three moved", "one of three cancelled"):
        if mailed(seen, name, "team") == [] and mailed(seen, name, "walk") == ["14:30"]:
            return (
                "taking the job of 'team' as well, and not that of 'walk'. 'tea' is a part of 'team': go by the whole name."
            )
    return None


@ALWAYS.add
@CANCELLED.add
@MOVED.add
def other_workers_too(seen):
    for name in ("one of three moved", "one of three cancelled"):
        if (
            name in seen.of
            and seen.of[name].decoy_is_gone
            and mailed(seen, name, "team") == mailed(seen, name, "walk") == ["14:30"]
        ):
            return "taking a job of another Worker along. One of NewsletterWorker, whose argument is 'tea' as well, is gone."
    return None


@CANCELLED.add
@about("cancelled")
def cancels_nothing(seen):
    if mailed_by(seen, "cancelled") == [("14:30", 0)] and went_well(seen, "moved"):
        return "a cancel that stops no job. That of create ran at 14:30, and mailed."
    return None


@CANCELLED.add
@about("created again")
def cancelled_for_good(seen):
    again = "created again"
    if mailed(seen, again) == [] and ran_in_vain(seen, again, 2) and went_well(seen, "created", "cancelled"):
        return (
            "a name that can be used only once. Another event was created under it; its job ran, and mailed nothing. "
            "What was done for the cancelled one must not reach it."
        )
    return None


@CANCELLED.add
@about("created again for the same moment")
def old_job_of_the_name(seen):
    again = "created again for the same moment"
    if sorted(mailed_by(seen, again)) == [("14:30", 0), ("14:30", 2)] and went_well(seen, "cancelled", "moved and back"):
        return (
            "an old job that passes for a new one. The event was cancelled, and another one was created under its name. "
            "The jobs of both mailed: what tells jobs apart must not start again with each event."
        )
    return None


@ALWAYS.add
def reaches_schedule_only(seen):
    while_busy = [mailed_by(seen, f"{done} while busy") for done in ("moved", "cancelled")]
    if any(found and found[0] == ("15:00", 0) for found in while_busy) and went_well(seen, "moved", "cancelled"):
        return (
            "reaching the job only while it is in schedule. At 14:30 the poller moved it to its queue. What was done at "
            "15:00 did not stop it there, and it mailed as soon as a worker process was free."
        )
    return None


@ALWAYS.add
def reaches_what_waits_only(seen):
    fetched = [mailed_by(seen, f"{done} when fetched") for done in ("moved", "cancelled")]
    busy = [f"{done} while busy" for done in ("moved", "cancelled")]
    if any(found and found[0] == ("15:00", 0) for found in fetched) and went_well(seen, *busy):
        return (
            "reaching the job only while it waits. At 15:00 a worker process had fetched it, so it was neither in schedule "
            "nor in its queue, and nobody could take it away any more. But the job itself can still ask."
        )
    return None


@ALWAYS.add
@about("busy")
def late_is_never(seen):
    for busy, ran_at in (("busy", "15:00"), ("busy for longer", "16:00")):
        if mailed(seen, busy) == [] and ran_in_vain(seen, busy, 0) and went_well(seen, "created"):
            return (
                f"a job that ran late, and mailed nothing. It ran at {ran_at}, since no worker process was free before. The "
                "event is still Ada's."
            )
    return None
