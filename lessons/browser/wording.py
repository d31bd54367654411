"""What a lesson says, as it is said on a page of the site: there, one runs a cell where it stands."""

from __future__ import annotations

import re

from lessons.course.catalogue import Lesson

from .archive import LIVE
from .markup import anchor

# (what the script says, what the page says)
PLACES = tuple(
    (re.compile(pattern.replace(" ", r"\s+"), re.IGNORECASE), words)
    for pattern, words in (
        (
            r": in a notebook, in the cell itself; in the terminal, type `p` for a Python prompt[^.]*\.",
            " in the cell itself.",
        ),
        (r" \(In the terminal, type `p` for a Python prompt\.\)", ""),
        (r"\(In the terminal, type `p` for a Python prompt(?:,[^.]*)?\. ", "("),
    )
)
# On a page that runs, the exercise stands below; elsewhere the path says which file it is, and leads nowhere.
EXERCISE = re.compile(r"Open \[(?P<path>[^]]+)\]\(\.\./lessons/lesson_[^)]+\)\.")
# The links to other lessons, which each page has in its head and at its foot.
LINKS = re.compile(r"^\[Contents\]\(\.\./lessons/README\.md\).*$\n?", re.MULTILINE)

# The words that a lesson has explained: each leads to the glossary.
NEW_WORDS = re.compile(r"^New words,.*?(?=\n\n|\Z)", re.MULTILINE | re.DOTALL)

CHECK_IT = re.compile(r"Check it with: make check-\d+ \(or: [^)]*\)")
TRY_IT = re.compile(r"\s*In `make try-\d+`,[^.]*\.")


def on_page(prose: str, lesson: Lesson) -> str:
    """The prose of a cell."""
    for pattern, words in PLACES:
        prose = pattern.sub(words, prose)
    prose = EXERCISE.sub("Here is the exercise." if lesson.number in LIVE else r"The exercise is in `\g<path>`.", prose)
    prose = NEW_WORDS.sub(lambda found: re.sub(r"\*([^*]+)\*", _in_glossary, found[0]), prose)
    return LINKS.sub("", prose).strip()


def _in_glossary(word: re.Match[str]) -> str:
    return f"[{word[1]}](glossary.html#{anchor(' '.join(word[1].split()))})"


def handed_out(lesson: Lesson) -> str:
    """The exercise as the page's editor has it at first.

    >>> from lessons.course.catalogue import lesson
    >>> "Check it with the button" in handed_out(lesson(1))
    True
    """
    stub = lesson.stub.read_text(encoding="utf-8")
    if lesson.number not in LIVE:
        return stub
    return CHECK_IT.sub("Check it with the button below.", TRY_IT.sub("", stub))
