"""What the exercise of lesson 7 must do."""

from dataclasses import dataclass, field

import pytest

from lessons.lesson_07_later.afternoon import Afternoon, Afternoons, Step, patience
from lessons.lesson_07_later.misconceptions import ABOUT, ALWAYS, CANCELLED, CREATED, MOVED

LOOK = (
    'make try-7, then at = time.time() + 3600, create("tea", at), move("tea", at + 3600), keys(), poll(now=at), work() and '
    "inbox. (poll(now=at) is the poller, as if it were that late.)"
)

CREATE, MOVE, LATER = ("create", "tea", 1), ("move", "tea", 2), ("create", "tea", 2)
CANCEL, WAIT, BUSY, FETCH = ("cancel", "tea", 0), ("wait", "", 1), ("busy", "", 1), ("fetch", "", 1)

# What is tried of every answer, beside what is made up: by what can be in it, the shortest first.
TRIED: dict[str, dict[str, list[Step]]] = {
    "create": {
        "created": [CREATE],
        "two": [CREATE, ("create", "team", 2)],
    },
    "move": {
        "moved": [CREATE, MOVE],
        "moved forward": [("create", "tea", 3), ("move", "tea", 1)],
        "moved and back": [CREATE, MOVE, ("move", "tea", 1)],
        "moved afterwards": [CREATE, WAIT, ("move", "tea", 1)],
        "one of three moved": [CREATE, ("create", "team", 1), ("create", "walk", 1), MOVE],
    },
    "cancel": {
        "cancelled": [CREATE, CANCEL],
        "moved and cancelled": [CREATE, MOVE, CANCEL],
        "cancelled afterwards": [CREATE, WAIT, CANCEL],
        "one of three cancelled": [CREATE, ("create", "team", 1), ("create", "walk", 1), CANCEL],
        "created again": [CREATE, CANCEL, LATER],
        "created again for the same moment": [CREATE, CANCEL, CREATE],
        "created again afterwards": [CREATE, WAIT, CANCEL, CREATE],
    },
    "busy": {
        "busy": [CREATE, BUSY],
        "busy for longer": [CREATE, ("busy", "", 2)],
        "moved while busy": [CREATE, BUSY, ("move", "tea", 1)],
        "cancelled while busy": [CREATE, BUSY, CANCEL],
        "created again while busy": [CREATE, BUSY, CANCEL, CREATE],
        "fetched": [CREATE, FETCH],
        "moved when fetched": [CREATE, FETCH, ("move", "tea", 1)],
        "cancelled when fetched": [CREATE, FETCH, CANCEL],
    },
}
# What is made up of each sort: how many, and what can be in it.
MADE_UP = {
    "create": (6, ["create", "wait"]),
    "move": (25, ["change", "wait"]),
    "cancel": (25, ["change", "wait", "cancel"]),
    "busy": (30, ["change", "wait", "cancel", "busy"]),
}


@dataclass
class Seen:
    """What was seen: the afternoons that every answer lives, and the shortest that went wrong, of these or made up."""

    answer: object
    of: dict[str, Afternoon] = field(default_factory=dict)
    wrong: dict[str, Afternoon] = field(default_factory=dict)  # by the sort: what can be in it
    one_web_process: Afternoon | None = None
    one_process: Afternoon | None = None  # in which nothing is moved
    an_hour_apart: Afternoon | None = None  # in which an event is moved


@pytest.fixture(scope="module")
def seen(witness):
    seen, lived, enough = Seen(witness.answer), Afternoons(witness), patience()
    for sort, tried in TRIED.items():
        for name, steps in tried.items():
            seen.of[name] = lived.of(steps)
            if seen.of[name].wrong and sort == "create":
                seen.wrong[sort] = seen.of[name]  # nothing else is worth a try
                seen.one_process = Afternoon(witness, [CREATE], webs=0)
                return seen
        failed = next((seen.of[name] for name in tried if seen.of[name].wrong), None)
        if found := lived.shortest(*MADE_UP[sort], enough=enough) or failed:
            seen.wrong[sort] = found
            break
    if seen.wrong:  # to tell why
        seen.of |= {name: lived.of(steps) for tried in TRIED.values() for name, steps in tried.items()}
        seen.an_hour_apart = lived.of([("create", "tea", 3), WAIT, ("move", "tea", 3)])
        seen.one_web_process = Afternoon(witness, TRIED["move"]["moved"], webs=1)
    return seen


def tell(judge, seen, sort, misconceptions):
    """Say no, with the shortest story, if an afternoon of this sort went wrong."""
    one = seen.wrong.get(sort)
    if one:  # the story is that of the afternoon that the diagnosis speaks of
        row = next((row for row in misconceptions.rows if row(seen)), None)
        about = seen.of.get(ABOUT.get(row, ""))
        one = about if about and about.wrong else one
    judge(
        one is None,
        misconceptions,
        expected=one.wrong.expected if one else "",
        instead=one.story() if one else "",
        scopes=([one.wrong.scope] if one.wrong.scope else [*one.calls, *one.runs]) if one else [],
    )


def test_an_event_that_was_created(seen, judge):
    """An event that was created gets one reminder, at its moment, by a job."""
    tell(judge, seen, "create", CREATED)


def test_an_event_that_was_moved(seen, judge):
    """An event that was moved gets one reminder at its new moment, and none at an old one."""
    tell(judge, seen, "move", MOVED)


def test_an_event_that_was_cancelled(seen, judge):
    """An event that was cancelled gets none, and its name can be used again."""
    tell(judge, seen, "cancel", CANCELLED)


def test_while_no_worker_process_is_free(seen, judge):
    """All of this is so while jobs wait or have been fetched, and jobs of other Workers stay where they are."""
    tell(judge, seen, "busy", ALWAYS)
