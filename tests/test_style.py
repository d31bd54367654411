"""How the code is written: formatted, linted, typed; which module may know which; and small."""

from __future__ import annotations

import ast
import io
import re
import shutil
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "minijobs").rglob("*.py"))

# From the ground up. A module knows only those before it; no import is an exception, not one for types either.
FROM_THE_GROUND_UP = (
    *("fields", "job", "clock", "errors", "connection", "middleware", "log"),
    *("client", "worker"),
    *("scripts", "fetch", "backtrace", "retry", "scheduled", "processor", "heartbeat", "rescue"),
    *("api", "overview", "stats", "clearing"),
    *("work_queue", "held_jobs", "dispatcher", "lifecycle", "signals", "server"),
    *("testing", "preflight", "monitor", "console"),
    *("web", "cli", "__main__"),
    "__init__",
)

# What pushes and runs jobs: the part that is read to learn how a job library works. The rest looks at it, and helps whoever
# writes Workers; the README's map draws the same line.
CORE = {
    *("fields", "job", "clock", "errors", "connection", "middleware", "log", "client", "worker", "scripts", "fetch"),
    *("backtrace", "retry", "scheduled", "processor", "heartbeat", "rescue"),
    *("work_queue", "held_jobs", "dispatcher", "lifecycle", "signals", "server"),
}
# The core is read in one sitting, so its size is a promise. The bound is what it has, with no room to spare: to add a line,
# find one that can go, or say here what is worth more. It was 1,349 before the library was held against what others had met
# on a bad day: late commands, a full Redis, failovers, children, clocks, errors told apart. What is correct grew it by half,
# to 2,160; a second attack, on what middleware, hooks, logging and embedding programs may do to a job, by another twentieth;
# a third, with the reports of other projects (gevent, Dragonfly, proxies, open files, closed terminals), by 21 lines; clocks
# that a test has stopped, TLS, odd host names and a Redis that has lost its data, by 40; and a fourth, with the reports of
# Hangfire, Horizon, River, Solid Queue and others (connections that another thread closed, commands too large for a
# service), by another 25; a fifth, with relatives of what had been found (forks in hooks, a full Redis drained job by job,
# bulks over several queues, numbers without end), by 44.
# No feature did, but for what a program does at the start and the end of a process (lifecycle), 35 lines. The states of a
# thread, a leader's turn, and files of their own for signals and backtraces are there so that a reader can follow; most of
# those lines were taken from code that was there twice.
# One more keeps a newline in a class name or a jid from writing a line of the log of its own; and seven make up the keys of
# the busiest command once, and not for each job, which took a tenth of Python's time.
MOST_LINES_OF_THE_CORE = 2_483
# The last 14 keep a traceback away: nonsense among what a process reports, a queue whose key is no list, a time that no push
# would take, a jid that JSON escapes, a module that raises an exception of its own.
MOST_LINES = 4_237  # all of it, but for the web pages; 200 of them are `--processes` (supervisor)
MOST_LINES_OF_A_FILE = 200

# Paths of one machine, and the hosts of package registries: nobody else has the ones, and everybody has their own others.
OUT_OF_PLACE = re.compile(
    r"(?:(?<![\w.])|\[\d+m)/(?:work|root|opt/pypi)/|python[h]osted\.|registry[.]npmjs|deb[.]debian[.]org|pypi[.]org/simple"
)


def tool(*command: str) -> None:
    """Run a tool over the whole repository."""
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_ruff_has_nothing_to_format() -> None:
    tool("ruff", "format", "--check", ".")


def test_ruff_has_no_complaint() -> None:
    tool("ruff", "check", ".")


def test_mypy_has_no_complaint() -> None:
    tool("mypy")


def test_mypy_has_no_complaint_of_a_program_that_uses_minijobs(tmp_path: Path) -> None:
    program = shutil.copy(ROOT / "tests" / "typed_program.py", tmp_path)
    kept = f"--cache-dir={ROOT / '.mypy_cache'}"  # most of the work is redis-py, which the test above has had looked at too
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", kept, program]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


# Who knows whom


