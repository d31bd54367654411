"""`-r`: files with Workers, whatever they are called."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minijobs import worker
from minijobs.cli import loader, reload, run
from minijobs.console import Refused, Terminated

WORKER = "from minijobs import Worker\nclass {}(Worker):\n    def perform(self): ...\n"


@pytest.fixture(autouse=True)
def _as_python_found_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    modules = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file into a folder of the test's own."""

    def write(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    return write


def test_two_files_of_one_name_are_both_loaded_and_watched(write: Callable[[str, str], Path]) -> None:
    # Given two folders with a workers.py each
    files = [write(f"{name}/workers.py", WORKER.format(name)) for name in ("Ada", "Grace")]
    # When both are loaded, one of them twice
    for file in [*files, files[1]]:
        loader.load(str(file))
    # Then both Workers are known, once, and --reload watches both files
    assert {"Ada", "Grace"} <= set(worker.registry)
    assert set(files) <= set(reload.loaded_files())
    assert sum(getattr(module, "__file__", None) == str(files[1]) for module in sys.modules.values()) == 1


@pytest.mark.parametrize("name", ["queue", "calendar", "time", "resource", "json"])
def test_a_file_may_be_called_as_a_module_of_pythons_and_is_not_found_instead(
    write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    # Given such a file, and a Python that has not imported its own yet
    file = write(f"{name}.py", WORKER.format("Ada"))
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder not in ("", str(file.parent))])
    if name in ("calendar", "resource"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    # When it is loaded
    loader.load(str(file))
    # Then its Worker is known, and Python's own is what others import
    assert worker.registry["Ada"].__module__ != name
    assert getattr(__import__(name), "__file__", None) != str(file)


def test_a_file_finds_what_lies_beside_it_and_what_lies_here(write: Callable[[str, str], Path], tmp_path: Path) -> None:
    write("here_only.py", "")
    write("folder/beside_only.py", "")
    file = write("folder/mine.py", "import beside_only, here_only\n" + WORKER.format("Ada"))
    loader.load(str(file.relative_to(tmp_path)))
    assert worker.registry["Ada"].__module__ == "mine"


def test_a_file_of_a_taken_name_may_define_a_dataclass(write: Callable[[str, str], Path]) -> None:
    text = "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int\n"
    loader.load(str(write("queue.py", text)))
    assert sys.modules["queue_"].P(1).x == 1


def test_a_file_that_fails_is_refused_and_may_be_loaded_once_it_is_mended(write: Callable[[str, str], Path]) -> None:
    file = write("broken.py", "1 / 0")
    with pytest.raises(Refused, match=r"broken\.py cannot be loaded: ZeroDivisionError"):
        loader.load(str(file))
    assert "broken" not in sys.modules
    write("broken.py", WORKER.format("Mended") + "# and longer than it was")
    loader.load(str(file))
    assert "Mended" in worker.registry


def test_a_pipe_in_a_queues_name_is_refused() -> None:
    with pytest.raises(Refused, match=r"^-q a\|b,3: a queue.s name, and .* no \| in it"):
        run.queues_and_weights(["a|b,3"])


def test_a_file_of_a_package_is_the_package_s_module(write: Callable[[str, str], Path]) -> None:
    # Given a package whose parts import each other, some by where they are
    write("shop_of_test/__init__.py", "")
    write("shop_of_test/prices.py", "PRICE = 1\n")
    file = write("shop_of_test/workers.py", "from .prices import PRICE\n" + WORKER.format("PackagedMail"))
    write("shop_of_test/other.py", "from shop_of_test.workers import PackagedMail\n")
    # When a file of it is loaded, by its path, and then what imports it by its name
    loader.load(str(file))
    loader.load("shop_of_test/other.py")
    # Then it is one module
    assert worker.registry["PackagedMail"].__module__ == "shop_of_test.workers"


def test_a_file_of_a_package_whose_name_another_one_has_is_loaded_by_itself(write: Callable[[str, str], Path]) -> None:
    write("json/__init__.py", "")
    file = write("json/workers.py", WORKER.format("MailOfJson"))
    loader.load(str(file))
    assert worker.registry["MailOfJson"].__module__ == "workers"


def test_a_module_that_raises_an_exception_of_its_own_is_one_sentence(write: Callable[[str, str], Path]) -> None:
    file = write("raises_its_own.py", "class Stop(BaseException): ...\nraise Stop('now')")
    with pytest.raises(Refused, match=r"raises_its_own\.py cannot be loaded: Stop: now$"):
        loader.load(str(file))


@pytest.mark.parametrize("kind", [KeyboardInterrupt, Terminated])
def test_a_module_that_is_interrupted_while_it_is_loaded_is_interrupted(
    write: Callable[[str, str], Path], kind: type[BaseException]
) -> None:
    file = write("is_interrupted.py", f"from {kind.__module__} import {kind.__name__} as Kind\nraise Kind")
    with pytest.raises(kind):
        loader.load(str(file))
