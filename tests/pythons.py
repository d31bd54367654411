"""The library's tests on every other Python that is here: `make test-pythons`.

What may differ between Pythons: how deep JSON may be nested, how threads take turns and how many round trips that costs,
logging, contexts, exceptions and their tracebacks, fork, signals, types at run time. So all of the library's tests are run
but those that start processes by the dozen, where Redis and the kernel are tried out, and the dashboard's and the tools'.
What is tested on both Redises is tested on a real server alone, if one is here: the embedded one takes as long, and is the
same in every Python. Tests with made-up values take fewer of them. On the Python of `.venv`, `make test` runs everything.

Each Python has an environment of its own with as little in it as will do, made once. The Pythons run side by side, each in
two halves, of which one mostly waits.

Two of them also prove what `pyproject.toml` says of versions. On one, the packages that the library and its extras need are
the oldest that are allowed there; on the other, the newest that there are. These two run the dashboard's tests as well, but
for those that need a browser.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
TESTS = "tests/minijobs"

# They start many processes or need a tool; some of what may differ is in the files that are run, too.
LEFT_OUT = (
    *("chaos", "commands", "failover", "fuzz", "interop", "late_commands", "production", "reload", "scaffold", "testing"),
)
DESELECTED = (
    "test_worker_process.py::test_two_signals_at_nearly_the_same_time_end_it",  # 60 processes
    "test_worker_process.py::test_a_killed_process_loses_nothing_and_another_one_finishes_its_jobs",
    "test_worker_process.py::test_an_idle_process_needs_next_to_nothing",
    "test_worker_process.py::test_a_pipe_that_nobody_reads_stops_nothing_and_the_reader_learns_how_many_lines_are_missing",
    "test_worker_process.py::test_an_atexit_handler_that_hangs_does_not_keep_the_process",
)
MOSTLY_WAITING = ("server", "worker_process")

# On which Python which versions; on the others, those of constraints.txt.
VERSIONS_OF_PACKAGES = {"3.12": "oldest", "3.13": "newest"}

TOOLS = ("pytest", "fakeredis", "hypothesis")
INSTALLED = ("-e", ".[web,reload,fast]", "pytest", "fakeredis[lua]", "hypothesis")
WEB = [f"{TESTS}/web/test_web_{name}.py" for name in ("actions", "command", "health", "pages", "search", "security")]


class Missing(Exception):
    """A Python that is here cannot be used. The message says why."""


def main(words: Sequence[str] = ()) -> int:
    """Returns the exit code. With --install, the environments are made, and nothing is run."""
    versions = [version for version in VERSIONS if version != "{}.{}".format(*sys.version_info)]
    found = {version: python for version in versions if (python := find(version))}
    if not found:
        print(f"No other Python is here to run the library's tests on: none of {', '.join(versions)} is on the PATH.")
        return 0
    with ThreadPoolExecutor(len(found)) as pool:
        if "--install" in words:
            list(pool.map(made, found, found.values()))
            return 0
        print(f"The library's tests, on Python {' and '.join(found)} …", flush=True)
        return int(not all(list(pool.map(on, found, found.values()))))


def find(version: str) -> str:
    """The path of this Python; empty if it is not here."""
    name = f"python{version}"
    if shutil.which(name) is None:
        return ""
    # Under pyenv the name alone is no Python: it has to be told which one is meant.
    code = "import sys; print(sys.executable)"
    run = subprocess.run([name, "-c", code], env=environment(PYENV_VERSION=version), capture_output=True, text=True)
    return run.stdout.strip()


def on(version: str, python: str) -> bool:
    """Whether the tests pass on this one. Prints how it went."""
    started = time.monotonic()
    try:
        folder = install(version, python)
    except Missing as error:
        print(f"Python {version} was left out: {error}", flush=True)
        return os.environ.get("CI") != "true"
    begun = time.monotonic()
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "--hypothesis-profile", "few"]
    if shutil.which("redis-server") or shutil.which("valkey-server"):
        command += ["-k", "not fakeredis"]
    waiting = [f"{TESTS}/test_{name}.py" for name in MOSTLY_WAITING]
    ignored = [f"--ignore={TESTS}/test_{name}.py" for name in (*LEFT_OUT, *MOSTLY_WAITING)]
    halves = (
        [*waiting, *(f"--deselect={TESTS}/{name}" for name in DESELECTED)],
        [TESTS, *(WEB if version in VERSIONS_OF_PACKAGES else []), f"--ignore={TESTS}/web", *ignored],
    )
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(lambda half: tell([*command, *half]), halves))
    for run in runs:
        lines = run.stdout.splitlines()
        print(f"Python {version}:", "\n".join(lines if run.returncode else lines[-1:]), flush=True)
    which = f" and the {kind} packages" if (kind := VERSIONS_OF_PACKAGES.get(version)) else ""
    taken = f"{begun - started:.0f} seconds to install, {time.monotonic() - begun:.0f} to test"
    print(f"Python {version}{which}: {taken}", flush=True)
    return not any(run.returncode for run in runs)


def made(version: str, python: str) -> None:
    """Make its environment. That it cannot be made is said when the tests are to run."""
    with suppress(Missing):
        install(version, python)


def install(version: str, python: str) -> Path:
    """Its environment, which is made unless it is there. Raises Missing."""
    folder = ROOT / f".venv-{version}"
    done = folder / "made"
    pinned = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes()).hexdigest()
    wanted = json.dumps([python, INSTALLED, VERSIONS_OF_PACKAGES.get(version), pinned])
    if done.exists() and done.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    inside = str(folder / "bin" / "python")
    # Not compiled: Python compiles what it imports, and that is a small part.
    quietly = (inside, "-m", "pip", "install", "--no-compile", "--quiet", "--disable-pip-version-check")
    without = ()
    if uv := os.environ.get("UV"):  # CI has it, and it takes a quarter of the time
        quietly, without = (uv, "pip", "install", "--quiet", "--python", inside), ("--without-pip",)
    chosen = folder / "constraints.txt"

    def must(*command: str) -> None:
        run = tell(command)
        if run.returncode:
            raise Missing(f"its environment cannot be made.\n{run.stdout}")

    must(python, "-m", "venv", *without, str(folder))
    chosen.write_text("\n".join(constraints(VERSIONS_OF_PACKAGES.get(version))))
    must(*quietly, *INSTALLED, "-c", str(chosen))
    done.write_text(wanted)
    return folder


def constraints(kind: str | None) -> list[str]:
    """What pip is to install: the versions of constraints.txt, but for the packages that the library needs itself."""
    pinned = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest = {}
    for one in itertools.chain(project["dependencies"], *project["optional-dependencies"].values()):
        name, _, versions = one.partition(">=")
        oldest[name] = f"{name}=={versions.partition(',')[0]}"
    if kind == "newest":  # all of them, and also what they need themselves
        return [line for line in pinned if line.partition("==")[0] in TOOLS]
    if kind == "oldest":
        return [line for line in pinned if line.partition("==")[0].lower() not in oldest] + list(oldest.values())
    return pinned


def tell(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run it here, with its errors among what it prints."""
    return subprocess.run(
        command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def environment(**more: str) -> dict[str, str]:
    """The environment without what belongs to the environment that this runs in."""
    ours = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "REDIS_URL", "MAKEFLAGS", "MAKELEVEL")
    return {name: value for name, value in os.environ.items() if name not in ours} | more


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
