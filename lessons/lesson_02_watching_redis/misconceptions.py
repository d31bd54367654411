"""What people believe who get exercise 2 wrong, and what proves that they do. See `lessons.course.rejection`."""

import base64
import binascii
import json
import zlib
from contextlib import suppress
from datetime import timedelta

from lessons.course import shared
from lessons.course.rejection import Misconceptions

LEAVES, TRAVELS, CARDS = Misconceptions(), Misconceptions(), Misconceptions()

# What a job says of itself, which tells nothing about the user or the day.
OF_ITSELF = ("class", "queue", "jid", "retry", "created_at", "enqueued_at", "at")


# How many days after the push the jobs run.
DAYS_LATER = 3

# Between two texts: it is in none of them.
NEXT = "\ue000"


def travelling(greeting):
    """What a greeting has put into Redis, in its jobs and anywhere else, as text."""
    jobs = [{name: value for name, value in job.items() if name not in OF_ITSELF} for job in greeting.jobs]
    others = [
        f"{entry.key}: {entry.raw.decode(errors='replace')}"
        for entry in greeting.left
        if entry.job is None and entry.key != "queues"
    ]
    said = [json.dumps(job["args"] if list(job) == ["args"] else job, ensure_ascii=False) for job in jobs]
    return "; ".join(said + others)


def hidden(text):
    """A text, and whatever is hidden in its words: base64, hexadecimal, compressed."""
    found = [text]
    for word in text.replace('"', " ").replace("\\n", " ").split():
        for decode in (
            lambda word: base64.b64decode(word, validate=True),
            base64.urlsafe_b64decode,
            base64.b85decode,
            binascii.unhexlify,
        ):
            with suppress(ValueError):
                packed = decode(word.strip("[],"))
                found.append(packed.decode("latin-1"))
                with suppress(zlib.error):
                    found.append(zlib.decompress(packed).decode("latin-1"))
    return NEXT.join(found)


def arguments(seen):
    """The arguments of the first greeting's job; none if there is none."""
    return [argument for job in seen.greetings[0].jobs for argument in job["args"]]


@LEAVES.add
def fake_mode(seen):
    return shared.fake_mode(seen.greetings[0])


@LEAVES.add
def runs_inline(seen):
    for event in seen.greetings[0].of("run"):
        return f"running the job here and now{event.line}. There is no job in Redis, and greet waits for the mail."
    return None


@LEAVES.add
def calls_perform(seen):
    for event in seen.greetings[0].of("mail"):
        if event.direct and not event.elsewhere:
            return (
                f"calling perform directly{event.line_of_the_call}, because a plain call takes any object. greet waits for "
                "the mail, and if it fails, nobody tries again."
            )
    return None


@LEAVES.add
def own_thread(seen):
    return shared.own_thread(seen.greetings[0])


@LEAVES.add
def as_handed_out(seen):
    first = seen.greetings[0]
    for event in first.of("refused push"):
        if " is a User" in str(event.what) and first.error is event.what:
            return (
                "the exercise as it was handed out, or near it. A User is an object of this process, and no job can hold "
                "one: "
                "the push was refused."
            )
    return None


@LEAVES.add
def swallows_the_refusal(seen):
    first = seen.greetings[0]
    for event in first.of("refused push"):
        if first.error is None and not first.jobs:
            return (
                f"swallowing the refusal. The push was refused{event.line}, and greet went on as if nothing had happened: "
                "it "
                "is quiet now, and no mail will ever be sent."
            )
    return None


@LEAVES.add
def numbers_as_keys(seen):
    for event in seen.greetings[0].of("refused push"):
        if "key" in str(event.what):
            return (
                "a dict whose keys are numbers. In JSON every key is a string, so the push was refused: use strings, or a "
                "list."
            )
    return None


@LEAVES.add
def any_argument_will_do(seen):
    for event in seen.greetings[0].of("refused push"):
        return (
            f"thinking that any argument will do{event.line}. Only what JSON can write down fits into a job. minijobs "
            f"said: {event.what}"
        )
    return None


@LEAVES.add
def pushes_twice(seen):
    if len(seen.greetings[0].jobs) > 1:
        return "pushing more than once. Two pushes are never merged: each sends a mail."
    return None


