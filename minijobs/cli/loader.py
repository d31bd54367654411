"""Loading the modules and files with Workers that `minijobs worker -r` names."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import sys
import threading
from argparse import Namespace
from pathlib import Path

from .. import log
from ..console import Failed, Refused
from . import reload


def load(name: str) -> None:
    """Import a module by its name, or a file by its path. Raises Refused if that cannot be done."""
    path = Path(name)
    try:
        if path.suffix == ".py":
            _load_file(path.resolve())
        else:
            sys.path[:0] = _here()
            importlib.import_module(name)
    except (Exception, SystemExit) as error:  # the latter would end this process, with the code 0 perhaps
        raise Refused(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error


def _load_file(path: Path) -> None:
    """Import this file, whatever its name is, unless it was: `queue.py`, or the second `workers.py`, gets another name.

    One of a package is the package's module: the rest of it imports it by that name.
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
    # It finds the modules beside it, and nobody finds them instead of Python's own.
    pythons = (os.path.dirname(os.__file__), *(folder for folder in sys.path if folder.endswith("lib-dynload")))
    after = 1 + max((place for place, folder in enumerate(sys.path) if folder in pythons), default=-1)
    sys.path[after:after] = [str(path.parent), *_here()]
    name = path.stem
    while name in sys.modules or name in sys.stdlib_module_names:
        name += "_"
    loader = importlib.machinery.SourceFileLoader(name, str(path))
    module = importlib.util.module_from_spec(importlib.machinery.ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module  # before it runs: dataclasses look there
    try:
        loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _is_at(name: str, path: Path, top: Path) -> bool:
    """Whether this file is what Python finds by this name, once `top` is on its path; there may be another such package."""
    sys.path[:0] = _here() if str(top) in _here() else [str(top), *_here()]
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return False
    return found is not None and found.origin == str(path)


def _here() -> list[str]:
    try:
        return [os.getcwd()]
    except FileNotFoundError:  # it was removed, as a deploy may do
        return []


def load_or_wait(options: Namespace) -> reload.Saved | None:
    """Load the Workers, and return the files that were loaded. Raises Failed if they cannot be loaded.

    With `--reload` it waits until something is saved instead, and returns None: it is worth another try.
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
