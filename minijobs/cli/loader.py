"""Loading the modules and files with Workers that `minijobs worker -r` names."""

from __future__ import annotations

import _thread
import importlib.machinery
import importlib.util
import os
import sys
import threading
from argparse import Namespace
from pathlib import Path

from .. import log
from ..console import Failed, Refused, Terminated
from . import reload

# What gevent and eventlet replace, together with the rest of Python's threads.
LOCK = _thread.allocate_lock


def load(name: str) -> None:
    """Import a module by its name, or a file by its path. Raises Refused if it cannot be loaded."""
    path = Path(name)
    if path.suffix != ".py" and (not name or name.startswith(".") or any(sign in name for sign in "/\\:")):
        raise Refused(f"-r {name}: the name of a module, such as app.workers, or a file, such as app/workers.py")
    try:
        if path.suffix == ".py":
            _load_file(path.resolve())
        else:
            sys.path[:0] = _here()
            importlib.import_module(name)
    except (KeyboardInterrupt, Terminated):
        raise
    except BaseException as error:  # a SystemExit would end this process, perhaps with code 0
        raise Refused(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    if _thread.allocate_lock is not LOCK:
        raise Refused(
            f"{path} replaces Python's threads, as gevent and eventlet do, while some are running. That must come first: "
            "python -m gevent.monkey --module minijobs worker …"
        )


def _load_file(path: Path) -> None:
    """Import this file, unless it has been. If its name is taken (`queue.py`, a second `workers.py`), use another one.

    A file in a package is imported as a module of the package, because the rest of the package uses that name.
    """
    if any(getattr(module, "__file__", None) == str(path) for module in list(sys.modules.values())):
        return
    top = path.parent
    while (top / "__init__.py").exists():
        top = top.parent
    name = ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(".__init__")
    if "." in name and _is_at(name, path, top):
        importlib.import_module(name)
        return
    # The file can import the modules next to it, but they never replace those of the standard library.
    pythons = (os.path.dirname(os.__file__), *(folder for folder in sys.path if folder.endswith("lib-dynload")))
    after = 1 + max((place for place, folder in enumerate(sys.path) if folder in pythons), default=-1)
    sys.path[after:after] = [str(path.parent), *_here()]
    name = path.stem
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module  # before it runs, because dataclasses look there
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _is_at(name: str, path: Path, top: Path) -> bool:
    """Add `top` to sys.path. Returns whether Python then finds this file by this name, and not another package's."""
    sys.path[:0] = _here() if str(top) in _here() else [str(top), *_here()]
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin == str(path)


def _here() -> list[str]:
    try:
        return [os.getcwd()]
    except FileNotFoundError:  # it was removed, perhaps by a deploy
        return []


def load_or_wait(options: Namespace) -> reload.Saved | None:
    """Load the Workers, and return the files that were loaded. Raises Failed if they cannot be loaded.

    With `--reload` it does not raise, but waits until a file is saved, and returns None: loading is then worth another try.
    """
    before = reload.loadable_files()
    try:
        for name in options.require:
            load(name)
    except Refused as error:
        if not options.reload:
            raise Failed(str(error)) from error
        log.logger.error("%s; waiting until a file is saved", error)
        reload.wait_until_saved(reload.loadable_files() | before, threading.Event())
        return None
    return reload.loaded_files()
