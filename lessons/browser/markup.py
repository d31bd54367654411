"""Prose, code and stored outputs as HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name

COLOUR = re.compile(r"\x1b\[[\d;]*m")
EMPTY_HEADING = re.compile(r'<th scope="col"[^>]*></th>')  # a screen reader has nothing to say of it
LESSON_LINK = re.compile(r"^(?:\.\./notebooks/)?(\d\d)_\w+\.ipynb$")
PAGES = {
    "../lessons/README.md": "index.html",
    "../lessons/README.md#glossary": "glossary.html",
    "README.md": "index.html",
    "PRODUCTION.md": "production.html",
}


def prose(markdown: str, prefix: str = "") -> str:
    """Markdown as HTML. Its links lead to other pages of the site; what is not on the site is named, without a link.

    `prefix` comes before the anchors of its headings, where the page has others of the same name.
    """
    tokens = _MARKDOWN.parse(markdown)
    for number, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", prefix + anchor(tokens[number + 1].content))
        elif token.type == "inline":
            token.children = list(_with_links_of_the_site(token.children or []))
    return (
        str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {}))
        .replace("<table>", SCROLLS)
        .replace("</table>", "</table></div>")
    )


SCROLLS = '<div class="scrolls"><table>'


def anchor(heading: str) -> str:
    """The name by which a heading is linked to.

    >>> anchor("The first call: `perform`")
    'the-first-call-perform'
    """
    return re.sub(r"[^\w]+", "-", heading.lower()).strip("-")


def code(source: str, language: str = "python") -> str:
    """Code with its parts marked by classes; the inside of a <pre>."""
    lexer = get_lexer_by_name({"": "text", "conf": "text"}.get(language, language), stripnl=False, ensurenl=False)
    return str(highlight(source, lexer, HtmlFormatter(nowrap=True)))


def outputs(stored: list[dict[str, Any]]) -> str:
    """What a cell printed and showed when its notebook was built."""
    return "".join(map(_output, stored))


def _output(output: dict[str, Any]) -> str:
    kind = output["output_type"]
    if kind == "stream":
        return f"<pre>{escape(text(output['text']))}</pre>"
    if kind == "error":
        return f'<pre class="error">{escape(COLOUR.sub("", chr(10).join(output["traceback"])))}</pre>'
    data = output["data"]
    if "text/html" in data:
        return f"<div>{EMPTY_HEADING.sub('<td></td>', text(data['text/html']))}</div>"
    if "text/markdown" in data:
        return f"<div>{prose(text(data['text/markdown']))}</div>"
    return f"<pre>{escape(text(data['text/plain']))}</pre>"


def text(stored: str | list[str]) -> str:
    """What a notebook keeps as one text, or as lines."""
    return stored if isinstance(stored, str) else "".join(stored)


def _with_links_of_the_site(inline: list[Token]) -> Iterator[Token]:
    """The same; of a link to what is no page of the site, only its words."""
    kept = True
    for token in inline:
        if token.type == "link_open":
            page = _page(str(token.attrGet("href")))
            kept = page is not None
            token.attrSet("href", page or "")
        if kept or token.type not in ("link_open", "link_close"):
            yield token


def _page(link: str) -> str | None:
    if found := LESSON_LINK.match(link):
        return f"lesson-{int(found[1])}.html"
    return PAGES.get(link) or (link if link.startswith(("#", "glossary.html#", "https:")) else None)


def _fence(source: str, language: str, _: Any) -> str:
    return code(source.rstrip("\n"), language)


_MARKDOWN = MarkdownIt("commonmark", {"html": False, "highlight": _fence}).enable("table")
