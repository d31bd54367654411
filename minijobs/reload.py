"""For development: a worker process that starts again when one of its files is saved.

Python reads a file when it imports it, and never again. So a running worker process runs the code of its start, whatever you
write meanwhile. `minijobs worker --reload` watches the files that it has loaded, stops as at TERM when one of them is saved,
and begins again from nothing, which is the only way to be sure. In production a deploy does that.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path
from threading import Event

INSTALLED = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]


def wait_until_saved(stop: Event, *, loaded: bool = True) -> Path | None:
    """Wait until a file is saved that this process has loaded, and give back which; None as soon as `stop` is set.

    With `loaded=False`, any Python file beside those will do: the one that could not be loaded is not known as loaded.
    """
    import watchfiles  # an extra: only who develops needs it

    folders = {file.parent for file in loaded_files()} | {Path(folder or ".").resolve() for folder in sys.path}
    watched = [folder for folder in folders if folder.is_dir() and not _is_installed(folder)]
    for changes in watchfiles.watch(*watched, stop_event=stop, recursive=False, debounce=200, step=20):
        saved = {Path(name).resolve() for kind, name in changes if kind != watchfiles.Change.deleted}
        if found := saved & loaded_files() if loaded else {file for file in saved if file.suffix == ".py"}:
            return min(found)
    return None


def loaded_files() -> set[Path]:
    """The source files that this process has imported, but for those of Python and of installed packages."""
    names = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return {file for name in names if name and not _is_installed(file := Path(name).resolve())}


def start_again() -> None:
    """Replace this process by a new one, with the same words and the same process id."""
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _is_installed(path: Path) -> bool:
    return any(path.is_relative_to(folder) for folder in INSTALLED)
