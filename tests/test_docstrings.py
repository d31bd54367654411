"""Every example in a docstring is run, each as a test of its own; and what is public has one where it helps."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

import minijobs

PACKAGES = ("minijobs", "lessons.kit", "lessons.course", "lessons.app", "lessons.install")

# What a reader meets first: each shows how it is used, and says what Sidekiq calls it.
CENTRAL = [
    minijobs.Client.push,
    minijobs.Worker,
    minijobs.Worker.perform_bulk,
    minijobs.Worker.set,
    minijobs.Processor,
    minijobs.Queue,
    minijobs.connect,
    minijobs.poll,
]
EXAMPLES = [*CENTRAL, minijobs.Fetcher, minijobs.Heartbeat]
COUNTERPARTS = [
    *CENTRAL,
    minijobs.Client,
    minijobs.Client.push_bulk,
    minijobs.Fetcher.fetch,
    minijobs.Fetcher.acknowledge,
    minijobs.Fetcher.requeue,
    minijobs.Worker.perform_async,
    minijobs.Worker.perform_in,
    minijobs.Worker.perform_inline,
    minijobs.Worker.retry_in,
    minijobs.JobRecord,
    minijobs.RetrySet,
    minijobs.ScheduledSet,
    minijobs.DeadSet,
    minijobs.Stats,
]


def modules() -> Iterator[ModuleType]:
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        for found in pkgutil.walk_packages(getattr(package, "__path__", []), f"{name}."):
            yield importlib.import_module(found.name)


def examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    return [test for module in modules() for test in finder.find(module, module.__name__) if test.examples]


def public() -> Iterator[tuple[str, Any]]:
    """Everything in `minijobs.__all__`, and the public methods and properties of its classes."""
    for name in minijobs.__all__:
        thing = getattr(minijobs, name)
        yield name, thing
        if inspect.isclass(thing):
            own = {
                method: value
                for kind in thing.__mro__
                if kind.__module__.startswith("minijobs")
                for method, value in vars(kind).items()
            }
            for method, value in own.items():
                if not method.startswith("_") and (
                    callable(value) or isinstance(value, (property, classmethod, staticmethod))
                ):
                    yield f"{name}.{method}", value


def complaint(example: doctest.DocTest) -> str:
    """What doctest says about an example that does not do what it shows."""
    said: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=said.append)
    return "".join(said)


@pytest.mark.parametrize("example", examples(), ids=lambda test: test.name)
def test_example(example: doctest.DocTest) -> None:
    assert complaint(example) == ""


def test_there_are_examples_in_every_package() -> None:
    names = [test.name for test in examples()]
    assert all(any(name.startswith(package) for name in names) for package in PACKAGES)


def test_an_example_that_is_wrong_fails() -> None:
    wrong = doctest.DocTestParser().get_doctest(">>> 1 + 1\n3\n", {}, "wrong", None, None)
    assert "Expected:\n    3\nGot:\n    2" in complaint(wrong)


@pytest.mark.parametrize(("name", "thing"), list(public()), ids=lambda value: value if isinstance(value, str) else "")
def test_what_is_public_has_a_docstring_of_its_own(name: str, thing: Any) -> None:
    assert (thing.__doc__ or "").strip(), f"{name} has no docstring"
    bases = thing.__mro__[1:] if inspect.isclass(thing) else ()
    assert thing.__doc__ not in [base.__doc__ for base in bases], f"{name} has only its base's docstring"


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_every_module_says_what_it_is(module: ModuleType) -> None:
    assert (module.__doc__ or "").strip()


@pytest.mark.parametrize("thing", EXAMPLES, ids=lambda thing: thing.__qualname__)
def test_what_is_central_has_an_example(thing: Any) -> None:
    assert ">>>" in inspect.getdoc(thing)


@pytest.mark.parametrize("thing", COUNTERPARTS, ids=lambda thing: thing.__qualname__)
def test_what_sidekiq_has_too_names_it(thing: Any) -> None:
    assert "Sidekiq" in inspect.getdoc(thing)
