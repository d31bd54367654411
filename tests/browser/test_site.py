"""The site with the real Python: run, stop, solve; no other host is asked, and later on no network is needed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect
from test_page_at_work import opened, press, write

from lessons.course import catalogue

# Until a service worker that has kept everything answers for the site.
KEPT = """new Promise((resolve) => {
  const workers = navigator.serviceWorker;
  if (workers.controller) resolve(true);
  else workers.addEventListener("controllerchange", () => resolve(true));
})"""


@pytest.fixture(scope="module")
def reader(browser: Browser) -> Iterator[BrowserContext]:
    """A reader who comes for the first time, and then again."""
    with browser.new_context() as context:
        yield context


def test_a_reader_runs_a_cell_stops_a_loop_and_solves_the_exercise_and_no_other_host_is_asked(
    reader: BrowserContext, address: str
) -> None:
    asked: list[str] = []
    reader.on("request", lambda request: asked.append(request.url))
    page = reader.new_page()
    opened(page, f"{address}lesson-1.html")
    press(page, "Run cell 1")
    expect(page.locator("#lesson-1-cell-3 .output")).to_contain_text("(no mail)")

    write(page, "Cell 2,", "n = 0\nwhile True:\n    n += 1")
    press(page, "Run cell 2")
    press(page, "Stop cell 2")
    expect(page.locator("[data-number='2'] .said").first).to_contain_text("Stopped. Python was at line ")
    press(page, "Run the cells above again")
    expect(page.locator(".bar")).to_contain_text("Cell 1 has run.")

    press(page, "Check")
    expect(page.locator(".check .no").first).to_be_visible()
    expect(page.locator(".check")).to_contain_text("the exercise as it was handed out")
    write(page, "Your exercise", catalogue.lesson(1).solution.read_text(encoding="utf-8"))
    press(page, "Check")
    expect(page.locator(".check .ok").first).to_be_visible()
    expect(page.locator(".check .no")).to_have_count(0)
    write(page, "Your exercise", "while True:\n    pass")
    press(page, "Check")
    press(page, "Stop")
    expect(page.locator(".check")).to_contain_text("Stopped. Your answer was at line ")
    page.close()
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


def test_after_the_first_visit_it_works_without_a_network(reader: BrowserContext, address: str) -> None:
    page = reader.new_page()
    page.goto(f"{address}lesson-1.html")
    page.evaluate(KEPT)
    reader.set_offline(True)
    assert page.evaluate("fetch('nowhere.txt').then(() => 'answered', () => 'failed')") == "failed"
    page.goto(address)
    page.get_by_role("link", name="Watching Redis").click()
    expect(page.locator(".bar")).to_contain_text("Python is ready.")
    press(page, "Run cell 1")
    expect(page.locator(".bar")).to_contain_text("Cell 1 has run.")
