"""The application, running: a mail server with its inbox, a picture service, and the processes that its Procfile names.

All of it ends with the lesson that `session.start(server=True)` has begun, however that ends.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from html import unescape
from itertools import chain
from pathlib import Path
from string import Template
from typing import Any, NamedTuple
from urllib.parse import urlencode

import minijobs
from lessons.app import inbox
from lessons.app.mail import Catcher
from lessons.app.parts import INBOX_PORT, PORT
from lessons.app.serving import HOST, Site, free, listen
from lessons.kit import Table, session, stage
from lessons.kit.keys import Snapshot
from lessons.kit.processes import Program
from lessons.kit.session import ROOT
from lessons.kit.worker_process import WorkerProcess
from minijobs.monitor import Told, watch

HERE = Path(__file__).parent
APP, STUB = HERE / "app", HERE / "stub"

# The programs that a Procfile can name, each with the module that it is.
PROGRAMS = {"python": [], "minijobs": ["-m", "minijobs"], "waitress-serve": ["-m", "waitress"]}

STARTS_WITHIN = 30.0  # seconds, on a busy machine
ANSWERS_WITHIN = 30.0
LOGGED_WITHIN = 2.0
HOUR = 60 * 60.0

# Whether a list in flight, or a queue of KEYS, holds a job. One step, because jobs go from the one to the other, and back.
BUSY = """
for _, key in ipairs(redis.call('KEYS', 'inflight:*')) do
    if redis.call('TYPE', key).ok == 'list' then return 1 end
