"""Compiles the modules of an archive, with the Python that will import them: a browser would do it at each visit.

This runs in Pyodide, by `compile.mjs`. Of other people's packages, only what was compiled is kept.
"""

from __future__ import annotations

import importlib.util
import marshal
import zipfile

OURS = ("minijobs/", "lessons/")  # a reader may look at these, and a traceback shows their lines
TESTING = ("_pytest/", "pytest/", "pluggy/", "hypothesis/")  # without their assertions they would complain
UNCHECKED = (1).to_bytes(4, "little")  # nobody compares it with its source


def compile_all(archive: str, to_archive: str) -> None:
    """Write an archive with the same modules, compiled."""
    with (
        zipfile.ZipFile(archive) as before,
        zipfile.ZipFile(to_archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as after,
    ):
        for info in before.infolist():
            name, content = info.filename, before.read(info)
            if name.startswith(OURS) or not name.endswith(".py"):
                after.writestr(_like(info, name), content)
            if name.endswith(".py"):
                # Of the others, neither assertions nor docstrings are kept.
                least = 0 if name.startswith((*OURS, *TESTING)) else 2
                code = marshal.dumps(compile(content, f"/course/{name}", "exec", dont_inherit=True, optimize=least))
                head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(content)
                to = importlib.util.cache_from_source(name) if name.startswith(OURS) else f"{name}c"
                after.writestr(_like(info, to), head + code)


def _like(info: zipfile.ZipInfo, name: str) -> zipfile.ZipInfo:
    """The same entry by another name. (An archive keeps the entries that it was given, so each has to be one of its own.)"""
    other = zipfile.ZipInfo(name, info.date_time)
    other.compress_type, other.external_attr = info.compress_type, info.external_attr
    return other
