"""The log of a worker process, written in the background.

Each write hands the interpreter's lock to another thread, and the threads that run jobs stand in each other's way: with two
lines for each job, they ran half as many. So they only leave what they have to say, and one thread writes down all of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from logging.handlers import QueueHandler, QueueListener
from queue import SimpleQueue
from typing import TextIO

from .log import AddContext, handler, logger

# So many lines wait at most to be written in the background; who has more to say waits as well.
MOST_WAITING = 10_000

# Seconds between two writes. To be woken for each line costs the threads that run jobs as much as to write it.
PAUSE = 0.005


@contextmanager
def show_in_background(stream: TextIO | None = None, level: int | str = logging.INFO) -> Iterator[None]:
    """As `log.show`, until the block ends.

    What waits to be written when a process is killed is lost: some thousandths of a second of it.
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
            time.sleep(PAUSE)

    def write(self) -> None:
        with suppress(OSError, ValueError):  # nobody reads it any more: no reason to stop running jobs
            self.printer.stream.write("".join(self.lines))
            self.printer.flush()
        self.lines.clear()

    def stop(self) -> None:
        super().stop()
        self.write()
