"""What `make try-9` has: the application as you have changed it, running, and everything to look at it with."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import minijobs
from lessons import kit
from lessons.kit import Table, session
from lessons.kit.mail import SLOW
from lessons.kit.project import Project
from lessons.kit.recorder import Commands
from minijobs.monitor import Told, matching

from .running import APP, HERE, Application, DoesNotStart, copy_of_stub
from .stories import PLAYED, played
from .trials import tests

__all__ = ["open_app", "push_commands", "running", "tickets"]

TO_LOOK = (
    "To look: the pages, app.press(), app.log, app.web_log, app.inbox, keys(), run('minijobs stats'), and monitor() around "
    "what you do. To deploy what you have changed: app.restart(). To play the story of a ticket: play(1)."
)


@contextmanager
def running() -> Iterator[dict[str, Any]]:
    """The application, and the names of the prompt. All of it ends with the block."""
    redis = kit.start(server=True)
    try:
        app = Application(APP, wanted=True)
        print(addresses(app))
        own = {"app": app, "redis": redis, "play": lambda number: play(app, number), "monitor": lambda: monitored(app)}
        yield {name: getattr(package, name) for package in (minijobs, kit) for name in package.__all__} | own
    except DoesNotStart as error:
        print(error)
    finally:
        session.end()


def open_app() -> Application:
    """For the lesson: the application as it was handed out, running, in the lesson's own folder."""
    app = Application(copy_of_stub(), wanted=True)
    app.inbox.seconds = SLOW
    return app


def push_commands(told: list[Told]) -> Commands:
    """Of these commands, those that put a job somewhere."""
    return Commands(matching(told, r"^(lpush queue:|zadd (schedule|retry|dead) )"), unfold=True)


def tickets(first: int, last: int) -> None:
    """Print these tickets, as their users wrote them."""
    text = (HERE / "tickets.md").read_text(encoding="utf-8")
    found = re.findall(r"^## (.+)\n((?:.+\n)+)", text, re.MULTILINE)
    plain = [f"{title}. {re.sub('[*`]', '', ' '.join(words.split()))}" for title, words in found[first - 1 : last]]
    print("\n\n".join(textwrap.fill(one, 78) for one in plain))


def addresses(app: Application) -> Table:
    """Where the pages are."""
    rows = [("the page", app.url), ("the dashboard", f"{app.url}/jobs/"), ("the inbox", app.inbox_url)]
    return Table(["", "open in a browser"], rows)


def play(app: Application, number: int) -> None:
    """Play the story of a ticket on the application as it was started last, and say what was seen."""
    if number not in range(1, len(PLAYED) + 2):
        print(f"There are tickets 1 to {len(PLAYED) + 1}.")
        return
    story = played(number, app) if number <= len(PLAYED) else tests(app.folder, Project(), bool)
    for step in story.steps:
        print(textwrap.fill(step, 78, initial_indent="- ", subsequent_indent="  "))


@contextmanager
def monitored(app: Application) -> Iterator[None]:
    """Print the pushes that Redis receives meanwhile, from everybody."""
    with app.monitor() as told:
        yield
    print(push_commands(told))
