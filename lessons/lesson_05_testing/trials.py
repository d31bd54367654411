"""Running somebody's tests against versions of `mailer.py`, in one process: what the check and `make try-5` do.

There is one run of pytest. For each version, and for each of the two orders, the file with the tests is loaded afresh, as a
new process would, with this version in the place of `mailer.py`. Then its tests run, several times. With a broken version,
the first test that is red ends the round: the version has been noticed.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from types import ModuleType
from typing import Any

import fakeredis
import pytest
from _pytest.runner import runtestprotocol

import lessons.lesson_05_testing as package
from lessons.course import telling
from lessons.course.catalogue import compiled
from lessons.course.seen import Scope
from lessons.course.witness import Process, Witness
from lessons.kit import mail
from lessons.kit.wire import in_place_of_the_network
from minijobs import connect, testing
from minijobs.client import Client

from . import fixtures
from .versions import AS_IT_IS, BROKEN, MAILER, Version

OPTIONS = ("-qq", "-s", "--noconftest", "--tb=no", "--no-header", "--no-summary", "--assert=plain")
OPTIONS += ("-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:unraisableexception")
OPTIONS += ("-o", "filterwarnings=", "-o", "addopts=")

# By which names a test may import what it tests.
NAMES = ("lessons.lesson_05_testing.mailer", "mailer")

MODES = {testing._really: "none", testing._keep: "fake", testing._run_all: "inline"}

LOADING = "(loading the file)"


@dataclass(frozen=True)
class Before:
    """What a test found when it began."""

    jobs: int
    mails: int
    mode: str

    def __str__(self) -> str:
        return f"{self.jobs} jobs in the list, {self.mails} mails in the inbox, mode: {self.mode}"


@dataclass
class Trial(Scope):
    """A test that ran once, against one version."""

    test: str = ""
    version: Version | None = None
    backwards: bool = False
    time: int = 1
    green: bool = True
    before: Before = field(default_factory=lambda: Before(0, 0, "none"))

    @property
    def when(self) -> str:
        """Which of the runs it was, in words."""
        order = "from the last to the first" if self.backwards else "in their order"
        return f"{order}, {'for the first time' if self.time == 1 else 'for the second time in one process'}"


def run(witness: Witness, versions: Iterable[Version], *, once: bool = False) -> list[Trial]:
    """Run the tests in the witness's file against these versions. Returns what became of each test, each time that it ran.

    They run in both orders, and twice in one process; in the second order that only with `mailer.py` as it is. With `once`,
    they run once.
    """
    tested = [
        Tested(
            witness,
            version,
            backwards,
            times=1 if once or (backwards and version is not AS_IT_IS) else 2,
            one_red_will_do=version in BROKEN and not once,
        )
        for version in versions
        for backwards in ([False] if once else [False, True])
    ]
    plugin = Plugin(witness, tested)
    given = ModuleType("given")
    vars(given).update(inbox=fixtures.inbox, fake_jobs=fixtures.fake_jobs)
    environment = dict(os.environ)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        with in_place_of_the_network():
            pytest.main([*OPTIONS, f"--rootdir={witness.answer.parent}", str(witness.answer)], plugins=[plugin, given])
    finally:
        os.environ.clear()
        os.environ.update(environment)
    return [*plugin.trials, *(one.not_loaded(n) for one in tested if one.error is not None for n in range(1, one.times + 1))]


class Tested(Process):
    """A process that has loaded the tests, with a version in the place of `mailer.py`."""

    def __init__(
        self, witness: Witness, version: Version, backwards: bool, times: int, *, one_red_will_do: bool = False
    ) -> None:
        self.version, self.backwards, self.times = version, backwards, times
        self.one_red_will_do = one_red_will_do
        self.error: Exception | None = None  # what loading the tests raised
        self._mailer = _empty_mailer()
        self._modules: list[ModuleType | None] = [self._mailer] * len(NAMES)
        self._attribute: ModuleType | None = self._mailer
        self._waiting: list[tuple[str, str]] = []
        self._inbox: mail.Inbox | None = None
        super().__init__(witness)

    def load(self, answer: Path) -> Any:
        connect(fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 0))))
        exec(compiled(self.version.source, MAILER), vars(self._mailer))
        module = sys.modules["exercise"] = ModuleType("exercise")
        module.__file__ = str(answer)
        try:
            exec(compiled(answer.read_bytes(), answer), vars(module))
        except Exception as error:
            if self.version is AS_IT_IS:
                raise
            self.error = error
            return ModuleType("exercise")
        return module

    def not_loaded(self, time: int) -> Trial:
        """What stands for the tests, if they could not be loaded with this version: one that is red."""
        label = f"loading the tests, with {self.version}"
        return Trial(
            label, error=self.error, test=LOADING, version=self.version, backwards=self.backwards, time=time, green=False
        )

    def _swap(self) -> None:
        super()._swap()
        for number, name in enumerate(NAMES):
            theirs = sys.modules.pop(name, None)
            if (ours := self._modules[number]) is not None:
                sys.modules[name] = ours
            self._modules[number] = theirs
        attribute = vars(package).pop("mailer", None)
        if self._attribute is not None:
            vars(package)["mailer"] = self._attribute
        self._attribute = attribute
        waiting = list(testing._waiting)
        testing._waiting[:] = self._waiting
        self._waiting = waiting
        mail._inbox, self._inbox = self._inbox, mail._inbox


class Plugin:
    """A plugin of pytest's: it collects the tests once for each time that they are to run, and writes down what happens."""

    def __init__(self, witness: Witness, tested: list[Tested]) -> None:
        self.trials: list[Trial] = []
        self._witness, self._tested = witness, tested
        self._trial: Trial | None = None
        self._entered: Tested | None = None

    def pytest_pycollect_makemodule(self, module_path: Path, parent: Any) -> Any:
        return Everything.from_parent(parent, path=module_path, tested=self._tested)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        runs = groupby(list(items), key=_run_of)
        items[:] = [item for run, some in runs for item in (reversed(list(some)) if run.tested.backwards else some)]
        for item in items:  # nobody reads what pytest says of a red test, and it takes longer than the test
            item.repr_failure = lambda *_: "red"  # type: ignore[method-assign]

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Iterator[Any]:
        with collector.tested if isinstance(collector, OneRun) else nullcontext():
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        run = _run_of(item)
        if run.enough:
            pytest.CallInfo.from_call(lambda: item.session._setupstate.teardown_exact(nextitem), "teardown")
            return True
        name = item.nodeid.partition("::")[2].replace("::", ".")
        self._enter(run.tested)
        self._trial = trial = Trial(
            f"{name}, with {run.tested.version}, {'backwards' if run.tested.backwards else 'forwards'}",
            test=name,
            version=run.tested.version,
            backwards=run.tested.backwards,
            time=run.time,
        )
        self.trials.append(trial)
        self._witness._naps = 0
        with self._witness._during(trial):
            runtestprotocol(item, log=False, nextitem=nextitem)
        trial.ended.set()
        telling.goes_on()
        run.enough = run.tested.one_red_will_do and not trial.green
        return True

    def pytest_sessionfinish(self) -> None:
        self._enter(None)

    def _enter(self, tested: Tested | None) -> None:
        """Be in this process from now on, and no more in the one before."""
        if self._entered is not tested:
            if self._entered is not None:
                self._entered.__exit__()
            if tested is not None:
                tested.__enter__()
            self._entered = tested

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self) -> Iterator[Any]:
        if self._trial is not None:
            mails = 0 if mail._inbox is None else len(mail._inbox)
            self._trial.before = Before(len(testing._waiting), mails, MODES.get(Client._send, "none"))
        try:
            return (yield)
        except (pytest.exit.Exception, KeyboardInterrupt) as error:
            raise RuntimeError("the test ended the whole run of pytest") from error

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Iterator[Any]:
        report = yield
        if report.failed and self._trial is not None:
            self._trial.green = False
            if self._trial.error is None and call.excinfo is not None:
                self._trial.error = _plain(call.excinfo.value)
        return report


