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
    """What pip is told; nothing for Ruby."""

    environment: str = ""
    """Peers with the same name for it share it."""

    packages: tuple[str, ...] = ()
    """Whose versions are worth telling."""

    bulk: bool = False
    at_once: bool = True
    """Whether it can run several jobs at a time in one process."""

    levels: tuple[str, ...] = ("shipped",)
    """At which log levels it is measured. With warnings only, too, if as shipped it writes a line for each job."""

    def command(self, *words: object) -> list[str]:
        """How its file is run."""
        file = str(HERE / "peers" / self.file)
        interpreter = str(self.python) if self.installs else "ruby"
        return [interpreter, file, *map(str, words)]

    @property
    def python(self) -> Path:
        """Of its own environment."""
        return FOLDER / "environments" / (self.environment or self.name) / "bin" / "python"

    @property
    def base(self) -> str:
        """Its name without what it is installed with."""
        return self.name.removesuffix(HIREDIS)

    def install(self) -> None:
        """Make its environment, unless it is there. Raises Failed with the reason if that cannot be done."""
        if not self.installs:
            if shutil.which("ruby") is None:
                raise Failed("no ruby on the PATH; Debian's package is ruby-sidekiq")
            try:
                output(["ruby", "-e", 'require "sidekiq"'], FOLDER, {})
            except Failed:
                raise Failed("Ruby has no Sidekiq here; Debian's package is ruby-sidekiq") from None
            return
        folder = self.python.parents[1]
        done = folder / "installed.json"
        wanted = json.dumps([self.installs, sys.version])
        if done.exists() and done.read_text() == wanted:
            return
        shutil.rmtree(folder, ignore_errors=True)
        output([sys.executable, "-m", "venv", str(folder)], FOLDER, {})
        quietly = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        output([str(self.python), *quietly, *self.installs], FOLDER, {})
        done.write_text(wanted)

    def versions(self) -> dict[str, str]:
        """Of what it consists of."""
        if not self.installs:
            code = 'require "sidekiq"; print RUBY_VERSION, " ", Sidekiq::VERSION, " ", Redis::VERSION'
            return dict(zip(("ruby", "sidekiq", "redis"), output(["ruby", "-e", code], FOLDER, {}).split(), strict=True))
        code = f"from importlib.metadata import version\nfor name in {self.packages}: print(name, version(name))"
        printed = output([str(self.python), "-c", code], FOLDER, {})
        return dict(line.split() for line in printed.splitlines())


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
]
