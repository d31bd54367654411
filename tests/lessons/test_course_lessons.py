"""The shape that all lessons have."""

from __future__ import annotations

import ast
import re
import symtable
from collections import defaultdict
from itertools import pairwise

import pytest

from lessons.course import catalogue
from lessons.course.catalogue import lessons

LESSONS = lessons()
NAMES = [one.folder.name for one in LESSONS]
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)

LINES, COLUMNS = 10, 76  # of code in a cell; a frame takes four of the 80 columns of a terminal


def code(lesson):
    return [cell.source for cell in lesson.cells() if cell.kind == "code"]


def prose(lesson):
    return [cell.source for cell in lesson.cells() if cell.kind == "markdown"]


def section(lesson, heading):
    """The text under a heading, up to the next one."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", "\n\n".join(prose(lesson)), re.MULTILINE | re.DOTALL)
    assert found, f"There is no section {heading!r}."
    return found[1].strip()


def test_the_lessons_are_numbered_from_one():
    assert [one.number for one in LESSONS] == list(range(1, len(LESSONS) + 1))


@every_lesson
def test_a_cell_of_code_is_short_and_narrow(lesson):
    for source in code(lesson):
        lines = [line for line in source.splitlines() if line.strip()]
        assert len(lines) <= LINES, source
        assert max(map(len, lines)) <= COLUMNS, max(lines, key=len)


@every_lesson
def test_the_first_cell_says_what_it_is_about_and_how_long_it_takes(lesson):
    first = prose(lesson)[0]
    heading = lesson.heading()
    assert heading.question.endswith("?")
    assert 5 <= heading.minutes <= 60
    assert first.startswith(f"# {lesson.number} · {heading.title}\n")
    assert "At the end you can say" in first
    assert "Before this:" in first


@every_lesson
def test_the_first_and_the_last_cell_lead_on(lesson):
    for links in (prose(lesson)[0].splitlines()[-1], prose(lesson)[-1].splitlines()[-1]):
        expected = ["[Contents](../lessons/README.md)"]
        for word, number in (("Previous", lesson.number - 1), ("Next", lesson.number + 1)):
            neighbour = next((one for one in LESSONS if one.number == number), None)
            if neighbour:
                title = neighbour.heading().title
                expected.append(f"{word}: [{number} · {title}]({neighbour.notebook.name})")
        assert links == " · ".join(expected)


@every_lesson
def test_every_prediction_is_asked_before_and_answered_after(lesson):
    choices, answered = {}, []
    for source in code(lesson):
        tree = ast.parse(source)
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            letters = [keyword.arg for keyword in call.keywords if keyword.arg != "guess"]
            if getattr(call.func, "id", "") == "predict":
                name = tree.body[-1].value.id  # its last line shows it
                choices[name] = letters
                assert f"{name} = predict(" in source
                assert "guess=None" in source  # where the reader of a notebook types theirs
                assert len(letters) >= 2
            elif getattr(call.func, "attr", "") == "answer":
                answered.append(call.func.value.id)
                assert len(call.args) == 1  # what one could see, in words
                assert letters == choices[answered[-1]]  # asked before, and each choice is looked at
    assert choices
    assert answered == list(choices)


@every_lesson
def test_every_lesson_refutes_what_you_might_have_thought(lesson):
    rows = [line for line in section(lesson, "You might have thought").splitlines() if line.startswith("|")]
    assert rows[0].startswith("| You might have thought |")
    assert len(rows) - 2 >= 3
    assert all(row.count("|") == 3 and all(cell.strip() for cell in row.strip("|").split("|")) for row in rows)


@every_lesson
def test_every_lesson_ends_with_three_sentences_to_keep(lesson):
    assert re.findall(r"^(\d)\. ", section(lesson, "To keep"), re.MULTILINE) == ["1", "2", "3"]


@every_lesson
def test_the_exercise_is_named_with_what_can_be_typed(lesson):
    text = section(lesson, "Make it yours")
    assert f"lessons/{lesson.folder.name}/{lesson.exercise.name}" in text
    for verb in ("check", "hint", "try"):
        assert f"make {verb}-{lesson.number}" in text


@every_lesson
def test_there_is_something_to_change(lesson):
    assert section(lesson, "Change something")
    assert f"make try-{lesson.number}" in "\n".join(prose(lesson))


def levels(text):
    """The levels of the headings, in their order."""
    outside = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    return [len(marks) for marks in re.findall(r"^(#+) ", outside, re.MULTILINE)]


@every_lesson
def test_headings_are_not_skipped(lesson):
    found = levels("\n\n".join(prose(lesson)))
    assert found[0] == 1
    assert found.count(1) == 1
    assert max(found) <= 3
    for above, below in pairwise(found):
        assert below <= above + 1


@every_lesson
def test_no_cell_is_empty(lesson):
    assert all(cell.source.strip() for cell in lesson.cells())


@every_lesson
def test_a_lesson_ends_with_the_recap_and_then_the_exercise_each_place_in_its_own_words(lesson):
    recap, exercise, terminal, notebook, checks = (cell.source for cell in lesson.cells()[-5:])
    assert re.findall(r"^## (.+)$", recap, re.MULTILINE) == ["You might have thought", "To keep"]
    assert re.findall(r"^New words", recap, re.MULTILINE) == ["New words"]
    assert re.findall(r"^## (.+)$", exercise, re.MULTILINE) == ["Make it yours"]
    assert [cell.kind for cell in lesson.cells()[-5:]] == ["markdown"] * 4 + ["code"]
    tags = [cell.tags for cell in lesson.cells()[-5:]]
    assert tags == [(), (), ("terminal-only",), ("notebook-only",), ("notebook-only", "skip-execution")]
    name = f"lessons/{lesson.folder.name}/{lesson.exercise.name}"
    assert f"[{name}](../{name})" in exercise
    assert f"`make check-{lesson.number}`" in terminal
    assert "make check" not in notebook
    assert checks.endswith(f"check({lesson.number})")
    assert terminal.splitlines()[-1] == notebook.splitlines()[-1]  # the way on


@every_lesson
def test_questions_and_their_answers_and_nothing_else_are_shown_without_their_code(lesson):
    for cell in lesson.cells():
        about_a_guess = cell.kind == "code" and ("predict(" in cell.source or ".answer(" in cell.source)
        assert ("hide-input" in cell.tags) == about_a_guess, cell.source


def glossary():
    """The entries of the glossary, with the number of the lesson that shows them, if the entry names one."""
    text = (catalogue.LESSONS / "README.md").read_text(encoding="utf-8")
    under = text.split("## Glossary", 1)[1]
    return dict(re.findall(r"^(?:[-*] )?\*\*(.+?)\*\*(?: \((\d+)\))?", under, re.MULTILINE))


def new_words(lesson):
    found = re.findall(r"^New words[^:]*:((?:\s*\*[^*]+\*,?)+)\.", "\n\n".join(prose(lesson)), re.MULTILINE)
    assert len(found) == 1, "A lesson must list its new words, once."
    return re.findall(r"\*([^*]+)\*", found[0])


@every_lesson
def test_every_new_word_is_in_the_glossary_with_this_lesson(lesson):
    entries = glossary()
    for word in new_words(lesson):
        assert word in entries
        assert entries[word] in ("", str(lesson.number)), word


@every_lesson
def test_a_word_is_new_once_and_used_in_the_lesson(lesson):
    earlier = {word for one in LESSONS if one.number < lesson.number for word in new_words(one)}
    text = " ".join(" ".join(prose(lesson)).split()).lower()
    for word in new_words(lesson):
        assert word not in earlier
        assert text.count(word.lower().rstrip("e")) >= 2, word  # beside the list itself


def test_the_glossary_is_in_the_order_of_the_alphabet():
    words = [word.lower() for word in glossary()]
    assert words == sorted(words)


def test_the_contents_name_every_lesson_its_question_its_notebook_and_its_exercise():
    text = (catalogue.LESSONS / "README.md").read_text(encoding="utf-8")
    for one in LESSONS:
        row = next(line for line in text.splitlines() if line.startswith(f"| {one.number} |"))
        assert one.heading().question in row
        assert one.heading().title in row
        assert f"`make lesson-{one.number}`" in row
        assert f"(../notebooks/{one.notebook.name})" in row
        assert f"({one.folder.name}/{one.exercise.name})" in row


# Names that several cells assign all the same. If a reader runs a cell between two of them again, it has the latest.
ASSIGNED_AGAIN = {
    2: {"SendGifToUserWorker"},  # the class is edited: what the lesson is about
    4: {"WelcomeWorker"},  # its bug is fixed: what the lesson is about
    6: {"worker", "lines", "words", "jid", "report"},  # the process that runs now, its last lines, the last job
    7: {"tea", "told"},  # the last reminder of tea, and what Redis was sent for it
    9: {"told"},  # what Redis was sent last
}


@every_lesson
def test_a_cell_that_is_run_again_does_not_read_what_a_later_cell_has_put_into_the_same_name(lesson):
    assigned, read = defaultdict(list), defaultdict(list)
    for number, source in enumerate(code(lesson)):
        assigns, reads = names(source)
        for name in assigns:
            assigned[name].append(number)
        for name in reads - assigns:
            read[name].append(number)
    again = {name for name, cells in assigned.items() if any(cells[0] < one < cells[-1] for one in read[name])}
    assert again == ASSIGNED_AGAIN.get(lesson.number, set())


def names(source):
    """The names that a cell assigns at its top, and the global ones that it reads, also in its functions."""
    top = symtable.symtable(source, "cell", "exec")
    assigned = {one.get_name() for one in top.get_symbols() if one.is_assigned() or one.is_imported()}
    read, tables = set(), [top]
    for table in tables:
        read |= {one.get_name() for one in table.get_symbols() if one.is_referenced() and (table is top or one.is_global())}
        tables += table.get_children()
    return assigned, read


def test_the_names_of_a_cell_are_seen():
    assert names("import os\nfor one in two:\n    def three(four):\n        return four, five") == (
        {"os", "one", "three"},
        {"two", "five"},
    )
