"""For development: a worker process that restarts when one of its files is saved.

Python reads a file once, when it is imported. So a worker process goes on running the code that it started with, whatever
you write meanwhile. `minijobs worker --reload` watches the files that it has loaded, stops as after TERM when one of them is
saved, and starts again from scratch, which is the only way to be sure. In production a deploy does that.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from threading import Event

INSTALLED = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")]

Saved = dict[Path, int]
"""Files, and the time at which each was last saved, in nanoseconds since the epoch."""


def possible() -> bool:
    """Whether watchfiles is installed. It is an extra, needed only for development."""
    return importlib.util.find_spec("watchfiles") is not None


def loaded_files() -> Saved:
    """The source files that this process has imported, except those of Python and of installed packages."""
    names = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return _saved(Path(name) for name in names if name)


def loadable_files() -> Saved:
    """All files directly on sys.path, for when loading failed: it is not known which of them was to blame."""
    return _saved(file for folder in sys.path if Path(folder).is_dir() for file in Path(folder).glob("*.py"))


def wait_until_saved(before: Saved, stop: Event) -> Path | None:
    """Wait until one of these files is saved again, and return its path; return None as soon as `stop` is set."""
    import watchfiles

    folders = {file.parent for file in before}
    # Check every second, too: a file may have been saved before the watching began.
    for _ in watchfiles.watch(*folders, stop_event=stop, recursive=False, yield_on_timeout=True, rust_timeout=1000, step=20):
        now = _saved(before)
        if changed := [file for file in before if now.get(file, before[file]) != before[file]]:
            return changed[0]
    return None


def start_again() -> None:
    """Replace this process by a new one with the same command line and the same process id."""
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _saved(files: Iterable[Path]) -> Saved:
    found = {}
    for file in {file.resolve() for file in files}:
        if not any(file.is_relative_to(folder) for folder in INSTALLED):
            with suppress(OSError):  # an editor may replace it, so it may be missing for a moment
                found[file] = file.stat().st_mtime_ns
    return found
