"""`python -m lessons.app`, started by a test, and whatever it might leave behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from lessons.kit import stage

ROOT = Path(__file__).parents[2]
SOON = 30  # seconds that something may take on a busy machine before a test gives up

# The five-second mail takes a quarter of a second.
PACE = 0.05


def eventually(condition, seconds=SOON):
    """What `condition` gives as soon as that is something. It is asked again and again."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return found


class App:
    """The application, started; `told` is what it printed so far."""

    def __init__(self, *command: str, **environment: str) -> None:
        self.mark = f"MINIJOBS_TEST={uuid.uuid4().hex}"
        self.folder = tempfile.mkdtemp(prefix="mj-")  # short, as a socket's path must be
        ours = {"REDIS_URL", "FORCE_COLOR", "CI", "MAKEFLAGS", "MAKELEVEL"}
        known = {name: value for name, value in os.environ.items() if name not in ours}
        known |= {"TMPDIR": self.folder, "PYTHONPATH": str(ROOT), stage.PACE: str(PACE), **environment}
        known |= [self.mark.split("=")]
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115, it is read while it is written
        self.popen = subprocess.Popen(
            command or [sys.executable, "-m", "lessons.app"],
            cwd=ROOT,
            env=known,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def told(self) -> str:
        return os.pread(self._output.fileno(), 1_000_000, 0).decode()

    def until_ready(self) -> App:
        eventually(lambda: "Ready." in self.told or self.popen.poll() is not None)
        assert "Ready." in self.told, self.told
        return self

    def urls(self) -> dict[str, str]:
        """The addresses that it told: of the page, and of the inbox."""
        return dict(re.findall(r"^The (page|inbox): +(http://localhost:\d+)", self.told, re.MULTILINE))

    @property
    def smtp(self) -> int:
        return int(re.search(r"SMTP at 127.0.0.1:(\d+)", self.told)[1])

    def ports(self) -> list[int]:
        """Its ports, if it got so far."""
        if not ("Ready." in self.told and "SMTP at" in self.told):
            return []
        return [self.smtp, *(int(url.rpartition(":")[2]) for url in self.urls().values())]

    def processes(self) -> dict[int, str]:
        """Every process that it started and that lives, itself among them, with its command."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
                # A Redis server writes its title over its environment, but its socket is in the title.
                if self.folder in command or self.mark.encode() in (folder / "environ").read_bytes():
                    found[int(folder.name)] = command
            except OSError:
                continue
        return found

    def pid_of(self, word: str) -> int:
        (pid,) = [pid for pid, command in self.processes().items() if word in command]
        return pid

    def redis_pid(self) -> int:
        return self.pid_of(f"{self.folder}/minijobs-redis")

    def signal(self, number: int = signal.SIGINT) -> None:
        self.popen.send_signal(number)

    def ctrl_c(self) -> None:
        """As a terminal does it: to every process that it has in front."""
        os.killpg(self.popen.pid, signal.SIGINT)

    def ended(self) -> int:
        """Its exit code, when it has ended."""
        return self.popen.wait(SOON)

    def left(self) -> list[object]:
        """What it left behind: processes, which hold its ports, and files."""
        return [*self.processes().values(), *os.listdir(self.folder)]

    def close(self) -> None:
        """It does not outlive its test, whatever that found."""
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self.popen.wait()
        self._output.close()
        subprocess.run(["rm", "-rf", self.folder], check=True)