@LEAVES.add
def remembers_an_earlier_greeting(seen):
    first, _, again, _ = seen.greetings
    if first.jobs and not again.acts and again.error is None:
        return "answering from memory. The second greet with the same user and day pushed nothing, as a cache would do."
    return None


@LEAVES.add
def at_once_for_today(seen):
    usual = all(len(greeting.jobs) == 1 and not greeting.error for greeting in seen.greetings)
    if usual and not seen.for_today.jobs and seen.for_today.of("mail"):
        return (
            "not pushing if the day is today. The mail went out in greet, and its caller waited for it. For every other "
            "day there was a job."
        )
    return None


@LEAVES.add
def pushes_nothing(seen):
    return shared.pushes_nothing(seen.greetings[0])


@TRAVELS.add
def pickles(seen):
    if any(line.startswith("\x80") and line.endswith(".") for line in hidden(travelling(seen.greetings[0])).split(NEXT)):
        return (
            "pickle: an object packed into text. It gets through, but it is a snapshot of Ada as she was at the push. "
            "Nobody can read it, and it breaks when the class changes."
        )
    return None


@TRAVELS.add
def str_of_the_user(seen):
    if any(isinstance(argument, str) and "User(" in argument for argument in arguments(seen)):
        return "turning it into text with str(user). It gets through, but perform gets a string, not a User."
    return None


@TRAVELS.add
def text_made_too_early(seen):
    if any(isinstance(argument, str) and "Happy" in argument for argument in arguments(seen)):
        return (
            "writing the card when the job is pushed. Its text holds the name as it was at that moment; the job should "
            "only say which user and which day."
        )
    return None


@TRAVELS.add
def copies_the_user(seen):
    for argument in arguments(seen):
        text = argument if isinstance(argument, str) else json.dumps(argument)
        if "ada@example.com" in text and "Ada" in text and text.lstrip().startswith(("{", "[")):
            return "a copy of the user. Copies do not change when the user does."
    return None


@TRAVELS.add
def user_beside_the_job(seen):
    for entry in seen.greetings[0].left:
        if entry.job is None and b"ada@example.com" in entry.raw:
            return f"a copy of the user beside the job, at {entry.key}. A copy does not change when the user does."
    return None


@TRAVELS.add
def sends_the_address(seen):
    if "ada@example.com" in travelling(seen.greetings[0]):
        return (
            "sending along what could be looked up. The address travels, and the user may have another one by the time "
            "the job runs."
        )
    return None


@TRAVELS.add
def sends_the_name(seen):
    if "Ada" in travelling(seen.greetings[0]):
        return (
            "sending along what could be looked up. The name travels, and the user may have another one by the time the "
            "job runs."
        )
    return None


@TRAVELS.add
def weekday_only(seen):
    monday, _, _, next_monday = map(travelling, seen.greetings)
    tuesday = travelling(seen.next_day)
    nothing_else = not any(word in monday + tuesday for word in ("Ada", "@"))
    if monday == next_monday and ("Monday" in monday or (nothing_else and tuesday != monday)):
        return "a weekday in place of a day. Two Mondays look alike, and which one was meant is lost."
    return None


@CARDS.add
@TRAVELS.add
def works_in_one_process_only(seen):
    return shared.works_in_one_process_only(seen.alone, seen.runs)


@TRAVELS.add
def takes_today(seen):
    says = {subject.split(",")[0] for run in seen.runs for _, subject in run.mails}
    if says == {f"Happy {seen.today + timedelta(days=DAYS_LATER):%A}"} and travelling(seen.greetings[0]) == travelling(
        seen.greetings[3]
    ):
        return (
            "the day on which the job runs. The job does not say which day was meant, so each card names today's. A job "
            "may wait for days."
        )
    return None


@TRAVELS.add
def day_is_missing(seen):
    monday, _, _, next_monday = map(travelling, seen.greetings)
    if monday and monday == next_monday:
        return (
            "leaving the day out. For two different days, the jobs are the same. A job may wait for days, so it must say "
            "which day was meant."
        )
    return None


@CARDS.add
def day_stays_text(seen):
    for run in seen.runs:
        if isinstance(run.error, ValueError) and "format specifier" in str(run.error):
            return "a day that is still text in perform. It came out of Redis as it went in; turn it back into a date."
    return None