end
return #KEYS > 0 and redis.call('EXISTS', unpack(KEYS))
"""

SERVING = re.compile(r"Serving on \S+:(\d+)")


class DoesNotStart(Exception):
    """The application could not be started. The message says what it printed."""


class MailServer(Catcher):
    """The application's mail server. It can be slow, be too busy to take a mail, or keep everybody waiting."""

    def __init__(self) -> None:
        self.seconds = 0.0  # that it takes for a mail
        self.tried: list[str] = []  # the subjects of all mails that somebody wanted to send
        self.waiting = 0
        self._open = threading.Event()
        self._open.set()
        super().__init__(listen(0))

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """What aiosmtpd calls for each mail."""
        self.waiting += 1
        self.tried.append(str(self.read(envelope.content)["Subject"]))
        try:
            await asyncio.sleep(stage.pause(self.seconds))
            while not self._open.is_set():
                await asyncio.sleep(0.01)
            if self._refuse > 0:
                self._refuse -= 1
                return self.TOO_BUSY
            return await super().handle_DATA(server, session, envelope)
        finally:
            self.waiting -= 1

    def stop(self) -> None:
        """Close the server. Nobody waits for it any more."""
        self._open.set()
        super().stop()

    @contextmanager
    def waits(self) -> Iterator[None]:
        """Meanwhile, nobody who wants to send a mail gets an answer."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def sent(self, to: str) -> int:
        """How many mails to this address it has taken."""
        return sum(mail.to == to for mail in self.caught)

    def show(self) -> Table:
        rows = [[mail.to, mail.subject] for mail in self.caught]
        return Table(["to", "subject"], rows or [["(no mail)", ""]])

    def __len__(self) -> int:
        return len(self.caught)


class Pictures:
    """The picture service. It can be down, and then answers nobody; it can take its time to draw, or be unable to."""

    def __init__(self) -> None:
        self.asked = 0  # how often for the picture of the day
        self.waiting = 0
        self.today = "a lighthouse in the fog"
        self.broken = False
        self._up = threading.Event()
        self._up.set()
        self.site = Site("The picture service", self._answer, 0)

    def _answer(self, environ: dict[str, Any], start: Any) -> list[bytes]:
        today = environ["PATH_INFO"] == "/today"
        self.asked += today
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self.waiting += not today
        self._up.wait(ANSWERS_WITHIN)
        self.waiting -= not today
        failed = self.broken and not today
        start("500 Internal Server Error" if failed else "200 OK", [("Content-Type", "text/plain")])
        return [b"" if failed else self.today.encode()]

    @contextmanager
    def down(self) -> Iterator[None]:
        """Meanwhile, it answers nobody."""
        self._up.clear()
        try:
            yield
        finally:
            self._up.set()

    def stop(self) -> None:
        self._up.set()
        self.site.stop()


class Answer(NamedTuple):
    """What the page answered: its status, and what it said."""

    status: int
    said: str

    def __repr__(self) -> str:
        return f"{self.status} {self.said}"


NOT_YET = Answer(0, "")


class Application:
    """The application in a folder. With `wanted`, its page and inbox are where `make app` has them, if nobody is there.

    `watched`: each pause of a job is noted and cut short. `went_on` is called whenever something has been waited for.
    """

    def __init__(
        self, folder: Path, *, wanted: bool = False, watched: bool = False, went_on: Callable[[], object] = bool
    ) -> None:
        self.folder = folder.resolve()
        self.inbox, self.pictures = MailServer(), Pictures()
        self._box = Site("The inbox", inbox.create(self.inbox), INBOX_PORT if wanted else 0)
        self._wanted = PORT if wanted and free(PORT) else 0
        self._watched, self._went_on = watched, went_on
        self._web: Program | None = None
        self.workers: list[WorkerProcess] = []
        self._served: dict[str, list[str]] = {}
        self.web_log: list[str] = []
        self.port = 0
        beside = session.beside()
        beside.ends_too(self.stop)
        self._leash, self._beside = beside.leash, beside
        self._url, self._redis, self._will_make = session.database()
        self.database = beside.folder / "app.db"
        self._environment = {
            "REDIS_URL": self._url,
            "APP_DATABASE": str(self.database),
            "APP_MAIL_PORT": str(self.inbox.port),
            "APP_PICTURES": f"http://{HOST}:{self.pictures.site.port}",
            "APP_FOLDER": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            "no_proxy": "*",
        }
        self.start()

    # Starting and stopping.

    def start(self) -> None:
        """Start what the Procfile names, and wait until all of it is ready. Raises DoesNotStart."""
        self.port, self.web_log = 0, []
        self._environment["PORT"] = str(self._wanted)
        lines = procfile(self.folder)
        for words in lines.pop("release", []):
            self._run(words)
            self._went_on()
        if "web" not in lines or len(lines) < 2:
            raise DoesNotStart(f"The Procfile has to name web and worker, and it names {', '.join(lines) or 'nothing'}.")
        (web,) = lines.pop("web")[-1:]
        self._start_web(web)
        for words in chain(*lines.values()):  # whatever they are called
            if words[:2] != ["minijobs", "worker"]:
                raise DoesNotStart(f"A worker is started by `minijobs worker`, and not by `{' '.join(words)}`.")
            before = ["-r", "lessons.lesson_09_the_app.watched"] if self._watched else []
            # So that nobody has to wait for its end, nor for what it tells of itself.
            after = [] if "--timeout" in words else ["--timeout", "1"]
            after += [] if "--heartbeat" in words else ["--heartbeat", "1"]
            command = shlex.join([*before, *words[2:], *after])
            worker = WorkerProcess(command, show=False, folder=self.folder, environment=self._environment)
            self.workers.append(worker)
        self._wait_until_ready(web)
        self._wanted = self.port if self._wanted else 0
        served = {f"queue:{name}" for worker in self.workers for name in self.served(worker)}
        self._will_make({"queues", "queue:newsletters", *served})

    def _start_web(self, words: list[str]) -> None:
        self._web = Program("The web process", self._command(words), self._leash, self._hear, self._environment, self.folder)

    def _wait_until_ready(self, web: list[str]) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        while not (self.port and all(worker.ready() for worker in self.workers)):
            for worker in self.workers:
                if worker.ended():
                    raise DoesNotStart(self._short("\n".join(["The worker process ended.", *worker.lines[-3:]])))
            if self._web is not None and (why := self._web.died()):
                if self._environment["PORT"] != "0":  # somebody else has taken the port since we looked
                    self._environment["PORT"] = "0"
                    self._start_web(web)
                    continue
                raise DoesNotStart(self._short("\n".join([why.partition("\n")[0], *self.web_log[-3:]])))
            if time.monotonic() > deadline:
                raise DoesNotStart(f"It is not ready after {STARTS_WITHIN:.0f} seconds.")
            time.sleep(0.01)

    def stop_processes(self) -> None:
        """End the web process and the worker processes."""
        for worker in self.workers:
            worker.terminate()
        if self._web is not None:
            self._web.stop()
            self._web = None
        for worker in self.workers:
            worker.stop(show=False)
        self.workers.clear()

    def restart(self) -> Application:
        """A deploy: stop the processes, and start them again, with what the files hold now. Raises DoesNotStart."""
        self.stop_processes()
        self.start()
        return self

    def stop(self) -> None:
        """End all of it."""
        self.stop_processes()
        for part in (self.pictures, self._box, self.inbox):
            with suppress(Exception):  # the others still have to be ended
                part.stop()

    def _run(self, words: list[str]) -> None:
        environment = {**os.environ, **self._environment}
        ran = subprocess.run(self._command(words), cwd=self.folder, env=environment, capture_output=True, text=True)
        if ran.returncode:
            last = "\n".join(ran.stderr.strip().splitlines()[-3:])
            raise DoesNotStart(self._short(f"`{' '.join(words)}` failed.\n{last}"))

    def _command(self, words: list[str]) -> list[str]:
        words = [Template(word).safe_substitute(self._environment) for word in words]
        return [sys.executable, *PROGRAMS[words[0]], *words[1:]] if words[0] in PROGRAMS else words

    def _hear(self, line: str) -> None:
        if found := SERVING.search(line):
            self.port = int(found[1])
        self.web_log.append(self._short(line))

    def _short(self, text: str) -> str:
        return self._beside.short(text.replace(f"{self.folder}{os.sep}", ""))

    # Using it.

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://localhost:{self.port}"

    @property
    def inbox_url(self) -> str:
        """Where the inbox is."""
        return self._box.url

    def press(self, button: str, **fields: str) -> Answer:
        """Fill in the form and press its button, as somebody in front of the page does. Returns what the page answers."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWERS_WITHIN)
        try:
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            connection.request("POST", f"/{button}", urlencode(fields), headers)
            response = connection.getresponse()
            status, text = response.status, response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, f"no answer: {type(error).__name__}")
        finally:
            connection.close()
            self._will_make({f"queue:{name.decode()}" for name in self._redis.smembers("queues")} | {"queues"})
        found = re.search(r"<strong>(.*?)</strong>", text, re.DOTALL) or re.search(r"<h1>(.*?)</h1>", text, re.DOTALL)
        return Answer(status, unescape(found[1]) if found else "")

    @property
    def log(self) -> list[str]:
        """What the worker processes have said so far."""
        return [line for worker in self.workers for line in list(worker.lines)]

    def heard(self) -> list[int]:
        """How many lines each worker process has said so far: what `said_since` begins at."""
        return [len(worker.lines) for worker in self.workers]

    def said_since(self, heard: list[int]) -> list[str]:
        """What the worker processes have said since then, one after the other."""
        pairs = zip(self.workers, heard, strict=True)
        return [line for worker, number in pairs for line in list(worker.lines)[number:]]

    def traceback(self) -> list[str]:
        """The last traceback in the log of the web process: the lines of the application, and the error."""
        found: list[str] = []
        for place, line in enumerate(self.web_log):
            if line.startswith("Traceback"):
                found = []
            elif line.startswith('  File "') and os.sep not in line:
                found += self.web_log[place : place + 2]
            elif found and not line.startswith(" ") and re.match(r"[\w.]+(: |$)", line):
                found.append(line)
        return found

    def change(self, name: str, old: str, new: str) -> None:
        """Change a file of the application, as an editor would: `old` becomes `new`, wherever it stands."""
        file = self.folder / name
        file.write_text(file.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    def jobs(self, worker: str = "") -> list[tuple[str, dict[str, Any]]]:
        """The jobs that Redis holds, wherever they are, with their keys; those of one Worker, if it is named."""
        found = []
        for key, value in Snapshot.take(self._redis).values.items():
            if key.startswith(("queue:", "inflight:")) or key in ("retry", "schedule", "dead"):
                found += [(key, json.loads(entry)) for _, entry in value.entries]
        return [(key, job) for key, job in found if worker in ("", job["class"])]

    def served(self, worker: WorkerProcess) -> list[str]:
        """The queues that a worker process takes jobs from, as it said last, however long ago that was."""
        process = minijobs.ProcessSet(self._redis).find(worker.identity)
        if process:
            self._served[worker.identity] = list(process["queues"])
        return self._served.get(worker.identity, [])

    def busy(self) -> bool:
        """Whether anything goes on: a job that runs or will soon be fetched, or somebody who waits for a service."""
        served = {f"queue:{name}" for worker in self.workers for name in self.served(worker)}
        return bool(self._redis.eval(BUSY, len(served), *served))

    def settle(self, seconds: float = ANSWERS_WITHIN) -> bool:
        """Wait until nothing goes on any more. Returns whether that was so within so many seconds."""
        try:
            return self._settle(seconds)
        finally:
            self._went_on()

    def _settle(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.busy() or self.inbox.waiting:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        # What the log says of it comes a moment later.
        deadline = time.monotonic() + LOGGED_WITHIN
        while len(self._lines(r": start$")) > len(self._lines(r": (done|fail)\b")) and time.monotonic() < deadline:
            time.sleep(0.01)
        return True

    def _lines(self, pattern: str) -> list[str]:
        return [line for line in self.log if re.search(pattern, line)]

    def later(self, seconds: float = ANSWERS_WITHIN) -> bool:
        """An hour passes: what waits in `retry` and in `schedule` is due. Then settle."""
        # No job runs meanwhile: one that fails at once would be due within this hour again, and be moved again and again.
        with self.standing_still() if hasattr(signal, "SIGSTOP") else nullcontext():
            minijobs.poll(self._redis, now=time.time() + HOUR)
        return self.settle(seconds)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Meanwhile, the worker processes stand still, as on a machine that has too much to do."""
        stopped = [worker.pid for worker in self.workers if not worker.ended()]
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
                if hasattr(os, "waitid"):  # it takes a moment
                    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
            yield
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextmanager
    def monitor(self) -> Iterator[list[Told]]:
        """The commands that Redis receives meanwhile, from everybody, as `minijobs monitor` shows them."""
        begin, end = (f"minijobs-lesson-{word}-{time.monotonic_ns()}" for word in ("begin", "end"))
        database = str(self._redis.get_connection_kwargs().get("db") or 0)
        told: list[Told] = []
        watching, over = threading.Event(), threading.Event()

        def listen_in() -> None:
            for one in watch(self._redis):
                if one.words[-1] == end:
                    break
                if one.words[-1] == begin:
                    watching.set()
                elif watching.is_set() and one.client.split(" ")[0] == database:
                    told.append(one)
            over.set()

        def call(word: str, until: threading.Event) -> None:
            deadline = time.monotonic() + STARTS_WITHIN
            while not until.wait(0.01) and time.monotonic() < deadline:
                self._redis.echo(word)

        threading.Thread(target=listen_in, name="monitor", daemon=True).start()
        call(begin, watching)
        seen: list[Told] = []
        try:
            yield seen
        finally:
            call(end, over)
            seen += told


def procfile(folder: Path) -> dict[str, list[list[str]]]:
    """The commands that a Procfile names, as words, by the kind of process. Raises DoesNotStart.

    A kind may have several lines, one for each process.
    """
    try:
        lines = (folder / "Procfile").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DoesNotStart(f"The Procfile cannot be read: {error.strerror}.") from None
    found: dict[str, list[list[str]]] = {}
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        kind, _, command = line.partition(":")
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise DoesNotStart(f"The Procfile cannot be read: {line.strip()!r}: {error}.") from None
        if not words:
            raise DoesNotStart(f"The Procfile cannot be read: {line.strip()!r} names no command.")
        found.setdefault(re.sub(r"\d+$", "", kind.strip()), []).append(words)
    return found


def copy_of_stub() -> Path:
    """The application as it was handed out, in the folder of this lesson."""
    folder = session.beside().folder / "app"
    shutil.copytree(STUB, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
