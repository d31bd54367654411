"""The log line, with process id, thread id and jid.

    2018-07-27T17:13:55.023Z 10221 TID-ovusw76r0 SendGifToUserWorker JID-08e6a309cf7c46dc0178c53f INFO: start
    2018-07-27T17:13:55.026Z 10221 TID-ovusw76r0 SendGifToUserWorker JID-08e6a309cf7c46dc0178c53f INFO: done: 0.003 sec

A library does not decide where a program's log goes: the lines go to the logger "minijobs", and `show` prints them.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import lru_cache
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import TextIO

logger = logging.getLogger("minijobs")

# So many lines wait at most to be written in the background; who has more to say waits as well.
MOST_WAITING = 10_000

# The name of the Worker and the jid of the job that this thread is running.
_running: ContextVar[str] = ContextVar("minijobs_running", default="")


def tid() -> str:
    """A short name for this thread, its id in base 36. Sidekiq: the same.

    >>> tid() == tid()
    True
    """
    return _base_36(threading.get_ident() ^ os.getpid())


@lru_cache(maxsize=1_000)  # asked several times for each job, and threads are few
def _base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


@contextmanager
def about(worker: str, jid: str) -> Iterator[None]:
    """Everything that this thread logs meanwhile carries the Worker's name and the jid, whichever logger it goes to."""
    token = _running.set(f"{worker} JID-{jid}")
    try:
        yield
    finally:
        _running.reset(token)


class AddContext(logging.Filter):
    """Writes down who is speaking while the speaking thread still runs: a line may be formatted in another one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.minijobs = " ".join(filter(None, (f"{record.process} TID-{tid()}", _running.get())))
        return True


class Formatter(logging.Formatter):
    """The seven parts of a line, in Sidekiq's order."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(minijobs)s %(levelname)s: %(message)s", "%Y-%m-%dT%H:%M:%S")

    converter = staticmethod(time.gmtime)


def handler(stream: TextIO | None = None) -> logging.StreamHandler[TextIO]:
    """A handler that prints such lines to `stream`, standard error unless told. Put it on any logger."""
    printer = logging.StreamHandler(stream or sys.stderr)
    printer.addFilter(AddContext())
    printer.setFormatter(Formatter())
    return printer


def show(stream: TextIO | None = None, level: int | str = logging.INFO) -> logging.Handler:
    """Print minijobs' own lines to `stream`. Gives back the handler, for `logger.removeHandler`."""
    printer = handler(stream)
    logger.addHandler(printer)
    logger.setLevel(level)
    return printer


@contextmanager
def show_in_background(stream: TextIO | None = None, level: int | str = logging.INFO) -> Iterator[None]:
    """As `show`, until the block ends, by a thread of its own that writes many lines at once.

    Each write hands the interpreter's lock to another thread, and the threads that run jobs stand in each other's way. What
    waits to be written when a process is killed is lost: some thousandths of a second of it.
    """
    waiting: SimpleQueue[logging.LogRecord] = SimpleQueue()
    front, writer = _Front(waiting), _Writer(waiting, handler(stream))
    front.addFilter(AddContext())
    logger.addHandler(front)
    logger.setLevel(level)
    writer.start()
    try:
        yield
    finally:
        logger.removeHandler(front)
        writer.stop()


class _Front(QueueHandler):
    """Where a thread leaves what it has to say."""

    def __init__(self, waiting: SimpleQueue[logging.LogRecord]) -> None:
        super().__init__(waiting)
        self.waiting = waiting

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        return record  # nobody but us will change it, so it can be formatted later

    def enqueue(self, record: logging.LogRecord) -> None:
        while self.waiting.qsize() > MOST_WAITING:
            time.sleep(0.001)
        self.waiting.put(record)


class _Writer(QueueListener):
    """Writes it down, with one write for all that waits."""

    def __init__(self, waiting: SimpleQueue[logging.LogRecord], printer: logging.StreamHandler[TextIO]) -> None:
        super().__init__(waiting)
        self.waiting = waiting
        self.printer = printer
        self.lines: list[str] = []

    def handle(self, record: logging.LogRecord) -> None:
        try:
            self.lines.append(self.printer.format(record) + "\n")
        except Exception:
            self.printer.handleError(record)
        if self.waiting.empty() or len(self.lines) > MOST_WAITING:
            self.write()

    def write(self) -> None:
        with suppress(OSError, ValueError):  # nobody reads it any more: no reason to stop running jobs
            self.printer.stream.write("".join(self.lines))
            self.printer.flush()
        self.lines.clear()

    def stop(self) -> None:
        super().stop()
        self.write()
