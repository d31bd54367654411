"""`make test-pythons` takes a minute or two. Here: that what it leaves out is there to be left out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def pythons():
    spec = importlib.util.spec_from_file_location("pythons", ROOT / "tests" / "pythons.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_what_is_left_out_is_there(pythons):
    for name in (*pythons.LEFT_OUT, *pythons.MOSTLY_WAITING):
        assert (ROOT / pythons.TESTS / f"test_{name}.py").exists(), name
    for name in pythons.DESELECTED:
        file, _, test = name.partition("::")
        assert re.search(rf"^def {test}\(", (ROOT / pythons.TESTS / file).read_text(encoding="utf-8"), re.MULTILINE), name


def test_the_oldest_versions_are_those_that_pyproject_names(pythons):
    pinned, oldest, newest = (pythons.constraints(kind) for kind in (None, "oldest", "newest"))
    assert "Flask==3.1.3" in pinned
    assert not {"Flask==3.1.3", "flask==3.1.3"} & {*oldest, *newest}
    assert {"flask==3.1", "waitress==3", "redis==8.1", "watchfiles==1.3", "hiredis==3.2"} <= set(oldest)
    assert {line.partition("==")[0] for line in newest} == set(pythons.TOOLS)


def test_where_there_is_no_other_python_it_says_so_and_goes_on(pythons, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert pythons.main() == 0
    assert "No other Python is here" in capsys.readouterr().out


def test_a_python_that_cannot_be_used_is_left_out_but_never_under_ci(pythons, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(pythons, "ROOT", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).touch()
    no_venv = tmp_path / "python3.99"
    no_venv.write_text("#!/bin/sh\necho no module named venv; exit 1\n")
    no_venv.chmod(0o755)
    for ci, passes in (("", True), ("true", False)):
        monkeypatch.setenv("CI", ci)
        assert pythons.on("3.99", str(no_venv)) is passes
        assert "no module named venv" in capsys.readouterr().out


def test_environments_can_be_made_before_anything_is_run(pythons, monkeypatch):
    made = []
    monkeypatch.setattr(pythons, "find", lambda version: f"/somewhere/python{version}")
    monkeypatch.setattr(pythons, "install", lambda version, python: made.append(version))
    monkeypatch.setattr(pythons, "on", lambda *which: pytest.fail(f"the tests are run on {which}"))
    assert pythons.main(["--install"]) == 0
    assert len(made) == len(pythons.VERSIONS) - 1


def test_that_an_environment_cannot_be_made_is_said_later(pythons, monkeypatch, capsys):
    monkeypatch.setattr(pythons, "find", lambda version: "/bin/false")
    monkeypatch.setattr(pythons, "install", lambda version, python: (_ for _ in ()).throw(pythons.Missing("No.")))
    assert pythons.main(["--install"]) == 0
    assert capsys.readouterr() == ("", "")
