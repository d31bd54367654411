"""What a reader does on the page of a lesson. In the place of Python there is something that answers at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from looks import NARROW, WIDE, load_axe, wrong
from playwright.sync_api import Browser, Page, expect

PRETEND = Path(__file__).with_name("pretend_python.js")

BLOCKED = "Service Worker registration blocked by Playwright"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A visitor. Nothing on the page goes wrong, and none of it asks another host."""
    with browser.new_context(service_workers="block", reduced_motion="reduce", viewport=WIDE) as context:
        context.route("**/page/python.js", lambda route: route.fulfill(path=PRETEND, content_type="text/javascript"))
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        assert [text for text in complaints if text != BLOCKED] == []


@pytest.fixture
def lesson(page: Page, address: str) -> Page:
    """The page of lesson 1, ready to run."""
    return opened(page, f"{address}lesson-1.html")


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    expect(page.locator(".bar")).to_contain_text("Python is ready.")
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def write(page: Page, editor: str, text: str) -> None:
    """Write this in the place of all that stands in an editor."""
    page.get_by_role("textbox", name=re.compile(editor)).click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def ran(page: Page) -> list[str]:
    """The cells that say that they have run, in the order in which they did."""
    said = re.findall(r"run (\d+): ([\w-]+)", " ".join(page.locator(".output.own").all_inner_texts()))
    return [cell for _, cell in sorted(said, key=lambda one: int(one[0]))]


def test_no_output_stands_there_before_its_cell_has_run(lesson: Page) -> None:
    expect(lesson.locator(".output:visible")).to_have_count(0)
    expect(lesson.locator(".note:visible")).to_have_text(re.compile("^Run the cells"))


def test_a_cell_that_is_run_has_those_above_it_run_first_and_the_answer_below_it_afterwards(lesson: Page) -> None:
    press(lesson, "Run cell 8")
    answer = lesson.locator("[data-answer] .output").first
    expect(answer).to_contain_text("run ")
    cells = lesson.locator(".cell:not([data-question])").evaluate_all("all => all.map((one) => one.id)")
    done = ran(lesson)
    assert done == cells[: len(done)]
    assert done[-1] == lesson.locator("[data-answer]").first.get_attribute("id")

    press(lesson, "Run cell 8")
    expect(lesson.locator(".bar")).to_contain_text("Cell 8 has run.")
    expect(answer).to_contain_text(re.compile(r"run \d+"))
    assert len(ran(lesson)) == len(done), "those above have run already"


def test_a_guess_reaches_its_question_also_if_nothing_has_run_yet(lesson: Page) -> None:
    question = lesson.get_by_role("group", name="What does Redis hold?").first
    question.get_by_role("button", name="A note that").click()
    expect(question.get_by_role("status")).to_have_text("Your guess is a. Go on.")
    expect(question.locator("[aria-pressed=true]")).to_have_text("aA note that a job has been run.")
    press(lesson, "Run cell 8")
    expect(lesson.locator("[data-answer] .output").first).to_contain_text('hold?":"a"')


def test_what_comes_after_a_cell_that_failed_does_not_run(lesson: Page) -> None:
    write(lesson, "Cell 2,", "raise ValueError('no')")
    press(lesson, "Run cell 4")
    expect(lesson.locator(".bar")).to_contain_text("Cell 2 failed. What comes after it has not run.")
    assert len(ran(lesson)) == 2
    expect(lesson.locator(".waiting, .running")).to_have_count(0)


def test_a_cell_that_is_meant_to_fail_keeps_nothing_from_running(page: Page, address: str) -> None:
    opened(page, f"{address}lesson-2.html")
    fails = page.locator("[data-fails]").first
    number = int(fails.get_attribute("data-number") or 0)
    write(page, f"Cell {number},", "raise ValueError('as the lesson says')")
    press(page, f"Run cell {number + 1}")
    expect(page.locator(".bar")).to_contain_text(f"Cell {number + 1} has run.")


