"""The peers, and the environment of each: their redis versions conflict, so nothing is shared."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from machine import Failed, output

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOLDER = ROOT / ".bench"  # ignored by git

OURS = "minijobs"
HIREDIS = "+hiredis"

# What minijobs itself is measured with; the bare loops share it, so that they differ in nothing else.
PROJECT = ("-e", str(ROOT), "-c", str(ROOT / "constraints.txt"))


@dataclass(frozen=True)
class Peer:
    """Somebody to compare with."""

    name: str
    file: str
    """In peers/."""

    queue: str
    """The list in which its jobs wait."""

    importing: str
    """What a program that pushes jobs has to import."""

    installs: tuple[str, ...] = ()
    """What pip or npm is told; nothing for Ruby."""

    environment: str = ""
    """Peers with the same name for it share it."""

    packages: tuple[str, ...] = ()
    """Whose versions are worth telling."""

    bulk: bool = False
    at_once: bool = True
    """Whether it can run several jobs at a time in one process."""

    many: bool = False
    """Whether it is measured with a hundred jobs at a time, too."""

    processes: bool = False
    """Whether its command starts several worker processes. Only without hiredis: jobs that calculate hardly use Redis."""

    least: int = 200
    """Jobs that do nothing, in a drain of them, at least: Node compiles while it runs, and its first thousands are slow."""

    levels: tuple[str, ...] = ("shipped",)
    """At which log levels it is measured. With warnings only, too, if as shipped it writes a line for each job."""

    @property
    def language(self) -> str:
        """In which it is written: "python", "node" or "ruby"."""
        return {".py": "python", ".js": "node", ".rb": "ruby"}[Path(self.file).suffix]

    def command(self, *words: object) -> list[str]:
        """How its file is run."""
        return [*self._interpreter, str(HERE / "peers" / self.file), *map(str, words)]

    def importing_timed(self) -> list[str]:
        """A command that imports it in a fresh interpreter, and prints the seconds that took."""
        code = {
            "python": "import time; start = time.perf_counter(); {}; print(time.perf_counter() - start)",
            "node": "start = performance.now(); {}; console.log((performance.now() - start) / 1000)",
            "ruby": "clock = Process::CLOCK_MONOTONIC; start = Process.clock_gettime(clock); {}; "
            "print Process.clock_gettime(clock) - start",
        }[self.language]
        return [*self._interpreter, "-c" if self.language == "python" else "-e", code.format(self.importing)]

    @property
    def _interpreter(self) -> list[str]:
        return [str(self.python)] if self.language == "python" else [self.language]

    @property
    def folder(self) -> Path:
        """Its own environment."""
        return FOLDER / "environments" / (self.environment or self.name)

    @property
    def python(self) -> Path:
        """Of its own environment."""
        return self.folder / "bin" / "python"

    @property
    def base(self) -> str:
        """Its name without what it is installed with."""
        return self.name.removesuffix(HIREDIS)

    def install(self) -> None:
        """Make its environment, unless it is there. Raises Failed with the reason if that cannot be done."""
        if self.language == "ruby":
            return self._look_for_sidekiq()
        done = self.folder / "installed.json"
        wanted = json.dumps([self.installs, sys.version if self.language == "python" else _node_version()])
        if done.exists() and done.read_text() == wanted:
            return None
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.language == "python":
            output([sys.executable, "-m", "venv", str(self.folder)], FOLDER, {})
            quietly = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
            output([str(self.python), *quietly, *self.installs], FOLDER, {})
        else:
            self.folder.mkdir(parents=True)
            quietly = ("--silent", "--no-audit", "--no-fund", "--save-exact", "--prefix", str(self.folder))
            output(["npm", "install", *quietly, *self.installs], self.folder, {})
        done.write_text(wanted)
        return None

    def _look_for_sidekiq(self) -> None:
        if shutil.which("ruby") is None:
            raise Failed("no ruby on the PATH; Debian's package is ruby-sidekiq")
        try:
            output(["ruby", "-e", 'require "sidekiq"'], FOLDER, {})
        except Failed:
            raise Failed("Ruby has no Sidekiq here; Debian's package is ruby-sidekiq") from None

    def versions(self) -> dict[str, str]:
        """Of what it consists of."""
        if self.language == "ruby":
            code = 'require "sidekiq"; print RUBY_VERSION, " ", Sidekiq::VERSION, " ", Redis::VERSION'
            return dict(zip(("ruby", "sidekiq", "redis"), output(["ruby", "-e", code], FOLDER, {}).split(), strict=True))
        if self.language == "node":
            described = {name: self.folder / "node_modules" / name / "package.json" for name in self.packages}
            installed = {name: str(json.loads(path.read_text())["version"]) for name, path in described.items()}
            return {"node": _node_version(), **installed}
        code = f"from importlib.metadata import version\nfor name in {self.packages}: print(name, version(name))"
        printed = output([str(self.python), "-c", code], FOLDER, {})
        return dict(line.split() for line in printed.splitlines())


def _node_version() -> str:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Failed(f"no {tool} on the PATH; Debian's packages are nodejs and npm")
    return output(["node", "--version"], FOLDER, {}).strip().removeprefix("v")


def _with_redis_py(suffix: str, environment: str, extra: tuple[str, ...]) -> list[Peer]:
    """minijobs and the bare loops, on one environment."""
    installs, packages = (*PROJECT, *extra), ("redis", *extra)
    both = {"installs": installs, "environment": environment}
    return [
        Peer(
            OURS + suffix,
            "minijobs_peer.py",
            "queue:default",
            "import minijobs",
            bulk=True,
            many=True,
            processes=not suffix,
            levels=("shipped", "warning"),
            packages=("minijobs", *packages),
            **both,  # type: ignore[arg-type]
        ),
        Peer(
            "bare" + suffix,
            "bare_peer.py",
            "queue:bare",
            "import redis",
            bulk=True,
            at_once=False,
            packages=packages,
            **both,  # type: ignore[arg-type]
        ),
        Peer(
            "bare-safe" + suffix,
            "bare_safe_peer.py",
            "queue:bare",
            "import redis",
            at_once=False,
            packages=packages,
            **both,  # type: ignore[arg-type]
        ),
    ]


PEERS = [
    *_with_redis_py("", "plain", ()),
    *_with_redis_py(HIREDIS, "with-hiredis", ("hiredis",)),
    Peer("sidekiq", "sidekiq_peer.rb", "queue:default", 'require "sidekiq"', bulk=True, levels=("shipped", "warning")),
    Peer(
        "dramatiq",
        "dramatiq_peer.py",
        "dramatiq:default",
        "import dramatiq.brokers.redis",
        ("dramatiq[redis]==2.2.1",),
        processes=True,
        packages=("dramatiq", "redis"),
    ),
    Peer(
        "huey",
        "huey_peer.py",
        "huey.redis.bench",
        "import huey",
        ("huey==3.5.4", "redis"),
        packages=("huey", "redis"),
        levels=("shipped", "warning"),
    ),
    Peer(
        "celery",
        "celery_peer.py",
        "celery",
        "from celery import Celery",
        ("celery[redis]==5.7.0",),
        processes=True,
        packages=("celery", "redis"),
    ),
    Peer(
        "rq",
        "rq_peer.py",
        "rq:queue:default",
        "import rq",
        ("rq==3.0.0",),
        packages=("rq", "redis"),
        bulk=True,
        at_once=False,
        levels=("shipped", "warning"),
    ),
    Peer(
        "saq",
        "saq_peer.py",
        "saq:default:queued",
        "from saq import Queue; import saq.queue.redis",
        # It imports typing_extensions, which nothing that it asks for brings along.
        ("saq[redis]==0.26.4", "typing_extensions"),
        packages=("saq", "redis"),
    ),
    # Their jobs are functions of one thread, so that a hundred at a time are usual: `many`.
    Peer(
        "bullmq",
        "bullmq_peer.js",
        "bull:default:wait",
        "require('bullmq'); require('ioredis')",
        ("bullmq@6.7.0", "ioredis@5.11.1"),
        packages=("bullmq", "ioredis"),
        bulk=True,
        many=True,
        least=10_000,
    ),
    Peer(
        "bee-queue",
        "bee_queue_peer.js",
        "bq:default:waiting",
        "require('bee-queue')",
        ("bee-queue@2.0.0", "redis@3.1.2"),
        packages=("bee-queue", "redis"),
        bulk=True,
        many=True,
        least=10_000,
    ),
]