class Everything(pytest.File):
    """The file with the tests, as often as it is to run."""

    def __init__(self, *, tested: list[Tested], **rest: Any) -> None:
        super().__init__(**rest)
        self._tested = tested

    def collect(self) -> Iterator[Any]:
        for number, tested in enumerate(self._tested):
            for time in range(1, tested.times + 1):
                yield OneRun.from_parent(self, path=self.path, nodeid=f"run-{number}-{time}", tested=tested, time=time)


class OneRun(pytest.Module):
    """All tests of the file, once."""

    def __init__(self, *, tested: Tested, time: int, **rest: Any) -> None:
        super().__init__(**rest)
        self.tested, self.time = tested, time
        self.enough = False  # whether this round has shown what it was to show

    def _getobj(self) -> Any:
        return self.tested.module


def _plain(error: BaseException) -> BaseException:
    """What pytest itself raises, in words of one line."""
    if isinstance(error, pytest.FixtureLookupError):
        return LookupError(f"There is no fixture {error.argname}. There are fake_jobs, inbox, and those of pytest.")
    if isinstance(error, pytest.fail.Exception):
        first = pytest.fail.Exception(str(error).partition("\n")[0])
        return first.with_traceback(error.__traceback__)
    return error


def _run_of(item: pytest.Item) -> OneRun:
    run = item.getparent(OneRun)
    assert run is not None
    return run


def _empty_mailer() -> ModuleType:
    """A module in the place of `mailer.py`, with nothing in it yet."""
    spec = importlib.util.spec_from_file_location(NAMES[0], MAILER)
    assert spec is not None
    return importlib.util.module_from_spec(spec)
