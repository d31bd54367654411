"""What is written for those who work on the project, and for their tools: each command is one that can be given."""

from __future__ import annotations

import configparser
import json
import re
import shlex
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import distributions
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from lessons.course import catalogue
from lessons.install import requirements

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
TESTS = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))
PAGES = (".github/CONTRIBUTING.md", "lessons/TEACHING.md")


def typed(page: str) -> list[str]:
    """The commands between a page's fences."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        line for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE) for line in block.splitlines()
    ]


@pytest.mark.parametrize("command", [command for page in PAGES for command in typed(page)])
def test_a_command_of_a_page_can_be_given(command: str) -> None:
    words = [word for word in shlex.split(command) if not re.match(r"[A-Z_]+=", word)]
    if words == ["export"]:
        return  # typed in a fresh clone, see test_fresh_clone.py
    if words[0] == "make":
        # Those of the README's tables are typed in a fresh clone, see test_fresh_clone.py; `make test` is what runs this.
        assert subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True).returncode == 0
    elif words[1:3] == ["-m", "lessons.install"]:
        assert words[3] in PROJECT["dependency-groups"]
    elif words[1:3] == ["-m", "pytest"]:
        files = [ROOT / word for word in words[3:] if word.endswith(".py")]
        text = "".join(file.read_text(encoding="utf-8") for file in files)
        assert text
        if "-k" in words:
            chosen = words[words.index("-k") + 1]
            ids = [one.folder.name for one in catalogue.lessons()]
            assert re.search(rf"def test_\w*{chosen}", text) or any(chosen in name for name in ids)
    else:
        assert words[0] == ".venv/bin/python"
        assert words[2] in ("ruff", "mypy")  # test_style.py runs both
        assert subprocess.run([sys.executable, *words[1:3], "--version"], capture_output=True).returncode == 0


def test_what_the_course_needs_of_the_extras_is_what_they_say() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    needed = requirements(PROJECT["dependency-groups"], "dev")
    assert {*extras["web"], *extras["reload"]} <= set(needed)
    assert not [one for one in needed if one.startswith("minijobs")]


def test_no_pinned_version_refuses_an_early_python_3_11() -> None:
    """Debian 12 has 3.11.2. pip would try one version of everything else after another, for a quarter of an hour."""
    pinned = set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    installed = [one.metadata for one in distributions() if f"{one.metadata['Name']}=={one.version}" in pinned]
    assert len(installed) > 50
    refuse = [one["Name"] for one in installed if "3.11.0" not in SpecifierSet(one["Requires-Python"] or "")]
    assert refuse == []


def test_the_workflow_gives_commands_that_run_here_too() -> None:
    assert TESTS["jobs"].keys() == {"linux", "lessons"}
    given = [step["run"] for job in TESTS["jobs"].values() for step in job["steps"] if "run" in step]
    assert given == [
        'git config --global --add safe.directory "$GITHUB_WORKSPACE"',  # the only one that is for the place alone
        "bash .ci/run",  # runs this
        "python -m lessons.install check",  # what make runs: see test_fresh_clone.py
        "python tests/every_lesson.py",  # see below
    ]


def test_the_workflow_tries_every_python_that_the_package_names() -> None:
    named = [one.rpartition(" ")[2] for one in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", one)]
    assert TESTS["jobs"]["linux"]["strategy"]["matrix"]["python"] == named
    assert PROJECT["project"]["requires-python"] == f">={named[0]}"


def test_every_lesson_of_a_learners_machine_is_tried() -> None:
    command = [sys.executable, "tests/every_lesson.py", "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, "1: well\n"), run.stdout + run.stderr


def test_the_dev_container_begins_with_a_command_of_the_readme() -> None:
    about = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8"))
    assert about["postCreateCommand"] == "make progress"  # typed in a fresh clone, see test_fresh_clone.py
    assert set(about["forwardPorts"]) == {3000, 8888, 9876}  # make app, JupyterLab, minijobs web


def test_every_file_is_as_the_editorconfig_says() -> None:
    rules = configparser.ConfigParser()
    rules.optionxform = str
    rules.read_string("[top]\n" + (ROOT / ".editorconfig").read_text(encoding="utf-8"))
    assert rules["*.patch"]["trim_trailing_whitespace"] == "false"
    assert int(rules["*"]["max_line_length"]) == PROJECT["tool"]["ruff"]["line-length"]
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    wrong = []
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if not path.is_file() or fnmatch(name, "*.png") or re.match(r"lessons/.*/(exercise|mistakes|answers)", name):
            continue  # the learner's, or wrong on purpose
        text = path.read_bytes().decode()  # UTF-8
        if (
            "\r" in text
            or (text and not text.endswith("\n"))
            or (re.search(r"[ \t]$", text, re.MULTILINE) and not name.endswith(".patch"))
        ):
            wrong.append(name)
    assert wrong == []
