"""The story of ticket 6: the tests of the application are run with it as it is, and with two versions that are broken."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lessons.kit.project import Project, Result, shortened

from .running import STUB
from .stories import Story, several

AS_IT_IS = "as it is"
BROKEN = {
    "it does nothing": "lambda self, *args: None",
    "it mails to somebody else": "lambda self, email, *args: _really(self, 'somebody@example.com', *args)",
}

# What is written at the end of workers.py. A test that runs the job, or pushes it, leaves a line in a file.
MORE = """

_really = GoodbyeWorker.perform
_broken = {broken}


def _perform(self, *args):
    _write_down("run")
    return _broken(self, *args)


def _write_down(what):
    with open(".written.txt", "a", encoding="utf-8") as file:
        print(what, file=file)


def _pushing(job, go_on):
    if job["class"] == "GoodbyeWorker":
        _write_down("push")
    go_on()


def _running(worker, job, go_on):
    if job["class"] == "GoodbyeWorker":
        _write_down("job")
    go_on()


GoodbyeWorker.perform = _perform
__import__("minijobs").middleware.client.add(_pushing)
__import__("minijobs").middleware.server.add(_running)
"""


@dataclass
class Tests(Story):
    """Ticket 6. What became of the tests."""

    __test__ = False  # pytest would take it for a class of tests, by its name

    changed: bool = False
    results: list[Result] = field(default_factory=list)  # with the application as it is
    noticed: dict[str, bool] = field(default_factory=dict)  # of each broken version, whether a test was red
    pushed: bool = False
    ran: bool = False  # perform, as it is in workers.py
    replaced: bool = False  # a job was run, and something else was in the place of perform

    @property
    def red(self) -> list[Result]:
        """The tests that are red with the application as it is."""
        return [one for one in self.results if not one.passed]


def tests(folder: Path, project: Project, went_on: Callable[[], object]) -> Tests:
    """Run the tests of the application in this folder, in a project that has nothing in it yet.

    `went_on` is called whenever one version of the application has been tested.
    """
    shutil.copytree(folder, project.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    source = project.read("workers.py")
    versions = {AS_IT_IS: "_really", **BROKEN}
    results: dict[str, list[Result]] = {}
    for name, broken in versions.items():
        (found,) = project.against("workers.py", {name: source + MORE.format(broken=broken)}).results.values()
        results[name] = list(found.values())
        went_on()
    written = project.path / ".written.txt"
    lines = written.read_text(encoding="utf-8").split() if written.exists() else []
    story = Tests("ticket 6", pushed="push" in lines, ran="run" in lines)
    story.replaced = "job" in lines and not story.ran
    story.changed = any(
        path.read_bytes() != (STUB / path.name).read_bytes() if (STUB / path.name).exists() else path.name.startswith("test")
        for path in folder.glob("*test*.py")
    )
    story.changed |= not (folder / "test_app.py").exists()
    story.results = results[AS_IT_IS]
    story.noticed = {name: not all(one.passed for one in results[name]) for name in BROKEN}
    red = f", {len(story.red)} of them red" if story.red else ", all of them green"
    story.note(f"with the application as it is: {several(len(story.results), 'test')}{red if story.results else ''}")
    for one in story.red[:2]:
        story.note(f"{one.test} said {shortened(one.said, 70)}")
    story.note(f"they {'ran' if story.ran else 'did not run'} the {'perform' if story.replaced else 'job'} of GoodbyeWorker")
    for name, noticed in story.noticed.items():
        story.note(f"if {name}, {'a test was red' if noticed else 'every test was green'}")
    return story