def test_a_loop_without_an_end_is_stopped_and_its_line_told_and_the_lesson_goes_on(lesson: Page) -> None:
    press(lesson, "Run cell 2")
    expect(lesson.locator(".bar")).to_contain_text("Cell 2 has run.")
    lesson.clock.install()
    write(lesson, "Cell 3,", "n = 0\nwhile True: n += 1\n")
    press(lesson, "Run cell 3")
    expect(lesson.get_by_role("button", name="Stop cell 3")).to_be_hidden()
    lesson.clock.fast_forward(2_000)
    press(lesson, "Stop cell 3")
    said = lesson.locator("[data-number='3'] .said")
    expect(said.first).to_contain_text("Stopped. Python was at line 2: while True: n += 1")
    press(lesson, "Run the cells above again")
    expect(lesson.locator(".bar")).to_contain_text("Cell 2 has run.")
    assert len(ran(lesson)) == 2, "a Python of its own counts anew"
    expect(said).to_have_count(1)  # the advice was followed


def test_a_changed_cell_is_as_it_was_changed_after_a_reload_until_it_is_restored(lesson: Page) -> None:
    editor = lesson.get_by_role("textbox", name="Cell 2, Python")
    before = editor.inner_text()
    expect(lesson.get_by_role("button", name="Restore cell 2")).to_have_count(0)
    write(lesson, "Cell 2,", "mine = 1")
    lesson.reload()
    expect(editor).to_have_text("mine = 1")
    lesson.get_by_role("button", name="Restore cell 2").click()
    lesson.reload()
    assert editor.inner_text() == before


# Whether all of it is between the window's upper edge and the bar.
IN_SIGHT = """(one) => {
  const [box, bar] = [one, document.querySelector(".bar")].map((part) => part.getBoundingClientRect());
  return box.top >= 0 && box.bottom <= bar.top;
}"""


def test_with_the_keyboard_alone_a_cell_is_reached_run_and_left(lesson: Page) -> None:
    lesson.get_by_role("button", name="Run cell 1", exact=True).focus()
    lesson.keyboard.press("Tab")
    expect(lesson.get_by_role("textbox", name="Cell 1, Python")).to_be_focused()
    lesson.keyboard.press("Shift+Enter")
    expect(lesson.get_by_role("textbox", name="Cell 2, Python")).to_be_focused()
    expect(lesson.locator("#lesson-1-cell-3 .output")).to_contain_text("run 1")
    expect(lesson.get_by_role("group", name="Cell 1, has run")).to_be_visible()
    assert lesson.locator("#lesson-1-cell-5 .cm-editor").evaluate(IN_SIGHT)
    lesson.keyboard.press("Tab")
    expect(lesson.get_by_role("button", name="Run cell 3")).to_be_focused()


def test_run_all_runs_what_is_left_and_then_all_of_it_again(lesson: Page) -> None:
    press(lesson, "Run cell 3")
    expect(lesson.locator(".bar")).to_contain_text("Cell 3 has run.")
    press(lesson, "Run the rest")
    expect(lesson.get_by_role("button", name="Run all again")).to_be_visible()
    all_of_them = ran(lesson)
    assert len(all_of_them) == lesson.locator(".cell:not([data-question])").count()
    lesson.evaluate("document.querySelectorAll('.output.own > *').forEach((one) => one.classList.add('before'))")
    press(lesson, "Run all again")
    expect(lesson.locator(".before")).to_have_count(0)
    expect(lesson.locator(f"#{all_of_them[-1]} .output")).to_contain_text("run ")
    expect(lesson.get_by_role("button", name="Run all again")).to_be_visible()
    assert ran(lesson) == all_of_them


def test_start_over_forgets_all_that_has_run(lesson: Page) -> None:
    press(lesson, "Run cell 3")
    expect(lesson.locator(".bar")).to_contain_text("Cell 3 has run.")
    press(lesson, "Start over")
    expect(lesson.locator(".bar")).to_contain_text("Python is ready.")
    assert ran(lesson) == []


# The exercise


def test_an_answer_is_checked_and_the_contents_say_that_it_is_right(lesson: Page, address: str) -> None:
    press(lesson, "Check")
    expect(lesson.locator(".check .no")).to_have_text("✗ It answers at once.")
    write(lesson, "Your exercise", "SendGifToUserWorker.perform_async()")
    lesson.keyboard.press("ControlOrMeta+Enter")
    expect(lesson.locator(".check .ok")).to_have_count(2)
    lesson.goto(address)
    expect(lesson.locator("[data-lesson='1']")).to_contain_text("15 minutes, runs here, exercise done")


