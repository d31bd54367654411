"""The site, built once, below a prefix, as it may be on somebody's host."""

from __future__ import annotations

import fcntl
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons.browser import build, serve

PREFIX = "/some/where/"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of the site. Tests that run side by side share it."""
    if shutil.which("npm") is None:
        pytest.skip("no npm on PATH: the site is built with it")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / build.LAST).exists():
            build.build(folder)
    return folder


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served."""
    server = serve.server(site, prefix=PREFIX)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}{PREFIX}"
    server.shutdown()
    server.server_close()
    thread.join()
