"""The terminal: what is printed looks alike everywhere."""

from __future__ import annotations

import builtins
import code as interpreter
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, NoReturn, Protocol

from rich.console import Console
from rich.text import Text

from .pages import keep_together

WIDEST = 96

# What takes the place of the terminal: where a notebook's cell asks, a page of it; or that of a browser. See `cells`.
page: Page | None = None


class Page(Protocol):
    """What can take the place of the terminal."""

    def text(self, line: str) -> None:
        """A line of plain words."""

    def labelled(self, label: str, text: str) -> None:
        """A text after its label."""

    def markdown(self, source: str) -> None:
        """Prose, or code between its marks. What it tells somebody to type is as it is in a terminal that has make."""

    def how(self, verb: str, number: int | None, options: dict[str, object], terminal: str) -> str:
        """What to type here for it. `terminal` is what one types in a terminal."""


def console() -> Console:
    """A console on what standard output is now, at most 96 columns wide."""
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
    return Console(file=sys.stdout, width=width, highlight=False, emoji=False)


def say(text: str, style: str = "") -> None:
    """Plain words."""
    if page is not None:
        page.text(text)
    else:
        console().print(Text(text, style=style))


def at_work(what: str) -> AbstractContextManager[object]:
    """Meanwhile, a terminal shows that something is going on, and what. A page says that by itself."""
    if page is None:
        say(f"{what} …")
    return console().status("") if page is None and sys.stdout.isatty() else nullcontext()


def hang(label: str, text: str, style: str = "") -> None:
    """A text after its label; where it is too long for a line, it goes on below its beginning."""
    if page is not None:
        page.labelled(label, text)
        return
    lines = hung(label, text, console().width)
    for line in lines:
        say(line, style=style)


def hung(label: str, text: str, width: int) -> list[str]:
    """The lines of a text after its label, in so many columns.

    >>> hung("Look: ", "in the queue, then", 16)
    ['Look: in the', '      queue,', '      then']
    """
    lines = textwrap.wrap(text, width - len(label), break_on_hyphens=False) or [""]
    return [(" " * len(label) if number else label) + line for number, line in enumerate(lines)]


def how(verb: str, number: int | None = None, **options: object) -> str:
    """What to type: in a notebook's cell; in a terminal with make, or without where there is none.

    >>> import shutil
    >>> how("lesson", 3, FROM=12) in ("make lesson-3 FROM=12", "python -m lessons play 3 --from 12")
    True
    """
    terminal = _in_a_terminal(verb, number, options)
    return terminal if page is None else page.how(verb, number, options, terminal)


def _in_a_terminal(verb: str, number: int | None, options: dict[str, object]) -> str:
    if shutil.which("make"):
        target = verb if number is None else f"{verb}-{number}"
        return " ".join(["make", target, *(f"{name}={value}" for name, value in options.items())])
    words = ["play" if verb == "lesson" else verb, *([] if number is None else [str(number)])]
    words += ["--force" if name == "FORCE" else f"--{name.lower()} {value}" for name, value in options.items()]
    return " ".join(["python -m lessons", *words])


# What a text tells somebody to type. The words `make progress` and `make app` may also be meant as words.
COMMAND = re.compile(
    r"\bmake (lesson|notebook|try|check|watch|hint|solution|reset)-(\d+)((?: [A-Z]+=\w+)*)|(?<=`)make (progress|app)(?=`)"
)


def typed_here(text: str) -> str:
    """The text, with its commands as they are typed on this machine: with make, or without where there is none.

    >>> import shutil
    >>> typed_here("Try `make lesson-3 FROM=12`.") == f"Try `{how('lesson', 3, FROM=12)}`."
    True
    """

    def here(found: re.Match[str]) -> str:
        verb, number, options, alone = found.groups()
        if alone == "app" and not shutil.which("make"):
            return "python -m lessons.app"
        given = dict(one.split("=") for one in (options or "").split())
        return _in_a_terminal(verb or alone, int(number) if number else None, given)

    return COMMAND.sub(here, text)


def prompt(banner: str, names: dict[str, Any]) -> None:
    """A Python prompt on `names`, until somebody types Ctrl-D or exit()."""
    with suppress(SystemExit), _exit_that_only_leaves():
        interpreter.interact(banner=textwrap.fill(banner, console().width), local=names, exitmsg="")


class _Leave:
    def __repr__(self) -> str:
        return "Ctrl-D or exit() takes you back."

    def __call__(self, code: object = None) -> NoReturn:
        raise SystemExit(code)


@contextmanager
def _exit_that_only_leaves() -> Iterator[None]:
    """Python's own exit() closes the input, and the lesson that goes on after it could ask nothing any more."""
    own = {name: vars(builtins)[name] for name in ("exit", "quit") if name in vars(builtins)}
    vars(builtins).update(dict.fromkeys(own, _Leave()))
    try:
        yield
    finally:
        vars(builtins).update(own)


def prose(markdown: str) -> None:
    """Markdown. A link to a notebook becomes the command that plays it; another shows where it leads."""
    if page is not None:
        page.markdown(markdown)
        return
    from rich.markdown import Markdown  # a page of a browser does without it

    _print(Markdown(typed_here(_terminal_links(markdown)), hyperlinks=False, inline_code_theme="ansi_dark"))


def code(source: str) -> None:
    """Python, in a frame that tells it from its output."""
    if page is not None:
        page.markdown(f"```python\n{source}\n```")
        return
    from rich.box import ROUNDED
    from rich.panel import Panel
    from rich.syntax import Syntax

    _print(Panel(Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True), box=ROUNDED))


def show(value: Any) -> None:
    """What a cell ends with, as a notebook would show it."""
    _print(value if hasattr(value, "__rich__") else Text(repr(value)))


def _print(what: Any) -> None:
    """Print it, on a page of its own if it fits on none that has begun."""
    terminal = console()
    keep_together(len(terminal.render_lines(what)))
    terminal.print(what)


def _terminal_links(markdown: str) -> str:
    markdown = re.sub(r"\[([^]]+)\]\((\d\d)_\w+\.ipynb\)", lambda m: f"{m[1]} (`make lesson-{int(m[2])}`)", markdown)
    return re.sub(r"\[([^]]+)\]\((?:\.\./)?([^)]+)\)", lambda m: m[1] if m[1] == m[2] else f"{m[1]} ({m[2]})", markdown)
