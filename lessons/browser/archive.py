"""`course.zip`: what a lesson needs in a browser, as one file; and `checks.zip`: what a check needs beside it.

The same files make the same bytes.

What is written in Python comes from where it is installed here. Of two packages a browser needs something else: a
Hypothesis that was compiled for it, and Lua that is written in Python. pip downloads these.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution, version
from pathlib import Path

from lessons.course.catalogue import LESSONS, Lesson, lessons

ROOT = LESSONS.parent

# The lessons that run in a browser. The others are about processes, of which a browser has none.
LIVE = (1, 2, 3, 4, 5, 7)

# What the lessons and checks import. `tzdata` has the time zones, which a browser keeps to itself.
PACKAGES = (
    *("redis", "fakeredis", "sortedcontainers"),
    *("rich", "simpy", "tzdata"),
)
FOR_CHECKS = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")
PYODIDE = ("--python-version=3.14", "--implementation=cp", "--platform=pyemscripten_2026_0_wasm32", "--platform=any")

# Of these packages and folders a lesson in a browser needs nothing, but for what comes next.
NOT_NEEDED = (
    *("pygments/filters/", "pygments/formatters/", "pygments/lexers/", "pygments/styles/"),
    "minijobs/web/",
    "lessons/app/",
    "lessons/browser/",
    "redis/asyncio/multidb/",
    "redis/multidb/",
    "packaging/licenses/",
    "hypothesis/extra/",
)
NEEDED = (
    *("lessons/browser/__init__", "lessons/browser/inside/"),
    # pytest imports these, to highlight what nobody sees here
    *("pygments/filters/__init__", "pygments/styles/__init__", "pygments/styles/_mapping"),
    *("pygments/formatters/__init__", "pygments/formatters/_mapping", "pygments/formatters/terminal."),
    *("pygments/lexers/__init__", "pygments/lexers/_mapping", "pygments/lexers/diff", "pygments/lexers/python"),
)
OF_A_LESSON = ("answers", "mistakes")  # only tests read them

THEN = (1980, 1, 1, 0, 0, 0)  # a zip file cannot be older, and no moment of this build should be in it


def write(folder: Path, wheels: Path) -> list[Path]:
    """Write the two archives into this folder. `wheels` is a folder where what pip downloads is kept."""
    lua, hypothesis = _downloaded(wheels)
    return [
        _written(folder / "course.zip", {**_installed(PACKAGES), **_unpacked(lua), **_ours()}),
        _written(folder / "checks.zip", {**_installed(FOR_CHECKS), **_unpacked(hypothesis)}),
    ]


def _written(archive: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as course:
        for name, content in sorted(files.items()):
            if _is_needed(name):
                info = zipfile.ZipInfo(name, THEN)
                info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                course.writestr(info, content)
    return archive


def _ours() -> dict[str, bytes]:
    found = {name: (ROOT / name).read_bytes() for name in _names_of_ours()}
    for one in lessons():
        if one.number in LIVE:  # the exercise as it was handed out, and not the builder's own answer
            found[one.exercise.relative_to(ROOT).as_posix()] = one.stub.read_bytes()
    return found


def _names_of_ours() -> Iterator[str]:
    for package in ("minijobs", "lessons"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix()
    for one in lessons():
        yield (one.folder / "lesson.py").relative_to(ROOT).as_posix()
        if one.number in LIVE:
            yield (one.folder / "hints.md").relative_to(ROOT).as_posix()


def _is_needed(name: str) -> bool:
    if name.startswith(NOT_NEEDED) and not name.startswith(NEEDED):
        return False
    one = next((one for one in lessons() if name.startswith(f"lessons/{one.folder.name}/")), None)
    return one is None or _belongs_to_it(one, name)


def _belongs_to_it(one: Lesson, name: str) -> bool:
    inside = name.split("/")[2]
    return inside not in OF_A_LESSON and (one.number in LIVE or inside == "lesson.py")


def _installed(packages: tuple[str, ...]) -> dict[str, bytes]:
    """The files of packages that are installed here. Raises PackageNotFoundError if one is not."""
    files = {path.as_posix(): path for package in packages for path in distribution(package).files or ()}
    unwanted = (".pyc", ".so", "/RECORD", "/INSTALLER", "/REQUESTED", "direct_url.json")
    return {
        name: Path(str(path.locate())).read_bytes()
        for name, path in files.items()
        if not name.startswith("..") and not name.endswith(unwanted)
    }


def _downloaded(folder: Path) -> list[Path]:
    """The wheels of Lua and of Hypothesis; pip downloads those that are not in the folder yet."""
    wanted = {"abstra_lua": "0.0.1", "hypothesis": version("hypothesis")}
    there = {name: next(folder.glob(f"{name}-{number}-*.whl"), None) for name, number in wanted.items()}
    missing = [f"{name}=={wanted[name]}" for name, wheel in there.items() if wheel is None]
    if missing:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*command, "--only-binary=:all:", *PYODIDE, f"--dest={folder}", *missing], check=True)
        return _downloaded(folder)
    return [wheel for wheel in there.values() if wheel is not None]


def _unpacked(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as content:
        return {name: content.read(name) for name in content.namelist() if not name.endswith("/")}