@CARDS.add
def day_is_misread(seen):
    for run in seen.runs:
        if isinstance(run.error, ValueError) and any(
            words in str(run.error) for words in ("time data", "isoformat", "range")
        ):
            return f"a day that is written in one form and read in another. Python said: {run.error}."
    return None


@CARDS.add
def id_as_text(seen):
    for run in seen.runs:
        refused = [str(event.what) for event in run.of("refused lookup")]
        if {*refused} & {"There is no user '1'.", "There is no user '2'."}:
            return (
                "an id that has become a string. '1' is not 1, and find_user wants the number. It came out of Redis as it "
                "went in."
            )
    return None


@CARDS.add
def other_arguments(seen):
    return shared.other_arguments(seen.runs)


@CARDS.add
def empty_perform(seen):
    return shared.does_nothing(seen.runs)


@CARDS.add
def cached_lookup(seen):
    old = [mail for run in seen.moved_again for mail in run.mails if mail[0] != "ada@third.example.com"]
    fresh = [mail for run in seen.fresh for mail in run.mails]
    if old and [to for to, _ in fresh] == ["ada@last.example.com"]:
        return (
            "remembering a user who was looked up before. A worker process that had run a job of Ada's sent the next card "
            "to her old address; one that had run nothing before used the new one. Look her up each time."
        )
    return None


@CARDS.add
def fixed_user(seen):
    ran = {str(run.job["args"]) for run in seen.runs if not run.error}
    if len(ran) > 1 and len({to for run in seen.runs for to, _ in run.mails}) == 1:
        return "fixed values in place of the arguments. The jobs were about two users, and all cards went to one address."
    return None


@CARDS.add
def counted_from_today(seen):
    sent, at_once = ([subject.split(",")[0] for run in runs for _, subject in run.mails] for runs in (seen.runs, seen.alone))
    if sorted(sent) == ["Happy Friday"] + ["Happy Thursday"] * 3 and at_once == ["Happy Tuesday"]:
        return (
            f"a day that is counted from today. The jobs ran {DAYS_LATER} days after they were pushed, and each card is "
            f"{DAYS_LATER} days off."
        )
    return None


@CARDS.add
def a_day_early(seen):
    sent, in_the_west = (
        sorted(subject.split(",")[0] for run in runs for _, subject in run.mails) for runs in (seen.runs, seen.moved_again)
    )
    all_early, right = ["Happy Monday"] + ["Happy Sunday"] * 3, ["Happy Monday"] * 3 + ["Happy Tuesday"]
    if sent == all_early or (sent == right and in_the_west == ["Happy Monday"]):
        where = "in a time zone east of Greenwich" if sent == all_early else "in a time zone west of Greenwich"
        always = sent == all_early and in_the_west == ["Happy Monday"]
        return (
            f"a day that comes out as the day before{'' if always else f', {where}'}. If it travels as a moment, such as "
            "midnight in seconds since 1970, then the time zone decides which day that is. isoformat() and fromisoformat() "
            "need none."
        )
    return None


@CARDS.add
def week_of_another_year(seen):
    for run in seen.unusual:
        if isinstance(run.error, ValueError) and "Invalid week:" in str(run.error):
            return (
                "the number of a week, with the year of the calendar. 1 January 2027 is in week 53 of 2026, as weeks are "
                "counted; isocalendar() returns that year, too."
            )
    return None


@CARDS.add
def two_digits_of_the_year(seen):
    if sorted(subject for run in seen.unusual for _, subject in run.mails) == [
        "Happy Friday, Grace",
        "Happy Wednesday, Grace",
    ]:
        return (
            "two digits for a year. The card for 2 June 2071 says Wednesday, as the one for 2 June 1971 would: 71 does "
            "not say which century is meant."
        )
    return None


@CARDS.add
def another_weekday(seen):
    sent = [subject.split(",")[0] for run in seen.runs for _, subject in run.mails]
    if len(sent) == 4 and sorted(sent) != ["Happy Monday"] * 3 + ["Happy Tuesday"]:
        return (
            "another day than the one that was meant. The cards are for three Mondays and a Tuesday; they say "
            f"{', '.join(sent)}. The whole day must travel: year, month and day."
        )
    return None
