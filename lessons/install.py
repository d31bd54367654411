"""Install what a part of the course needs: python -m lessons.install check. It needs Python and its pip, nothing else.

    python -m lessons.install check --download wheels    puts it into a folder instead, for machines without the internet

The parts are the groups in pyproject.toml. pip can install a group by itself from 25.1 on. Python 3.11 comes with an older
one, and nobody should have to wait for a newer one before lesson 1.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import sysconfig
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]

QUIETLY = ("--quiet", "--disable-pip-version-check", "-c", "constraints.txt")


def main(words: list[str]) -> int:
    """Install what is needed for the part that is named. Returns the exit code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    parser = argparse.ArgumentParser(
        prog="python -m lessons.install", description="Install what a part of the course needs."
    )
    parser.add_argument("part", choices=list(groups))
    parser.add_argument("--download", metavar="FOLDER", type=Path, help="only put it into this folder")
    options = parser.parse_args(words)
    needed = requirements(groups, options.part)
    if options.download:
        build = project["build-system"]["requires"]
        return pip("wheel", "--wheel-dir", str(options.download.absolute()), ".", *build, *needed)
    # Not compiled: Python compiles what it imports, and that is a small part.
    code = pip("install", "--no-compile", "-e", ".", *needed)
    if code == 0:
        point_here(Path(sysconfig.get_path("purelib")), ROOT)
    return code


def pip(*words: str) -> int:
    """Run this Python's pip, in the project's folder. Returns its exit code."""
    return subprocess.call([sys.executable, "-m", "pip", *words, *QUIETLY], cwd=ROOT)


def requirements(groups: dict[str, list[Any]], name: str) -> list[str]:
    """What this group needs, and the groups that it includes.

    >>> requirements({"a": ["one>=1"], "b": [{"include-group": "a"}, "two"]}, "b")
    ['one>=1', 'two']
    """
    found: list[str] = []
    for one in groups[name]:
        found += requirements(groups, one["include-group"]) if isinstance(one, dict) else [one]
    return found


def point_here(packages: Path, root: Path) -> None:
    """Where this folder's path has letters beyond ASCII, write down how to get here from the installed packages instead.

    pip has written the path into a file that Python reads at each start, and Python 3.11 and 3.12 read it in the encoding of
    the locale. They do not even start where that encoding lacks the letters: on Windows, and under LC_ALL=C.
    """
    file = packages / "minijobs.pth"
    if not str(root).isascii():
        with suppress(ValueError):  # on another drive of Windows there is no way
            file.write_text(f"{os.path.relpath(root, packages)}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
