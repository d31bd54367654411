"""Builds the site: pages, scripts, Python itself and the course's own modules. It asks no other host for anything."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Container
from pathlib import Path
from tempfile import TemporaryDirectory

from lessons.course.catalogue import LESSONS

from . import archive, pages

SITE = LESSONS.parent / "site"
PAGE = Path(__file__).parent / "page"
PACKAGES = PAGE / "node_modules"
WHEELS = PACKAGES / ".wheels"  # what pip has to give, kept from one build to the next

# What of the package `pyodide` a browser needs.
PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")

# The only files of `page` that are copied as they are; page.js is bundled with the editor, and all that it imports.
COPIED = ("page.css", "icon.svg", "python.js")


# Written last: where it is, the site is complete.
LAST = "service-worker.js"


class CannotBuild(Exception):
    """The site cannot be built here. The message says what to do."""


def build(site: Path = SITE) -> int:
    """Build all of it afresh. Returns the size of what a browser loads before the first cell runs, in bytes."""
    _install()
    shutil.rmtree(site, ignore_errors=True)
    for folder in ("page", "pyodide"):
        (site / folder).mkdir(parents=True)
    for name in COPIED:
        shutil.copyfile(PAGE / name, site / "page" / name)
    for name in PYODIDE:
        shutil.copyfile(PACKAGES / "pyodide" / name, site / "pyodide" / name)
    _bundle(site / "page" / "page.js")
    _course(site)
    loaded = sum(size for name, size in sizes(site).items() if name.startswith(("pyodide/", "course.")))
    for name, html in pages.every_page(round(loaded / 1e6)):
        (site / name).write_text(html, encoding="utf-8")
    (site / "manifest.json").write_text(json.dumps({"files": sizes(site)}, indent=1), encoding="utf-8")
    worker = (PAGE / LAST).read_text(encoding="utf-8")
    (site / LAST).write_text(worker.replace('"VERSION"', f'"{_version(site)}"'), encoding="utf-8")
    return loaded


def sizes(site: Path) -> dict[str, int]:
    """The files of the site, with their sizes in bytes."""
    return {path.relative_to(site).as_posix(): path.stat().st_size for path in sorted(site.rglob("*")) if path.is_file()}


def _version(site: Path) -> str:
    """Another one whenever a file of the site is another one."""
    digest = hashlib.sha256()
    for name in sizes(site):
        digest.update(name.encode() + b"\0" + (site / name).read_bytes())
    return digest.hexdigest()[:16]


def _install() -> None:
    """What npm has to give, if it is not here yet."""
    lock, installed = PAGE / "package-lock.json", PACKAGES / ".installed"
    if installed.exists() and installed.read_bytes() == lock.read_bytes():
        return
    npm = shutil.which("npm")
    if npm is None:
        raise CannotBuild("The site is built with Node.js and npm, and there is no npm on the PATH.")
    print("Installing what the pages need, once …", flush=True)
    if subprocess.run([npm, "ci", "--silent"], cwd=PAGE).returncode:
        raise CannotBuild("npm could not install what the pages need.")
    shutil.copyfile(lock, installed)


def _course(site: Path) -> None:
    """What Python needs, in three files: its memory once it has imported the course; other modules; those of checks."""
    with TemporaryDirectory() as folder:
        archives = archive.write(Path(folder), WHEELS)
        # A browser would otherwise compile them at each visit.
        _node("compile.mjs", site / "pyodide", Path(__file__).with_name("compiled.py"), *archives)
        for one in archives:
            with zipfile.ZipFile(one) as content:
                content.extractall(one.with_suffix(""))
        course, checks = (one.with_suffix("") for one in archives)
        memory = Path(folder, "memory")
        loaded = _node("snapshot.mjs", site / "pyodide", course, memory).split()
        (site / "course.snapshot").write_bytes(gzip.compress(memory.read_bytes(), mtime=0))
        (site / "course.pack").write_bytes(_packed(course, {name.removeprefix("/course/") for name in loaded}))
        (site / "checks.pack").write_bytes(_packed(checks))


def _packed(folder: Path, leave_out: Container[str] = ()) -> bytes:
    """The files of a folder, as a tar archive with gzip. What `python.js` reads knows no name above 100 bytes."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in sizes(folder):
            if name not in leave_out:
                info, content = tarfile.TarInfo(name), (folder / name).read_bytes()
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return gzip.compress(written.getvalue(), mtime=0)


def _node(program: str, *arguments: Path) -> str:
    """Run a program of `page` with Node.js. Returns what it prints."""
    ran = subprocess.run(["node", str(PAGE / program), *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    if ran.returncode:
        raise CannotBuild(f"The modules of the course could not be prepared: {program} failed.")
    return ran.stdout


def _bundle(to: Path) -> None:
    """One script with all that page.js imports."""
    program = PACKAGES / "esbuild" / "bin" / "esbuild"
    options = ("--bundle", "--minify", "--format=esm", "--target=es2022", "--legal-comments=eof", "--log-level=warning")
    if subprocess.run(["node", str(program), "page.js", *options, f"--outfile={to}"], cwd=PAGE).returncode:
        raise CannotBuild("page.js could not be bundled.")
