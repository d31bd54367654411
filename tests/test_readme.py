"""What is written for people: the README, the contents, the prose of the lessons. Its links, commands and names are real."""

from __future__ import annotations

import doctest
import itertools
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import minijobs
from lessons.course import catalogue, commands
from minijobs.cli import parser as cli

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
CONTENTS = ROOT / "lessons" / "README.md"
NUMBERS = ROOT / "tests" / "benchmarks" / "README.md"

# A text, and the folder that its links start from. A lesson's prose is read in its notebook.
PROSE = {
    "README.md": (README.read_text(encoding="utf-8"), ROOT),
    "lessons/README.md": (CONTENTS.read_text(encoding="utf-8"), CONTENTS.parent),
    "tests/benchmarks/README.md": (NUMBERS.read_text(encoding="utf-8"), NUMBERS.parent),
}
for page in (
    "lessons/PRODUCTION.md",
    "lessons/TEACHING.md",
    ".github/CONTRIBUTING.md",
    ".github/SECURITY.md",
    "CHANGELOG.md",
):
    PROSE[page] = (ROOT / page).read_text(encoding="utf-8"), (ROOT / page).parent
PROSE |= {
    f"lesson {lesson.number}": (
        "\n\n".join(cell.source for cell in lesson.cells() if cell.kind == "markdown"),
        catalogue.NOTEBOOKS,
    )
    for lesson in catalogue.lessons()
}

# What else tells a learner to type something.
TOLD = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in sorted((ROOT / "lessons").rglob("*.py"))
}
TOLD |= {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "lessons").rglob("hints.md"))
}


@pytest.mark.parametrize("name", PROSE)
def test_every_link_leads_somewhere(name):
    text, folder = PROSE[name]
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    assert links
    for link in links:
        path, _, anchor = link.partition("#")
        assert not re.match(r"\w+://", path), f"{link}: nobody can check an address outside in a test"
        target = (folder / path).resolve() if path else ROOT / name
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [heading.lower().replace(" ", "-") for heading in headings], link


@pytest.mark.parametrize("name", PROSE)
def test_every_make_command_in_prose_exists(name):
    for target in named_in_prose(PROSE[name][0]):
        assert re.sub(r"-(\d+|.)$", "-%", target) in targets(), f"make {target}"


def test_every_make_command_that_a_program_names_exists():
    named = [found for text in TOLD.values() for found in re.findall(r"\bmake ([a-z]+)-(?:\d+|\{)", text)]
    assert len(named) > 20
    assert {f"{verb}-%" for verb in named} <= targets()


def test_every_verb_that_is_named_exists():
    text = README.read_text(encoding="utf-8")
    (listed,) = re.findall(r"takes the same words: (.+?);", text, re.DOTALL)
    verbs = [words.split()[0] for words in re.findall(r"`([^`]+)`", listed)]
    assert set(verbs) == set(commands.VERBS) - {"list", "build"}
    for verb in re.findall(r"python -m lessons (\w+)", text):
        assert verb in commands.VERBS


def test_every_part_that_is_named_can_be_installed():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    texts = [README.read_text(encoding="utf-8"), (ROOT / "Makefile").read_text(encoding="utf-8"), *TOLD.values()]
    named = [part for text in texts for part in re.findall(r"(?:lessons\.install|call install,) ?([a-z]+)", text)]
    assert len(named) > 8
    assert set(named) <= set(project["dependency-groups"])
    extras = re.findall(r"minijobs\[(\w+)\]", README.read_text(encoding="utf-8"))
    assert set(extras) == set(project["project"]["optional-dependencies"])


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")
def test_a_command_without_its_number_is_told_to_add_one():
    for verb in ("lesson", "notebook", "try", "check", "watch", "hint", "solution", "reset"):
        made = subprocess.run(["make", verb], cwd=ROOT, capture_output=True, text=True)
        assert made.stderr == f"Which lesson? Add its number: make {verb}-1\n"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make on PATH")
def test_make_alone_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for target in targets():
        assert f"make {target.replace('%', 'N')} " in listed


def test_the_readme_tells_of_every_target():
    told = {re.sub(r"-(\d+|.)$", "-%", target) for target in named_in_prose(README.read_text(encoding="utf-8"))}
    assert told == targets() - {"help"}


def test_the_map_of_the_library_is_the_library():
    blocks = re.findall(r"^minijobs/\n((?:  .+\n)+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    listed = [line.split()[0] for block in blocks for line in block.splitlines()]
    there = {path.name for path in (ROOT / "minijobs").glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in (ROOT / "minijobs").glob("*/__init__.py")}
    assert sorted(listed) == sorted(there)


def test_the_package_and_the_readme_give_the_same_reading_list():
    first, _ = re.findall(r"^minijobs/\n((?:  .+\n)+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    listed = re.findall(r"^    (\w+(?:, \w+)*)  ", minijobs.__doc__, re.MULTILINE)
    assert ", ".join(listed).split(", ") == re.findall(r"^  (\w+)\.py", first, re.MULTILINE)


def test_every_command_of_minijobs_in_the_readme_can_be_said():
    said = re.findall(r"^python -m minijobs ([^#\n]+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(said) > 4
    for words in said:
        assert cli.parser().parse_args(shlex.split(words)).do


def test_both_tables_of_contents_have_every_lesson_and_its_question():
    for text in (README.read_text(encoding="utf-8"), CONTENTS.read_text(encoding="utf-8")):
        rows = re.findall(r"^\| (\d+) \| ([^|]+) \|.*\[([^]]+)\]\(\S*notebooks/(\S+)\)", text, re.MULTILINE)
        expected = [
            (one.number, one.heading().question, one.heading().title, one.notebook.name) for one in catalogue.lessons()
        ]
        assert [(int(number), question, title, notebook) for number, question, title, notebook in rows] == expected


def test_lessons_lead_to_their_neighbours():
    lessons = catalogue.lessons()
    for before, after in itertools.pairwise(lessons):
        for one, other in ((before, after), (after, before)):
            for cells in (one.in_terminal(), one.in_notebook()):
                first, *_, last = (cell.source for cell in cells if cell.kind == "markdown")
                assert other.notebook.name in first
                assert other.notebook.name in last


def test_the_example_in_the_readme_does_what_it_says():
    results = doctest.testfile(str(README), module_relative=False)
    assert results.attempted > 5
    assert results.failed == 0


def targets() -> set[str]:
    """The targets that the Makefile explains."""
    return set(
        re.findall(r"^([a-z]+(?:-(?:%|[a-z]+))?):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )


def named_in_prose(text: str) -> list[str]:
    """The targets after `make`, where that is code and not a verb."""
    code = re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) + re.findall(r"`([^`\n]+)`", text)
    return [target for piece in code for target in re.findall(r"(?:^|\s)make ([a-z]+(?:-(?:\d+|[a-z]{2,}))?)\b", piece)]
