"""All of it together: started in order, looked after, stopped in the other order."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from werkzeug.middleware.dispatcher import DispatcherMiddleware

import lessons
from lessons.kit import redis_server, stage
from lessons.kit.leash import Leash
from lessons.kit.mail import SLOW
from lessons.kit.processes import Program
from minijobs.web import dashboard

from . import inbox, page, watching
from .live import Live
from .mail import SMTP_PORT, Catcher, Caught
from .serving import NAMES, Site, listen
from .workers import QUEUE, SendGifToUserWorker

PORT, INBOX_PORT, MAIL_PORT = 3000, 1080, 1025
HEARTBEAT = 1.0  # seconds; usually 5. A process counts as dead after four of them, and nobody wants to wait 20 seconds
START_WITHIN = 30  # seconds
LOOK_EVERY = 0.1  # seconds between two looks whether everything still runs


class Stopped(Exception):
    """We were told to stop while we were starting."""


class Died(Exception):
    """A part ended by itself: which one, and why."""


class Part(Protocol):
    """Something that was started."""

    def died(self) -> str | None:
        """Why it ended by itself, in words; None while it runs."""

    def stop(self) -> None:
        """End it, and leave nothing of it."""


class Mail:
    """The mail catcher. What arrives, and what is refused, is shown."""

    def __init__(self, live: Live, wanted: int) -> None:
        self.live = live
        self.catcher = Catcher(listen(wanted))
        self.port = self.catcher.port
        self.inbox_url = ""
        self.catcher.arrived, self.catcher.turned_away = self.arrived, self.turned_away
        os.environ[SMTP_PORT] = str(self.port)

    def arrived(self, mail: Caught) -> None:
        """A mail is there."""
        link = f"{self.inbox_url}/mails/{mail.number}"
        self._say(f"a mail to {mail.to}: {mail.subject}", mail, step="mail", link=link)

    def turned_away(self, mail: Caught, left: int) -> None:
        """A mail was refused."""
        self._say(f"refused a mail to {mail.to}: {Catcher.TOO_BUSY}", mail, step="refused")

    def _say(self, text: str, mail: Caught, **about: Any) -> None:
        self.live.publish("inbox", text, jid=mail.jid, more={"number": mail.number}, **about)

    def died(self) -> str | None:
        """Why it ended, or None."""
        return None if self.catcher.running() else f"The mail catcher at 127.0.0.1:{self.port} ended by itself."

    def stop(self) -> None:
        """Close the port."""
        self.catcher.stop()


class WorkerProcess:
    """`minijobs worker`. It may be killed in the middle of a job; then it is started again."""

    def __init__(self, leash: Leash, live: Live, url: str, queue: str) -> None:
        self._leash, self._live, self._url, self._queue = leash, live, url, queue
        self._lock = threading.Lock()  # held while one is killed and the next one is started: that one did not die by itself
        self._stopping = False
        self.running = threading.Event()
        self._program = self._start()

    def _start(self) -> Program:
        words = ["-r", SendGifToUserWorker.__module__, "-q", self._queue, "-c", "5", "--timeout", "1"]
        command = [sys.executable, "-m", "minijobs", "worker", *words, "--heartbeat", str(HEARTBEAT)]
        root = str(Path(lessons.__file__).parents[1])  # wherever we were started, it must find `lessons`
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        environment = {"REDIS_URL": self._url, QUEUE: self._queue, "PYTHONPATH": path}
        return Program("The worker process", command, self._leash, self._said, environment)

    def _said(self, line: str) -> None:
        watching.publish_log(line, self._live)
        if "Workers: " in line:
            self.running.set()

    @property
    def pid(self) -> int:
        """The number of the process that runs at the moment."""
        return self._program.pid

    def kill_in_the_middle(self, jid: str) -> None:
        """As soon as this job runs, and has run for a while: SIGKILL. Then it is started again. Does not wait for that."""
        threading.Thread(target=self._kill, args=(jid,), name="kills the worker process", daemon=True).start()

    def _kill(self, jid: str) -> None:
        if not self._live.wait_for(jid, "began", patience=START_WITHIN):
            return
        time.sleep(stage.pause(SLOW) * 0.4)
        with self._lock:
            if self._stopping:
                return
            killed = self.pid
            self._program.kill()
            expires = time.time() + self.heartbeat_lasts
            self._live.publish(
                "worker", f"SIGKILL: process {killed} is dead, in the middle of a job", jid=jid, step="killed", until=expires
            )
            self._program = self._start()
            self._live.publish("worker", f"started again, as process {self.pid}", jid=jid, step="restarted")

    @property
    def heartbeat_lasts(self) -> float:
        """Seconds after its last heartbeat until a process counts as dead."""
        return 4 * HEARTBEAT

    def died(self) -> str | None:
        """Why it ended by itself, or None. Who was told to stop, by the dashboard or by TERM, is started again."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            if self._program.code() != 0 or self._stopping:
                return self._program.died()
            self._live.publish("worker", f"process {self.pid} was told to stop, and has")
            self._program.stop()
            self._program = self._start()
            self._live.publish("worker", f"started again, as process {self.pid}")
            return None
        finally:
            self._lock.release()

    def stop(self) -> None:
        """End it; a job that runs goes back to its queue after a second."""
        with self._lock:
            self._stopping = True
            self._program.stop()


