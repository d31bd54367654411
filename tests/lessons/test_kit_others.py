"""Environments of other libraries: one that cannot be made says so. Those that can are made when lesson 10 runs."""

from __future__ import annotations

import pytest

from lessons.kit import elsewhere, session, start
from lessons.kit.others import FOLDER, PACKAGES


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """A library that no registry has: its package is a file, and that is not there."""
    monkeypatch.setenv(FOLDER, str(tmp_path / "others"))
    monkeypatch.setitem(PACKAGES, "broken", ("./there-is-no-such-file.whl",))
    start(server=True)
    yield elsewhere("broken")
    session.end()


def test_an_environment_that_cannot_be_made_says_so_and_runs_nothing(broken, capsys, tmp_path):
    assert "There is no environment for broken: " in repr(broken)
    assert "there-is-no-such-file" in repr(broken)
    broken.run("python -c 'print(1)'")
    broken.run_until("python -c 'print(1)'", "1")
    assert capsys.readouterr().out.splitlines()[-4:] == [
        "$ python -c 'print(1)'",
        "(not run: there is no environment for broken)",
        "$ python -c 'print(1)'",
        "(not run: there is no environment for broken)",
    ]