def test_an_answer_is_there_after_a_reload_and_again_after_a_reset(lesson: Page) -> None:
    write(lesson, "Your exercise", "mine = 1")
    lesson.reload()
    editor = lesson.get_by_role("textbox", name="Your exercise")
    expect(editor).to_have_text("mine = 1")
    press(lesson, "Reset")
    expect(editor).to_contain_text("Exercise 1: nobody waits for a mail.")
    press(lesson, "Bring my answer back")
    expect(editor).to_have_text("mine = 1")


def test_a_check_that_does_not_end_is_stopped_after_a_minute_and_its_line_told(lesson: Page) -> None:
    write(lesson, "Your exercise", "n = 0\nwhile True: pass\n")
    lesson.clock.install()
    press(lesson, "Check")
    expect(lesson.locator(".check")).to_contain_text("is being checked")
    lesson.clock.fast_forward(59_000)
    expect(lesson.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    lesson.clock.fast_forward(1_000)
    expect(lesson.locator(".check")).to_contain_text("Stopped after 60 seconds. Your answer was at line 2: while True: pass")
    press(lesson, "Hint")
    expect(lesson.locator(".check")).to_contain_text("Hint 1 of 4. Look at create.")


def test_the_solution_is_shown_when_somebody_insists(lesson: Page) -> None:
    press(lesson, "Solution")
    expect(lesson.locator(".check")).to_contain_text("Not yet.")
    press(lesson, "Show it anyway")
    expect(lesson.locator(".check pre")).to_have_text("x = 1")


# When something is not as it should be


def test_where_python_cannot_be_loaded_the_page_says_so_and_is_a_text_with_stored_outputs(page: Page, address: str) -> None:
    fails = 'self.onmessage = () => self.postMessage({type: "failed", reason: "No."})'
    page.context.route("**/page/python.js", lambda route: route.fulfill(body=fails, content_type="text/javascript"))
    page.goto(f"{address}lesson-1.html")
    expect(page.locator(".bar")).to_contain_text("No. You can read the lesson")
    expect(page.locator("#lesson-1-cell-3 .output")).to_contain_text("(no mail)")


def test_a_browser_that_keeps_nothing_runs_the_lesson_all_the_same(page: Page, address: str) -> None:
    page.add_init_script("Object.defineProperty(window, 'localStorage', {get() { throw new Error('forbidden'); }})")
    opened(page, f"{address}lesson-1.html")
    write(page, "Cell 1,", "1 + 1")
    press(page, "Run cell 1")
    expect(page.locator(".bar")).to_contain_text("Cell 1 has run.")


# As people see it


WAYS = [(WIDE, "dark"), (NARROW, "light")]  # axe-core takes seconds for a long page
LOOKED_AT = ("", "glossary.html", "lesson-1.html", "lesson-9.html")


def test_nobody_is_kept_from_using_a_page_and_each_fits(page: Page, address: str) -> None:
    found = []
    for name in LOOKED_AT:
        page.set_viewport_size(WIDE)
        page.goto(address + name)
        if name == "lesson-1.html":
            at_work(page)
        load_axe(page)
        for window, scheme in WAYS:
            page.set_viewport_size(window)
            page.emulate_media(color_scheme=scheme)
            found += [f"{name}, {window['width']}, {scheme}: {one}" for one in wrong(page, window, scheme)]
    page.set_viewport_size(NARROW)
    for name in ("production.html", *(f"lesson-{number}.html" for number in (2, 3, 4, 5, 6, 7, 8, 10))):
        page.goto(address + name)
        wide = page.evaluate("document.documentElement.scrollWidth")
        found += [f"{name}: {wide} pixels wide"] if wide > NARROW["width"] else []
    assert found == []


def at_work(page: Page) -> None:
    """Everything that a page of a lesson can show: outputs, a guess, a failed cell, a failed check."""
    expect(page.locator(".bar")).to_contain_text("Python is ready.")
    page.locator(".question button").first.click()
    press(page, "Run cell 8")
    expect(page.locator("[data-answer] .output").first).to_contain_text("run ")
    write(page, "Cell 9,", "raise ValueError('no')  # a comment")
    press(page, "Run cell 9")
    expect(page.locator(".bar")).to_contain_text("Cell 9 failed.")
    press(page, "Check")
    expect(page.locator(".check .no")).to_be_visible()
