"""The pages of the site as HTML: contents, glossary, production, and one for each lesson. Each reads well as it is."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

from lessons.course import catalogue
from lessons.course.catalogue import LESSONS, Lesson

from . import markup
from .archive import LIVE
from .lesson_body import lesson_body

FRAME, CONTENTS = (
    Template((Path(__file__).parent / "page" / name).read_text(encoding="utf-8")) for name in ("frame.html", "contents.html")
)

# Before anything is drawn: with JavaScript, a lesson that runs shows no output before its cell has run.
EARLY = 'document.documentElement.classList.add("live")'
EARLY_HASH = base64.b64encode(hashlib.sha256(EARLY.encode()).digest()).decode()

ABOUT = "Background jobs in ten lessons that run on their page: Sidekiq's ideas, in Python, with Redis."
FOOT = "The prose is under CC BY 4.0, the code under the MIT License."


def every_page(megabytes: int) -> Iterator[tuple[str, str]]:
    """The name of each page, and its HTML. So many megabytes are loaded before the first cell runs."""
    yield "index.html", contents(megabytes)
    yield "glossary.html", glossary()
    yield "production.html", production()
    for lesson in catalogue.lessons():
        yield address(lesson), lesson_page(lesson)


def address(lesson: Lesson) -> str:
    """Where the page of a lesson is."""
    return f"lesson-{lesson.number}.html"


def lesson_page(lesson: Lesson) -> str:
    """A lesson with its exercise."""
    heading = lesson.heading()
    return framed(
        f"{lesson.number} · {heading.title} · Background jobs",
        lesson_body(lesson) + _neighbours(lesson),
        links='<a href="index.html">Contents</a> <a href="glossary.html">Glossary</a>',
        about=heading.question.replace("`", ""),
        attributes=f' data-lesson="{lesson.number}" data-runs="{"yes" if lesson.number in LIVE else "no"}"',
    )


def _neighbours(lesson: Lesson) -> str:
    links = []
    for word, step in (("Previous", -1), ("Next", 1)):
        for other in catalogue.lessons():
            if other.number == lesson.number + step:
                title = f"{other.number} · {escape(other.heading().title)}"
                links.append(f'<a rel="{word[:4].lower()}" href="{address(other)}">{word}: {title}</a>')
    if lesson == catalogue.lessons()[-1]:
        links.append('<a rel="next" href="production.html">Next: In production</a>')
    return f'<nav class="neighbours" aria-label="Lessons">{" ".join(links)}</nav>'


def framed(
    title: str, main: str, *, links: str = '<a href="index.html">Contents</a>', about: str = ABOUT, attributes: str = ""
) -> str:
    """A whole page."""
    parts = {"title": escape(title), "about": escape(about), "links": f'<nav aria-label="Pages">{links}</nav>', "main": main}
    return FRAME.substitute(parts, attributes=attributes, foot=FOOT, early=EARLY, early_hash=EARLY_HASH)


def contents(megabytes: int) -> str:
    """The first page: what each lesson asks, and where it runs."""
    entries = []
    for lesson in catalogue.lessons():
        heading = lesson.heading()
        where = "runs here" if lesson.number in LIVE else "to read here"
        entries.append(
            f'<li data-lesson="{lesson.number}"><a href="{address(lesson)}">{escape(heading.title)}</a>'
            f"<p>{markup.prose(heading.question).removeprefix('<p>').removesuffix('</p>' + chr(10))}</p>"
            f'<p class="small">{heading.minutes} minutes, {where}</p></li>'
        )
    return framed("Background jobs, in ten lessons", CONTENTS.substitute(entries="\n".join(entries), mb=megabytes), links="")


def glossary() -> str:
    """Every new word, with the lesson that shows it."""
    readme = (LESSONS / "README.md").read_text(encoding="utf-8")
    before, _, listed = readme.partition("## Glossary")
    mixed_up = before[before.index("## Three words") :]
    words = re.findall(r"^- \*\*(.+?)\*\* \((\d+)\): (.+?)(?=^- |\Z)", listed, re.MULTILINE | re.DOTALL)
    entries = (
        f'<dt id="{markup.anchor(word)}">{escape(word)}</dt><dd>{markup.prose(meaning.strip())}'
        f'<a class="small" href="lesson-{number}.html">Lesson {number}</a></dd>'
        for word, number, meaning in words
    )
    main = f"<h1>Glossary</h1>\n{markup.prose(mixed_up)}\n<h2>All words</h2>\n<dl>{''.join(entries)}</dl>"
    return framed("Glossary · Background jobs", main)


def production() -> str:
    """For those who run jobs for others."""
    return framed("In production · Background jobs", markup.prose((LESSONS / "PRODUCTION.md").read_text(encoding="utf-8")))