class Everything:
    """Redis, the mail catcher, the worker process, the inbox, the page with the dashboard; `say` is told what is where."""

    def __init__(self, stop: threading.Event, say: Callable[[str], object] = print) -> None:
        self._stop, self._say = stop, say
        self._parts: list[Part] = []
        self._leash = Leash()
        self.live = Live()

    def start(self) -> None:
        """One after the other. Raises NoRedis, or Stopped."""
        redis = self._started(redis_server.start(self._leash))
        self._say(f"Redis:      {redis.told}")
        mail = self._started(Mail(self.live, MAIL_PORT))
        back: dict[str, str] = {}  # where the inbox leads back to, as soon as it is known
        box = self._started(Site("The inbox", inbox.create(mail.catcher, lambda: back), INBOX_PORT))
        mail.inbox_url = box.url
        watched = threading.Event()
        arguments = (redis.client, self.live, watched, self._stop)
        threading.Thread(target=watching.watch_redis, args=arguments, name="watches Redis", daemon=True).start()
        SendGifToUserWorker.queue = redis.queue
        worker = self._started(WorkerProcess(self._leash, self.live, redis.url, redis.queue))
        around = page.Around(box.url, worker.kill_in_the_middle, worker.heartbeat_lasts)
        jobs = dashboard(redis.client, hosts=NAMES)
        pages = page.create(self.live, mail.catcher, around)
        site = self._started(Site("The page", DispatcherMiddleware(pages, {"/jobs": jobs}), PORT))
        back.update({"The page": f"{site.url}/", "Dashboard": f"{site.url}{page.DASHBOARD}"})
        self._wait_for(worker.running)
        self._wait_for(watched)
        self._say(f"Worker:     minijobs worker, process {worker.pid}")
        self._say(f"Mail:       SMTP at 127.0.0.1:{mail.port}{_instead(mail.port, MAIL_PORT)}; nothing leaves this machine")
        self._say(f"The inbox:  {box.url}{_instead(box.port, INBOX_PORT)}")
        self._say(f"The page:   {site.url}{_instead(site.port, PORT)}; the dashboard is at {site.url}/jobs/")

    def watch(self) -> str | None:
        """Wait until we are told to stop; or until a part ends by itself, and then say which and why."""
        while not self._stop.wait(LOOK_EVERY):
            if why := self._why():
                return why
        return None

    def stop(self) -> None:
        """End all of it, what was started last first. Whatever goes wrong with one, the others are ended."""
        self._stop.set()
        self.live.close()
        while self._parts:
            try:
                self._parts.pop().stop()
            except Exception as error:
                self._say(f"While stopping: {type(error).__name__}: {error}")
        self._leash.let_go()

    def _started(self, part: Any) -> Any:
        self._parts.append(part)
        if self._stop.is_set():
            raise Stopped
        return part

    def _wait_for(self, event: threading.Event) -> None:
        deadline = time.monotonic() + START_WITHIN
        while not event.wait(0.02):
            if self._stop.is_set():
                raise Stopped
            if why := self._why():
                raise Died(why)
            if time.monotonic() > deadline:
                raise Died(f"It did not start within {START_WITHIN} seconds.")

    def _why(self) -> str | None:
        return next((why for part in self._parts if (why := part.died())), None)


def _instead(port: int, wanted: int) -> str:
    return "" if port == wanted else f" (port {wanted} is taken)"
