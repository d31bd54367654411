"""The course in a notebook: what its cells can call, in a real kernel, as JupyterLab would ask it."""

from __future__ import annotations

import re
import shutil
import time

import pytest

from lessons.course import catalogue, cells, commands, notebooks
from lessons.kit import stage

ONE = catalogue.lesson(1)


@pytest.fixture(scope="module")
def kernel(copied, open_kernel):
    return open_kernel(copied())


def test_a_check_says_what_it_says_in_a_terminal_in_the_words_of_a_notebook(kernel):
    printed, shown = kernel.run("from lessons.course.cells import *\nfrom lessons.course.cells import check\ncheck(1)")
    assert re.fullmatch(r"Your exercise, as it was saved at \d\d:\d\d:\d\d, is being checked …\n", printed)  # at once
    said = shown["text/plain"]
    assert "as it was handed out" in said
    assert said.endswith("A hint: hint(1)")
    assert "Look: in a terminal, make try-1, then create(" in " ".join(said.split())
    assert said.count("make ") == 1


def test_a_right_exercise_is_told_so_and_what_is_next(kernel):
    exercise = kernel.folder / "lessons" / ONE.folder.name / "exercise.py"
    shutil.copyfile(ONE.solution, exercise)
    _, shown = kernel.run("from lessons.course.cells import check, progress\ncheck(1)")
    assert "Right. A solution, explained: solution(1)" in shown["text/markdown"]
    assert "What is next: progress()" in shown["text/markdown"]
    assert kernel.progress()["1"]["passed"]
    _, shown = kernel.run("progress()")
    assert "Next: open 02_watching_redis.mine.ipynb" in shown["text/markdown"]


def test_a_hint_is_markdown_and_there_is_one_more_each_time(kernel):
    kernel.run("from lessons.course.cells import hint")
    one, two = (kernel.run("hint(2)")[1]["text/markdown"] for _ in range(2))
    assert one.startswith("**Hint 1 of ")
    assert two.startswith(one.split("\n\n")[0])
    assert "**Hint 2 of " in two


def test_a_solution_is_shown_once_the_exercise_passes_or_if_one_insists(kernel):
    kernel.run("from lessons.course.cells import solution")
    _, closed = kernel.run("solution(3)")
    assert "A hint costs less: hint(3)" in closed["text/markdown"]
    assert "To see it anyway: solution(3, force=True)" in closed["text/markdown"]
    _, shown = kernel.run("solution(3, force=True)")
    assert "```python\n" in shown["text/markdown"]
    assert "retry = 5" in shown["text/markdown"]


def test_a_lesson_that_is_not_there_is_answered_in_a_sentence(kernel):
    printed, shown = kernel.run("from lessons.course.cells import check\ncheck(99)")
    assert (printed, shown["text/plain"].startswith("There is no lesson 99.")) == ("", True)


def test_a_question_has_a_button_for_each_choice_and_a_guess_is_kept_when_its_cell_runs_again(kernel):
    ask = "from lessons.kit import predict\nq = predict('Where?', a='Here.', b='There.')\nq"
    _, shown = kernel.run(ask)
    assert "application/vnd.jupyter.widget-view+json" in shown
    assert "Where?" in shown["text/plain"]
    press = "choice = q.buttons().children[1]\nprint([label for label, _ in choice.options])\nchoice.value = 'b'"
    press += "\nprint(q.buttons().children[2].value)"
    assert kernel.run(press)[0] == "['a)  Here.', 'b)  There.']\nYour guess is b. Go on.\n"
    kernel.run(ask)
    _, shown = kernel.run("q.answer('nothing is there', a=False, b=True)")
    assert shown["text/plain"].splitlines()[-1] == "You guessed it."


def test_without_the_buttons_a_question_is_text(kernel):
    kernel.run("import sys\nfrom lessons.kit import predict\nsys.modules['ipywidgets'] = None")
    _, shown = kernel.run("predict('Where else?', a='Here.', b='There.')")
    kernel.run("del sys.modules['ipywidgets']")
    assert set(shown) == {"text/plain", "text/html"}
    assert "Write guess=&quot;a&quot; into the cell" in shown["text/html"]


def test_a_name_that_is_not_there_is_explained(kernel):
    printed, _ = kernel.run("redis.keys()")
    assert "NameError: name 'redis' is not defined" in printed
    assert "After a kernel restart, no cell has." in printed
    printed, _ = kernel.run("1 / 0")
    assert printed == "ZeroDivisionError: division by zero\n"


def test_what_a_lesson_needs_and_is_not_installed_is_said_with_how_to_install_it(kernel):
    printed, _ = kernel.run("import sys\nsys.modules['flask'] = None\nimport flask")
    assert printed.endswith("To install flask: make notebook-9 in a terminal. Then run this cell again.\n")
    printed, _ = kernel.run("del sys.modules['flask']\nimport nothing_of_that_name")
    assert printed == "ModuleNotFoundError: No module named 'nothing_of_that_name'\n"


def test_the_time_between_two_cells_is_not_in_the_picture(kernel):
    kernel.run("import time\nfrom lessons.kit import clock, start, timeline\nfrom lessons.kit.timeline import now\nstart()")
    kernel.run("before, wall = now(), time.monotonic()")
    time.sleep(1)  # somebody reads
    printed, _ = kernel.run("print(now() > before, (time.monotonic() - wall) - (now() - before) >= 1)")
    assert printed == "True True\n"


