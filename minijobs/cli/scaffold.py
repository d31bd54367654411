"""The files that `minijobs new SendGifToUser` writes: a Worker that does nothing yet, and a test that fails until it does.

The usual first test of a Worker pushes a job and counts the jobs, so it passes whatever `perform` does. The file has two
tests: that one, which says how little it proves, and one that runs the job and checks what has changed.
"""

from __future__ import annotations

import keyword
import os
import re
from pathlib import Path
from string import Template

WORKER = '''\
"""$worker: a background job."""

from minijobs import Worker


class $worker(Worker):
    """What is done in the background: say it here in one sentence."""

    def perform(self, *args):
        """Called in a worker process, with the arguments of perform_async."""
        # Do something
'''

TEST = '''\
"""What $worker does. Run it with `pytest`."""

import copy
import sys
from pathlib import Path

import pytest
from minijobs import testing

# Wherever pytest is called from, it finds the folder with the Workers.
sys.path.insert(0, str(Path(__file__).parents[1]))

from workers.$module import $worker

# What perform is called with: yours to write.
ARGUMENTS = []


def effect():
    """What a run changes in the world: yours to write.

    Return something that is different after a run: the mails in an outbox, the
    rows of a table, the text of a file.
    """
    # Look at something


@pytest.fixture(autouse=True)
def fake_jobs():
    """Pushes need no Redis here, and no test finds the jobs of another."""
    with testing.fake():
        testing.clear_all()
        yield
        testing.clear_all()


def test_a_push_leaves_one_job():
    """That is all it proves. Nothing runs: it is green whatever perform does."""
    $worker.perform_async(*ARGUMENTS)
    assert len(testing.jobs($worker)) == 1


def test_a_run_changes_something():
    """Red until perform does something and effect() looks at it."""
    before = copy.deepcopy(effect())
    assert effect() == before, "effect() differs before anything has run."
    $worker.perform_async(*ARGUMENTS)
    testing.drain($worker)
    assert effect() != before, (
        "$worker ran, and nothing is different: either "
        "perform does nothing yet, or effect() does not look at what it does."
    )
'''


def new(name: str, into: Path = Path(".")) -> tuple[Path, Path]:
    """Write a Worker and its test into the folder `into`. Returns the paths of the two files.

    `name` is written as SendGifToUser or send_gif_to_user; "Worker" is appended unless it is there. Raises ValueError for
    any other name, and FileExistsError if either file exists; then nothing has been written.
    Sidekiq: `rails generate sidekiq:job SendGifToUser`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for path in new("SendGifToUser", Path(folder)):
    ...         print(path.relative_to(folder).as_posix())
    workers/send_gif_to_user_worker.py
    tests/test_send_gif_to_user_worker.py
    """
    worker = _class_name(name)
    module = re.sub("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", worker).lower()
    files = {into / "workers" / f"{module}.py": WORKER, into / "tests" / f"test_{module}.py": TEST}
    for path in files:
        if os.path.lexists(path):
            raise FileExistsError(f"{path} is there already, so nothing was written.")
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        path.write_text(Template(text).substitute(worker=worker, module=module), encoding="utf-8")
    worker_path, test_path = files
    return worker_path, test_path


def _class_name(name: str) -> str:
    """`name` as a class name that ends in "Worker"."""
    if keyword.iskeyword(name) or not re.fullmatch("[A-Z][A-Za-z0-9]*|[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise ValueError(f"{name!r} cannot be the name of a Worker: write it as SendGifToUser or send_gif_to_user.")
    if name[0].islower():
        name = "".join(word.capitalize() for word in name.split("_"))
    if name == "Worker":
        raise ValueError("A Worker needs a name of its own: say what it does, as in SendGifToUser.")
    return name if name.endswith("Worker") else f"{name}Worker"
