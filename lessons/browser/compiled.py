"""Compiles the modules of `course.zip`, with the Python that will import them: a browser would do it at each visit.

This runs in Pyodide, by `compile.mjs`. Of packages of others, only what was compiled is kept.
"""

from __future__ import annotations

import importlib.util
import marshal
import sys
import zipfile

OURS = ("minijobs/", "lessons/")  # a reader may look at these, and a traceback shows their lines
UNCHECKED = (1).to_bytes(4, "little")  # nobody compares it with its source


def compile_all(archive: str, to: str) -> None:
    """Write an archive with the same modules, compiled."""
    with zipfile.ZipFile(archive) as before, zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as after:
        for info in before.infolist():
            name, content = info.filename, before.read(info)
            if not name.endswith(".py"):
                after.writestr(info, content)
                continue
            code = marshal.dumps(compile(content, f"/course/{name}", "exec", dont_inherit=True))
            info.filename = importlib.util.cache_from_source(name) if name.startswith(OURS) else f"{name}c"
            head = importlib.util.MAGIC_NUMBER + UNCHECKED + importlib.util.source_hash(content)
            after.writestr(info, head + code)
            if name.startswith(OURS):
                info.filename = name
                after.writestr(info, content)


if __name__ == "__main__":
    compile_all(*sys.argv[1:])
