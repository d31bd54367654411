"""The notebooks as they lie in the repository: made from the scripts, and still true."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lessons.course import catalogue, notebooks
from lessons.course.catalogue import lessons
from lessons.course.notebooks import Normaliser, nbformat

LESSONS = lessons()
NAMES = [one.folder.name for one in LESSONS]
every_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=NAMES)

RUN = """
import sys
from lessons.course import catalogue, notebooks
notebooks.nbformat.write(notebooks.executed(catalogue.lesson(int(sys.argv[1])), pace=0.02), sys.argv[2])
"""


@pytest.fixture(scope="session")
def fresh(tmp_path_factory):
    """Each lesson, run just now in a kernel of its own, by its number. Building is a process of its own: it sets the
    environment for the kernel, and three at once in one process would set it for each other."""
    folder = tmp_path_factory.mktemp("notebooks")
    root = Path(__file__).parents[2]

    def run(lesson):
        file = folder / f"{lesson.number}.ipynb"
        command = [sys.executable, "-c", RUN, str(lesson.number), str(file)]
        ran = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr[-3000:]
        return nbformat.read(file, as_version=4)

    with ThreadPoolExecutor(3) as pool:
        return dict(zip([one.number for one in LESSONS], pool.map(run, LESSONS), strict=True))


def code_cells(lesson):
    return [cell for cell in notebooks.stored(lesson).cells if cell.cell_type == "code"]


@every_lesson
def test_the_notebook_has_the_same_cells_as_the_script(lesson):
    assert notebooks.cells(notebooks.stored(lesson)) == notebooks.cells(notebooks.unexecuted(lesson))


@every_lesson
def test_a_fresh_run_says_what_the_stored_notebook_says(fresh, lesson):
    stored, now = notebooks.outputs(notebooks.stored(lesson)), notebooks.outputs(fresh[lesson.number])
    assert len(stored) == len(now)
    for number, (before, after) in enumerate(zip(stored, now, strict=True), start=1):
        assert before == after, f"code cell {number}; if the lesson is right, build the notebooks anew"


@every_lesson
def test_the_notebook_is_valid_and_its_ids_are_the_same_at_every_build(lesson):
    stored = notebooks.stored(lesson)
    nbformat.validate(stored)
    assert [cell.id for cell in stored.cells] == [f"lesson-{lesson.number}-cell-{n + 1}" for n in range(len(stored.cells))]


@every_lesson
def test_the_notebook_holds_nothing_of_the_machine_that_built_it(lesson):
    stored = notebooks.stored(lesson)
    assert stored.metadata == {
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
        "language_info": {"name": "python"},
    }
    assert all(
        set(cell.metadata) <= {"tags", "lines_to_next_cell", "jupyter"} for cell in stored.cells
    )  # no times of execution
    text = lesson.notebook.read_text(encoding="utf-8")
    for path in (str(Path(__file__).parents[2]), "/site-packages/", "lib/python3"):
        assert text.count(path) == 0, path


@every_lesson
@pytest.mark.parametrize("which", ["stored", "fresh"])
def test_an_error_comes_with_its_message_and_the_cells_it_passed_through(fresh, lesson, which):
    notebook = fresh[lesson.number] if which == "fresh" else notebooks.stored(lesson)
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                frames = [re.sub(r"\x1b\[[\d;]*m", "", frame) for frame in output.traceback]
                assert "Traceback (most recent call last)" in frames[1]
                assert all(frame.startswith("Cell In[") for frame in frames[2:-1])
                assert frames[2:-1]
                assert frames[-1] == f"{output.ename}: {output.evalue}"


@every_lesson
def test_only_cells_that_say_so_raise_and_all_of_them_do(lesson):
    for cell in code_cells(lesson):
        raised = any(output.output_type == "error" for output in cell.outputs)
        assert raised == ("raises-exception" in cell.metadata.get("tags", [])), cell.source


@every_lesson
def test_nothing_was_printed_as_an_error(lesson):
    for cell in code_cells(lesson):
        assert not [output for output in cell.outputs if output.get("name") == "stderr"]


@every_lesson
def test_every_cell_was_run_in_order(lesson):
    *cells, checks = code_cells(lesson)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert (checks.execution_count, checks.outputs) == (None, [])  # what it says is the learner's alone


@every_lesson
def test_every_picture_has_a_text_alternative(lesson):
    for cell in code_cells(lesson):
        for output in cell.outputs:
            data = output.get("data", {})
            assert not [kind for kind in data if kind.startswith("image/")]  # a notebook shows it without its words
            for image in re.findall(r"<img [^>]*>", data.get("text/html", "")):
                assert len(re.search(r'alt="([^"]*)"', image)[1].split()) > 5
                assert "text/plain" in data
    for cell in lesson.cells():
        if cell.kind == "markdown":
            assert not re.search(r"!\[\s*\]|<img(?![^>]*alt=\"[^\"])", cell.source)


def test_a_timeline_is_a_picture_somewhere():
    """The test above would pass if there were none."""
    shown = [out.get("data", {}).get("text/html", "") for one in LESSONS for cell in code_cells(one) for out in cell.outputs]
    assert any("<img " in html for html in shown)


@every_lesson
def test_the_headings_of_tables_say_what_they_are_about(lesson):
    for cell in code_cells(lesson):
        for output in cell.outputs:
            for heading in re.findall(r"<th\b[^>]*>", output.get("data", {}).get("text/html", "")):
                assert 'scope="col"' in heading or 'scope="row"' in heading


@every_lesson
def test_the_code_of_questions_and_of_their_answers_is_folded_away(lesson):
    for cell in notebooks.stored(lesson).cells:
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == ("hide-input" in cell.metadata.get("tags", []))


@every_lesson
def test_a_stored_notebook_has_no_buttons_that_nobody_answers(lesson):
    kinds = {kind for cell in code_cells(lesson) for out in cell.outputs for kind in out.get("data", {})}
    assert not [kind for kind in kinds if "widget" in kind]


def test_picking_the_choice_in_the_same_place_each_time_is_wrong_most_of_the_time():
    """Right choices that stand last, time after time, are guessed without reading the others."""
    places = []
    for lesson in LESSONS:
        for cell in code_cells(lesson):
            if ".answer(" in cell.source:
                right = re.search(r"^The answer is (\w):", cell.outputs[0].data["text/plain"], re.MULTILINE)[1]
                letters = re.findall(r"\b([a-d])=", cell.source)
                places.append(("first" if right == letters[0] else "last" if right == letters[-1] else "middle", right))
    for which in (0, 1):
        picked = Counter(place[which] for place in places)
        assert max(picked.values()) <= len(places) / 2, picked
    assert min(picked["a"], picked["b"], picked["c"]) >= len(places) / 6, picked


def test_the_morgue_keeps_a_job_for_179_days_and_not_for_181():
    """Stored and fresh outputs that are wrong alike would pass everything else."""
    shown = {
        cell.source: cell.outputs[0].data["text/plain"]
        for cell in code_cells(LESSONS[3])
        if cell.source.startswith("after(")
    }
    assert shown == {"after(179)": "'dead'", "after(181)": "'nowhere'"}


@every_lesson
def test_the_notebook_lies_where_its_neighbours_link_to(lesson):
    for other in LESSONS:
        for cell in notebooks.stored(other).cells:
            for target in re.findall(r"\]\(([^)#]+)", cell.source) if cell.cell_type == "markdown" else []:
                assert (catalogue.NOTEBOOKS / target).exists(), target


# What differs from run to run, and what it is replaced by. And what looks like it, and must be left alone.

JID, OTHER = "593f66432baeb76a116b7cac", "46e7b8d9fe38288c07741916"


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        (f"{JID}, {OTHER}, {JID}", "JID-1, JID-2, JID-1"),
        ("a-machine.lan:4711:0123456789ab|default", "PROCESS-1|default"),
        ("2018-07-27T17:13:55.023Z 10221 TID-ovusw76r0 SendGif JID-x INFO: start", "LOG SendGif JID-x INFO: start"),
        ("evalsha " + "0123456789" * 4, "evalsha SCRIPT"),
        ("+ ovusw76r0: {", "+ TID: {"),
        ("1532711635.023 and 1795000000", "1532711635.023 and TIME"),
        ("score 1795000000.123 (now)", "score TIME (STRETCH)"),
        ("http://localhost:3000/jobs/", "http://localhost:PORT/jobs/"),
        ("15 s from now, 2 days ago, in 24 s", "STRETCH, STRETCH, STRETCH"),
        ("0 of 1  now        default", "0 of 1 STRETCH default"),
        ("0 of 1  1 s ago    default", "0 of 1 STRETCH default"),
        ("0 of 10  now       default", "0 of 10 STRETCH default"),
        ("5.0 s, done: 0.003 sec", "SECONDS, done: SECONDS"),
        ("stat:failed:2026-11-24", "stat:failed:DAY"),
        ('hostname: "a-machine"', 'hostname: "HOST"'),
        ("pid: 12, rss: 34, rtt_us: 56", "pid: NUMBER, rss: NUMBER, rtt_us: NUMBER"),
        ("~ beat: 1795000000.5\n    ~ rss: 12\n    ~ rtt_us: 34\n~ busy: 1", "~ beat: TIME\n~ busy: 1"),
        ("~ beat: 1795000000.5\n    ~ rtt_us: 34</pre>", "~ beat: TIME</pre>"),
        ("redis+sentinel://127.0.0.1:35123/mymaster/0", "redis+sentinel://127.0.0.1:PORT/mymaster/0"),
        ("worker     ████●", "worker BAR"),
        ("   ≈ 12 ┤ ● ○  ├\n    0 ┤●    ×├ 5", " MEASURED PLOT\n 0 PLOT 5"),
        ("≈ 1,234 a second, ≈ 0.05. ≈ 3", "MEASURED a second, MEASURED. MEASURED"),
        ("50 jobs  ··▂▃▄▅▆▇█··  0.12 s", "50 jobs BAR SECONDS"),
        ('<img src="data:image/svg+xml;base64,PD94+a/b==" alt="a', '<img src="data:image/svg+xml;base64,PICTURE" alt="a'),
    ],
)
def test_what_differs_from_run_to_run_is_replaced_by_its_name(text, normal):
    assert Normaliser()(text) == normal


@pytest.mark.parametrize(
    "text",
    [
        "list, 2 entries",
        "retry_count: 0",
        "(True, 0)",
        "25 retries take at least 20.4 days",
        "24 digits: 593f66432baeb76a116b7ca",  # one digit short of an id
        "[3, '96', '136']",
        "LREM inflight 1",
        "processed 1, failed 0",
        'args: ["ada@example.com", 100]',
        "15 jobs ago",
        "1532711635 is long ago",
        "right now",
        "+ email: ada@example.com",
        "a - b",
        "~ busy: 1",
        "~ rss_of: 12",
        "25 threads, 93 %",
    ],
)
def test_everything_else_is_left_as_it_is(text):
    assert Normaliser()(text) == text


# Numbers in the outputs that a lesson is about. A stored notebook with another one in its place is out of date.
MATTERS = (
    r"(\d+)(?= entr| member| field)|(?<=retry_count: )(\d)|(?<=\")(\d)(?=[\",])|(?<=waiting in Redis: )(\d)|(?<=assert )(\d)"
)


@every_lesson
def test_another_number_in_a_stored_output_is_noticed(lesson):
    def alone(cell):
        return notebooks.outputs(nbformat.v4.new_notebook(cells=[cell]))

    noticed = 0
    for cell in code_cells(lesson):
        honest = alone(cell)
        for place, output in enumerate(cell.outputs):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            for found in re.finditer(MATTERS, text):
                changed = text[: found.start()] + str(int(found[0]) + 1) + text[found.end() :]
                lying = copy.deepcopy(cell)
                wrong = lying.outputs[place]
                if "text" in wrong:
                    wrong["text"] = changed
                else:
                    wrong["data"]["text/plain"] = changed
                assert alone(lying) != honest, found[0]
                noticed += 1
    assert noticed


def test_another_message_of_an_error_is_noticed():
    def notebook(name, message):
        error = nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[])
        return notebooks.outputs(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[error])]))

    assert notebook("BadArgument", "a date") == ["BadArgument: a date"]
    assert notebook("BadArgument", "a date") != notebook("BadArgument", "a User")
    assert notebook("BadArgument", "a date") != notebook("ValueError", "a date")


def test_a_job_that_should_be_the_same_and_is_another_is_noticed():
    def notebook(text):
        return nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(outputs=[nbformat.v4.new_output("stream", text=text)])]
        )

    assert notebooks.outputs(notebook(f"{JID} {JID}")) == notebooks.outputs(notebook(f"{OTHER} {OTHER}"))
    assert notebooks.outputs(notebook(f"{JID} {JID}")) != notebooks.outputs(notebook(f"{JID} {OTHER}"))


def test_a_picture_without_words_or_that_is_gone_is_noticed():
    def notebook(html):
        output = nbformat.v4.new_output("display_data", data={"text/html": html})
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(outputs=[output])])

    def picture(drawn, words):
        return notebooks.outputs(notebook(f'<img src="data:image/svg+xml;base64,{drawn}" {words}>'))

    one = picture("AAAA", 'alt="a worker, busy"')
    assert one == picture("BBBB", 'alt="a worker, busy"')
    assert one != picture("AAAA", "")
    assert one != notebooks.outputs(notebook("a worker, busy"))


def test_what_was_printed_in_several_portions_is_one():
    parts = [nbformat.v4.new_output("stream", text=text) for text in ("one\n", "two\n")]
    assert [output.text for output in notebooks._joined(parts)] == ["one\ntwo\n"]
