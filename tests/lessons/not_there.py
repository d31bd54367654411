"""A process in which nothing seems to be installed but what a part of the course needs.

To install just that much takes a new environment and half a minute. Here Python does not find the other packages.
"""

from __future__ import annotations

import os
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from terminals import ROOT

from lessons.install import requirements

# Python runs this when it starts.
SITECUSTOMIZE = """
import sys
from importlib.machinery import PathFinder

NOT_THERE = {names!r}


class Finder(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in NOT_THERE else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Finder
"""


def with_only(groups: list[str], folder: Path) -> dict[str, str]:
    """The environment variables for such a process, if these groups of `pyproject.toml` are installed. `folder` is empty."""
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE.format(names=not_needed(groups)))
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}


def not_needed(groups: list[str]) -> list[str]:
    """The modules that are installed here and that none of these groups needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: set[tuple[str, frozenset[str]]] = set()

    def need(words: str, extras: frozenset[str] = frozenset()) -> None:
        one = Requirement(words)
        if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            package = str(canonicalize_name(one.name)), frozenset(one.extras)
            if package not in found:
                found.add(package)
                for more in metadata.requires(package[0]) or ():
                    need(more, package[1])

    for words in ("minijobs", *(one for group in groups for one in requirements(project["dependency-groups"], group))):
        need(words)
    needed = {name for name, _ in found}
    there = metadata.packages_distributions().items()
    return sorted(module for module, names in there if not needed & {canonicalize_name(name) for name in names})