def imports(source: str, folder: tuple[str, ...] = ()) -> Iterator[str]:
    """What a module of minijobs, or of a folder in it, imports, wherever in it, as full names: `minijobs.job`, `json`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(("minijobs", *folder[: len(folder) + 1 - node.level]))
            yield from [f"{base}.{node.module}"] if node.module else (f"{base}.{alias.name}" for alias in node.names)


def wrong_way(name: str, source: str) -> list[str]:
    """The modules of minijobs that this one may not know."""
    folder = (name,) if (ROOT / "minijobs" / name).is_dir() else ()
    mine = [
        full.split(".")[1] if "." in full else "__init__"
        for full in imports(source, folder)
        if full.split(".")[0] == "minijobs"
    ]
    rank = FROM_THE_GROUND_UP.index
    return [other for other in mine if rank(other) > rank(name) or (other == name and not folder)]


def module(path: Path) -> str:
    """The module of minijobs, or its package, that a file belongs to."""
    return path.relative_to(ROOT / "minijobs").with_suffix("").parts[0]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_arrows_point_down_only(path: Path) -> None:
    assert wrong_way(module(path), path.read_text()) == []


@pytest.mark.parametrize(
    "source",
    [
        "from . import worker",
        "from .worker import Worker",
        "import minijobs.worker",
        "from minijobs.worker import Worker",
        "import minijobs",
        "def late():\n    from .worker import find",
        "if TYPE_CHECKING:\n    from .worker import Worker",
    ],
)
def test_an_arrow_that_points_up_is_seen(source: str) -> None:
    assert wrong_way("client", source) in (["worker"], ["__init__"])
    assert wrong_way("worker", "from . import middleware\nfrom .client import Client") == []
    assert (
        wrong_way("web", "from . import words\nfrom .words import line\nfrom .. import connection\nfrom ..api import Queue")
        == []
    )
    assert wrong_way("web", "from .. import cli\nfrom ..cli.commands import show") == ["cli", "cli"]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_library_imports_redis_and_the_standard_library_only(path: Path) -> None:
    # So neither lessons nor fakeredis, which are for learning and for tests; in a docstring's example they may be.
    known = {"minijobs", "redis", *sys.stdlib_module_names}
    known |= {"flask", "waitress", "werkzeug"} if module(path) == "web" else set()
    known |= {"pytest"} if module(path) == "testing" else set()
    known |= {"watchfiles"} if path.stem == "reload" else set()
    assert {name.split(".")[0] for name in imports(path.read_text())} <= known


# Small


def lines_of_code(source: str) -> int:
    """How many lines hold code: no blank ones, no comments, no docstrings."""
    nothing = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in nothing]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    for node in ast.walk(ast.parse(source)):
        # A docstring, or one under an attribute: text that nobody uses.
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def test_lines_of_code_are_counted() -> None:
    counted = 'x = 1  # one\ndef f(\n    a,\n):\n    return """a\nb"""\n'
    assert lines_of_code(counted) == 6
    not_counted = '"""Doc\nstring."""\n\n# comment\nx = 1\n"""About x."""\n\n\ndef f():\n    """Doc."""\n'
    assert lines_of_code(not_counted) == 2


def test_no_file_of_the_library_is_long() -> None:
    counts = {path.name: lines_of_code(path.read_text()) for path in LIBRARY}
    assert {name: count for name, count in counts.items() if count > MOST_LINES_OF_A_FILE} == {}


def test_the_library_is_small() -> None:
    counts = {path: lines_of_code(path.read_text()) for path in LIBRARY if module(path) != "web"}
    assert sum(count for path, count in counts.items() if module(path) in CORE) < MOST_LINES_OF_THE_CORE
    assert sum(counts.values()) < MOST_LINES


def test_the_core_needs_nothing_of_the_rest() -> None:
    for path in LIBRARY:
        if module(path) in CORE:
            names = {full.split(".")[1] for full in imports(path.read_text()) if full.startswith("minijobs.")}
            assert names <= CORE, path.name


# Everywhere


def test_nothing_tracked_names_a_place_of_one_machine() -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file():
            lines = path.read_text(errors="replace").splitlines()
            found += [
                f"{name}:{number}: {line.strip()[:100]}" for number, line in enumerate(lines, 1) if OUT_OF_PLACE.search(line)
            ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "in /wor" + "k/main",
        '"/roo' + 't/x"',
        "https://files.python" + "hosted.org/x",
        "\\u001b[32m/wor" + "k/main",
        "/opt/py" + "pi/simple",
    ],
)
def test_a_place_of_one_machine_is_seen(text: str) -> None:
    assert OUT_OF_PLACE.search(text)
    assert not OUT_OF_PLACE.search("lessons/work/main, https://example.com/work/, network/")
