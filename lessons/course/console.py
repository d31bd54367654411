"""The terminal: what is printed looks alike everywhere."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from typing import Any

from rich.box import ROUNDED
from rich.console import Console
from rich.markdown import Markdown
from rich.panel import Panel
from rich.syntax import Syntax
from rich.text import Text

WIDEST = 96
REASON = len("Looks like:  ")


def console() -> Console:
    """A console on what standard output is now, at most 96 columns wide."""
    width = min(shutil.get_terminal_size((80, 24)).columns, WIDEST)
    return Console(file=sys.stdout, width=width, highlight=False, emoji=False)


def say(text: str, style: str = "") -> None:
    """Plain words."""
    console().print(Text(text, style=style))


def tell(line: str) -> None:
    """A line of a reason ("Expected:    one job."), indented; where it is too long, it goes on under its second column."""
    width = console().width - 6
    for part in textwrap.wrap(line, width, subsequent_indent=" " * REASON, break_on_hyphens=False) or [""]:
        say("      " + part)


def prose(markdown: str) -> None:
    """Markdown. A link to a notebook becomes the command that plays it; another shows where it leads."""
    console().print(Markdown(_terminal_links(markdown), hyperlinks=False, inline_code_theme="ansi_dark"))


def code(source: str) -> None:
    """Python, in a frame that tells it from its output."""
    console().print(
        Panel(Syntax(source, "python", theme="ansi_dark", background_color="default", word_wrap=True), box=ROUNDED)
    )


def show(value: Any) -> None:
    """What a cell ends with, as a notebook would show it."""
    console().print(value if hasattr(value, "__rich__") else Text(repr(value)))


def _terminal_links(markdown: str) -> str:
    markdown = re.sub(r"\[([^]]+)\]\((\d\d)_\w+\.ipynb\)", lambda m: f"{m[1]} (`make lesson-{int(m[2])}`)", markdown)
    return re.sub(r"\[([^]]+)\]\((?:\.\./)?([^)]+)\)", r"\1 (\2)", markdown)
