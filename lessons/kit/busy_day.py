"""The exercise of lesson 6: a worker process with old code, while jobs come in, and another one that should take over."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import minijobs

from . import session
from .beside import write
from .show import Shown, Table
from .stage import wait_until
from .worker_process import WorkerProcess, start_worker

LOADS = 1.0  # seconds that the new code takes to load, at least
PAUSE = 0.03  # seconds between two pushes
WORDS = "-r {code}.py -c 3 --timeout 0.3 --heartbeat 0.2"
LONGEST = 1.0  # seconds that the long job still runs after its process has become quiet
NO_PROGRESS = 4.0  # seconds without a job that ends, after which nothing more is expected
LATE = 10_000  # jobs that are pushed after the deploy have numbers from here on
LATE_ONES = 5

# What both processes run. Each job writes down who begins it, and that it has ended.
SOURCE = """
import json
import time

from minijobs import Worker, connection, on

CODE = "{code}"
redis = connection.current()
time.sleep({loads})


def note(what, number=None, **more):
    redis.rpush("story", json.dumps({{"what": what, "code": CODE, "number": number, "at": time.time(), **more}}))


class MailWorker(Worker):
    def perform(self, number):
        note("begin", number)
        time.sleep(0.02)
        note("end", number)


class ReportWorker(Worker):
    def perform(self, number):
        note("begin", number)
        while not redis.exists("enough"):
            time.sleep(0.02)
        note("end", number)


@on("quiet")
def say_so():
    note("quiet", processes=redis.scard("processes"))


@on("shutdown")
def say_so_too():
    note("stop")
