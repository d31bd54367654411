"""What the tests share: the two Redises, and the rule that under CI nothing is skipped."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import fakeredis
import pytest
import redis as redis_py

from minijobs import connection, middleware, retry, worker

if TYPE_CHECKING:  # not installed where only the library's own tests are run: see `make test-pythons`
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def real_redis_url() -> Iterator[str]:
    """A private Redis server of this test run's own, on a Unix socket; it keeps nothing."""
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        pytest.skip("no redis-server or valkey-server on PATH: tests on a real Redis need one")
    with tempfile.TemporaryDirectory(prefix="minijobs-") as folder:
        socket = Path(folder) / "redis.sock"
        settings = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", folder]
        with subprocess.Popen([binary, *settings], stdout=subprocess.DEVNULL) as server:
            client = redis_py.Redis(unix_socket_path=str(socket))
            deadline = time.monotonic() + 60
            while not socket.exists() or not _answers(client):
                assert time.monotonic() < deadline, "redis-server did not start within a minute"
                time.sleep(0.01)
            yield f"unix://{socket}"
            server.terminate()


@pytest.fixture(params=["fakeredis", "real"])
def redis(request: pytest.FixtureRequest) -> Iterator[redis_py.Redis]:
    """An empty Redis that every Worker uses: once embedded, once a real server. Whatever touches Redis is tested on both."""
    if request.param == "real":
        client = connection.connect(str(request.getfixturevalue("real_redis_url")))
        client.flushdb()
    else:
        client = connection.connect(fakeredis.FakeRedis(server=fakeredis.FakeServer(version=(7, 0))))
    yield client
    client.close()


@pytest.fixture(scope="module")  # not longer: while playwright runs, nothing else can start an event loop
def browser() -> Iterator[Browser]:
    """A real browser, the one that is installed. `browser.new_page()` is a fresh visitor."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if binary is None:
        pytest.skip("no chromium on PATH: tests of the pages need a real browser")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=120_000)  # milliseconds that something may take on a busy machine
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to run as root, as it does in a container.
        chromium = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"] if os.getuid() == 0 else [])
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a test defines, connects and adds is gone after it."""
    known = dict(worker.registry)
    monkeypatch.setattr(connection, "_current", None)
    retry.death_handlers.clear()
    monkeypatch.setattr(middleware, "client", middleware.Chain())
    monkeypatch.setattr(middleware, "server", middleware.Chain())
    yield
    worker.registry.clear()
    worker.registry.update(known)
    if testing := sys.modules.get("minijobs.testing"):
        testing.clear_all()


# The files that take longest, in this order: they are begun first, so that in the end nobody waits for the last of them.
LONGEST_FIRST = (
    *("python", "fresh_clone", "course_cells", "exercises", "application_exercise", "app_browser", "notebooks", "wheel"),
    *("every_page", "course_player", "web_browser", "worker_process", "platforms", "fuzz", "chaos", "later_stories"),
    *("production", "app_process", "course_commands", "interop", "kit_processes", "scaffold", "worker_processes"),
    "late_commands",
)


def pytest_configure() -> None:
    # A shell lets what it starts in the background ignore Ctrl-C, and that is inherited by whatever the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {f"test_{name}.py": number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.hookimpl(optionalhook=True)  # where pytest-xdist is not installed, nobody asks
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: most tests wait, for processes, browsers and moments."""
    return (os.cpu_count() or 1) + 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if skipped_under_ci(terminalreporter.config):
        terminalreporter.write_line("CI=true, and tests were skipped: a part is missing that CI must install.", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if exitstatus == pytest.ExitCode.OK and skipped_under_ci(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def skipped_under_ci(config: pytest.Config) -> bool:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return os.environ.get("CI") == "true" and reporter is not None and bool(reporter.stats.get("skipped"))


def _answers(client: redis_py.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis_py.ConnectionError:
        return False
