"""The pages of the site as files and as texts: links lead somewhere, no other host is named, no script is needed to read."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from lessons.browser import __main__ as site_command
from lessons.browser import build, markup
from lessons.browser.archive import LIVE
from lessons.browser.wording import handed_out, on_page
from lessons.course import catalogue, notebooks

LESSONS = [pytest.param(lesson, id=f"{lesson.number:02}") for lesson in catalogue.lessons()]


class Page(HTMLParser):
    """What a page links to, and what it can be linked to by."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and not (value or "").startswith("data:"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")


def test_every_link_leads_to_a_page_of_the_site_and_to_a_place_in_it(site: Path) -> None:
    pages = {path.name: Page(path) for path in site.glob("*.html")}
    assert len(pages) == 3 + len(catalogue.lessons())
    for name, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), name
        for link in page.links:
            to, _, place = link.partition("#")
            assert (site / (to or name)).is_file(), f"{name}: {link}"
            assert not place or place in pages[to or name].ids, f"{name}: {link}"


def test_no_page_names_another_host(site: Path) -> None:
    for path in (*site.glob("*.html"), site / "page" / "page.css"):
        addresses = re.findall(
            r"""(?:href|src|action|url)\s*[=(]\s*["']?(?:https?:)?//[^"')\s]+""", path.read_text(encoding="utf-8")
        )
        assert addresses == [], path.name


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_says_nothing_of_a_notebook_and_its_exercise_nothing_of_make(lesson: catalogue.Lesson) -> None:
    prose = [on_page(cell.source, lesson) for cell in lesson.in_notebook() if cell.kind == "markdown" and not cell.tags]
    assert not re.search(r"in a notebook|type `p`|exercise\.py\]|\[Contents\]", "\n".join(prose))
    if lesson.number in LIVE:
        assert "make " not in "\n".join(prose).replace("`make app`", "")
        assert not re.search(r"make (check|try)-", handed_out(lesson))


def test_a_link_to_a_lesson_leads_to_its_page_and_one_to_no_page_is_words() -> None:
    assert 'href="lesson-2.html"' in markup.prose("[two](02_watching_redis.ipynb)")
    assert markup.prose("a [file](../lessons/lesson_10_growing/day.csv)") == "<p>a file</p>\n"


def test_without_npm_the_build_says_what_is_missing_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build, "PACKAGES", tmp_path)
    monkeypatch.setenv("PATH", "")
    assert site_command.main([]) == 1
    assert capsys.readouterr().err == "The site is built with Node.js and npm, and there is no npm on the PATH.\n"


def test_every_page_can_be_read_without_javascript(address: str, browser: Browser) -> None:
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        for lesson in catalogue.lessons():
            page.goto(f"{address}lesson-{lesson.number}.html")
            words = "".join(page.locator("main").inner_text().split())
            assert page.get_by_text("To run it, type").is_visible()
            assert page.locator("button").count() == 0
            for cell in notebooks.stored(lesson).cells:
                if cell.cell_type == "code" and "notebook-only" not in cell.metadata.get("tags", []):
                    for output in cell.outputs:
                        assert "".join(output.get("text", "").split()) in words, cell.id
                    if "hide-input" not in cell.metadata.get("tags", []):
                        assert "".join(cell.source.split()) in words, cell.id
        page.goto(address)
        assert page.get_by_role("link", name="The wait").is_visible()
        assert page.get_by_text("Without JavaScript").is_visible()