"""


class BusyDay(Shown):
    """`old` runs jobs, one of them a long one, and more come in all the time. `start_new` starts the new process."""

    def __init__(self) -> None:
        self.pushed: list[int] = []
        self._read: list[dict[str, Any]] = []
        self._redis: Any
        _, self._redis, will_make = session.database()
        will_make({"story", "enough", "queue:default"})
        self._redis.delete("story", "enough")
        self._client = minijobs.Client(self._redis)
        self._over, self._lock = threading.Event(), threading.Lock()
        self.finished = False
        self.holds: Callable[[], bool] = lambda: False  # whether the long job goes on, whatever the clock says
        self.new: list[WorkerProcess] = []
        write("old.py", SOURCE.format(code="old", loads=0))
        write("new.py", SOURCE.format(code="new", loads=LOADS))
        self.old = start_worker(WORDS.format(code="old"), name="old", show=False)
        self._push("ReportWorker", 0)
        self._threads = [threading.Thread(target=task, daemon=True) for task in (self._go_on_pushing, self._let_it_end)]
        for thread in self._threads:
            thread.start()
        wait_until(lambda: len(self._of("begin")) > 3 and self.old.busy())

    def start_new(self) -> WorkerProcess:
        """Start the process with the new code. Returns at once: it has still to load."""
        # In a thread, because a check refuses processes that an answer starts, and this is none of them.
        words = WORDS.format(code="new")
        started: list[WorkerProcess] = []
        name = f"new {len(self.new) + 1}" if self.new else "new"
        options: dict[str, Any] = {"name": name, "beside": True, "wait": False, "show": False}
        begin = threading.Thread(target=lambda: started.append(start_worker(words, **options)))
        begin.start()
        begin.join()
        self.new += started
        return started[0]

    # How it went.

    def finish(self) -> BusyDay:
        """The deploy is over: push some jobs more, and wait until all have run, or nothing moves any more."""
        if not self.finished:
            self.finished = True
            self._redis.rpush("story", json.dumps({"what": "returned", "old has ended": self.old.ended()}))
            self._over.set()
            self._threads[0].join()
            for number in range(LATE, LATE + LATE_ONES):
                self._push("MailWorker", number)
            self._redis.set("enough", 1)
            ended, since = -1, time.monotonic()
            while self.never_ended and time.monotonic() - since < NO_PROGRESS:
                loading = any(not (one.ready() or one.ended()) for one in self.new)
                if loading or len(self._of("end")) != ended:
                    ended, since = len(self._of("end")), time.monotonic()
                time.sleep(0.02)
        return self

    @property
    def story(self) -> list[dict[str, Any]]:
        """What the processes wrote down, in the order in which Redis received it."""
        with self._lock:
            self._read += [json.loads(one) for one in self._redis.lrange("story", len(self._read), -1)]
            return list(self._read)

    @property
    def never_ended(self) -> list[int]:
        """The jobs that never ended, by their numbers."""
        ended = {one["number"] for one in self._of("end")}
        return [number for number in self.pushed if number not in ended]

    @property
    def begun_twice(self) -> list[int]:
        """The jobs that were begun more than once."""
        return [number for number, count in Counter(one["number"] for one in self._of("begin")).items() if count > 1]

    @property
    def failed(self) -> int:
        """How many jobs have failed."""
        return sum(int(self._redis.zcard(key)) for key in ("retry", "dead"))

    @property
    def old_at_return(self) -> bool:
        """Whether the old process was still there when deploy returned."""
        return not next(one["old has ended"] for one in self.story if one["what"] == "returned")

    @property
    def old_afterwards(self) -> int:
        """How many jobs the old code began after deploy had returned."""
        story = self.story
        returned = next(place for place, one in enumerate(story) if one["what"] == "returned")
        return sum(one["what"] == "begin" and one["code"] == "old" for one in story[returned:])

    @property
    def gap(self) -> float | None:
        """For how many seconds no process took jobs; None if none did any more."""
        story = self.story
        begun = {
            code: [one["at"] for one in story if one["what"] == "begin" and one["code"] == code] for code in ("old", "new")
        }
        quiet = next((one for one in story if one["what"] == "quiet" and one["code"] == "old"), None)
        if quiet is None and not self.old.ended():
            return 0.0  # it goes on
        if quiet is not None and quiet["processes"] > 1:
            return 0.0  # the other one was there by then
        if not begun["new"]:
            return None
        return max(0.0, begun["new"][0] - (quiet["at"] if quiet else max(begun["old"])))

    def lines(self) -> list[str]:
        self.finish()
        gap = self.gap
        rows = [
            ["jobs pushed", len(self.pushed)],
            ["jobs that never ended", len(self.never_ended)],
            ["jobs that were begun twice", len(self.begun_twice)],
            ["jobs that failed", self.failed],
            ["nobody took jobs for", "ever" if gap is None else f"{gap:.1f} s"],
            ["the old process, when deploy returned", "was still there" if self.old_at_return else "had ended"],
            ["jobs that the old code began after that", self.old_afterwards],
        ]
        return Table(["", ""], rows).lines()[1:]

    # What goes on meanwhile.

    def _push(self, name: str, number: int) -> None:
        self.pushed.append(number)
        self._client.push({"class": name, "args": [number], "retry": 0})

    def _go_on_pushing(self) -> None:
        number = 0
        while not self._over.wait(PAUSE):
            number += 1
            self._push("MailWorker", number)

    def _let_it_end(self) -> None:
        """The long job ends a while after its process has become quiet; if that is being stopped, only when it has ended."""
        while not (self._over.is_set() or self._of("quiet", "old")):
            time.sleep(0.02)
        until = time.monotonic() + LONGEST
        while not self._over.is_set() and (
            time.monotonic() < until or self.holds() or (self._of("stop", "old") and not self.old.ended())
        ):
            time.sleep(0.02)
        self._redis.set("enough", 1)

    def _of(self, what: str, code: str | None = None) -> list[dict[str, Any]]:
        return [one for one in self.story if one["what"] == what and code in (None, one["code"])]


def busy_day() -> BusyDay:
    """Start the old process, and jobs that come in all the time. What this returns says how a deploy went, when shown."""
    return BusyDay()