def test_a_lesson_counts_as_played_when_all_its_cells_have_run(kernel):
    *ids, last = ONE.ids_of_code()
    for cell_id in [*ids, *ids, "lesson-2-cell-3", "mine"]:
        kernel.run("pass", cell_id)
    assert not kernel.progress().get("1", {}).get("played")
    kernel.run("raise ValueError", last)  # some cells of a lesson are there to fail
    assert kernel.progress()["1"]["played"]


def test_the_cells_that_count_are_those_of_the_notebook_but_the_one_that_checks():
    stored = [cell.id for cell in notebooks.stored(ONE).cells if cell.cell_type == "code"]
    assert ONE.ids_of_code() == stored[:-1]


@pytest.fixture(scope="module")
def hurried(copied, open_kernel):
    """Makes kernels in which nothing is waited for."""
    return lambda: open_kernel(copied(), **{stage.PACE: "0.002"})


@pytest.fixture(scope="module")
def shared(hurried):
    """One for the lessons that start no processes, one after the other: test_notebooks runs each in a fresh one."""
    return hurried()


@pytest.mark.parametrize("lesson", catalogue.lessons(), ids=lambda lesson: lesson.folder.name)
def test_every_cell_may_be_run_twice(hurried, shared, lesson):
    """None fails but those that are there to fail; and a question that was answered has that answer."""
    kernel = hurried() if lesson.starts_processes else shared
    kernel.run("%reset -f")
    for number, cell in enumerate(lesson.in_notebook(), start=1):
        if cell.kind == "code" and catalogue.NOTEBOOK_ONLY not in cell.tags:
            (printed, once), (again, twice) = (kernel.run(cell.source, lesson.id_of_cell(number)) for _ in range(2))
            failed = [bool(re.search(r"^(\w+(Error|Argument)|LooksLike\w+): ", text, re.M)) for text in (printed, again)]
            assert failed == ["raises-exception" in cell.tags] * 2, f"{cell.source}\n{printed}\n{again}"
            if ".answer(" in cell.source:
                assert twice["text/plain"] == once["text/plain"]
    assert kernel.progress()[str(lesson.number)]["played"]


# The learner's own notebooks.


@pytest.fixture
def copy(copied, monkeypatch):
    """Lesson 1 of a copy of the course."""
    folder = copied()
    monkeypatch.setattr(catalogue, "NOTEBOOKS", folder / "notebooks")
    return catalogue.Lesson(1, ONE.name, folder / "lessons" / ONE.folder.name)


def change(lesson, work):
    notebook = notebooks.nbformat.read(lesson.working_copy, as_version=4)
    work(notebook)
    notebooks.nbformat.write(notebook, lesson.working_copy)


def test_a_notebook_of_ones_own_leads_to_others_of_ones_own(copy):
    notebooks.write_working_copy(copy)
    text = copy.working_copy.read_text(encoding="utf-8")
    assert "(02_watching_redis.mine.ipynb)" in text
    assert "(02_watching_redis.ipynb)" not in text


def test_a_notebook_was_used_if_anything_in_it_has_run_or_was_changed(copy):
    assert not notebooks.was_used(copy)
    notebooks.write_working_copy(copy)
    assert not notebooks.was_used(copy)
    code = next(cell for cell in notebooks.unexecuted(copy).cells if cell.cell_type == "code")
    output = notebooks.nbformat.v4.new_output("stream", text="ran")
    change(copy, lambda notebook: next(c for c in notebook.cells if c.id == code.id).update(outputs=[output]))
    assert notebooks.was_used(copy)
    notebooks.write_working_copy(copy)
    change(copy, lambda notebook: notebook.cells[0].update(source="my own words"))
    assert notebooks.was_used(copy)
    copy.working_copy.write_text("{damaged", encoding="utf-8")
    assert notebooks.was_used(copy)


def test_a_notebook_of_an_older_lesson_is_told_from_one_of_today(copy):
    notebooks.write_working_copy(copy)
    change(copy, lambda notebook: notebook.cells[0].update(source="my own words"))
    kept = copy.working_copy.read_bytes()
    assert not notebooks.is_out_of_date(copy)
    copy.script.write_text(copy.script.read_text(encoding="utf-8").replace("hello", "good morning"), encoding="utf-8")
    assert notebooks.is_out_of_date(copy)
    assert copy.working_copy.read_bytes() == kept


def test_a_page_is_plain_text_where_no_notebook_shows_it():
    page = cells.Page()
    page.text("one")
    page.text("")
    page.markdown("**two**")
    assert str(page) == "one\n\n**two**"
    assert re.sub(r" style=\"[^\"]*\"", "", page._repr_markdown_()) == "<pre>one</pre>\n<pre> </pre>\n\n**two**"


def test_in_a_notebook_a_line_of_a_report_wraps_at_words_below_its_beginning_and_a_dollar_is_no_formula():
    page = cells.Page()
    page.labelled("   Look: ", "$ make <try> " + 20 * "and more ")
    (line,) = page._repr_markdown_().splitlines()
    assert "white-space: pre-wrap; word-break: normal" in line
    assert "padding-left: 9ch; text-indent: -9ch" in line
    assert ">   Look: &#36; make &lt;try&gt; and more" in line
    assert [one[:9] for one in page.lines()] == ["   Look: ", 9 * " ", 9 * " "]


def test_what_is_missing_is_said_in_a_cell_too(monkeypatch):
    monkeypatch.setattr(commands.importlib.util, "find_spec", lambda name: None)
    assert "This needs pytest: python -m lessons.install check" in str(cells.check(1))
