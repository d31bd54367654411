"""The log of a worker process, written in the background.

Each write hands the interpreter's lock to another thread, and the threads that run jobs stand in each other's way: with two
lines for each job, they ran half as many. So they only leave what they have to say, and one thread writes down all of it.

The log never stops the work: where nothing can be written any more, lines are dropped, and how many is written later.
"""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import Any, TextIO

from ..log import AddContext, Logger, handler, logger

# So many lines wait at most to be written in the background; who has more to say waits as well.
MOST_WAITING = 10_000

# Seconds between two writes. To be woken for each line costs the threads that run jobs as much as to write it.
PAUSE = 0.005

# Seconds that a write may take before lines are dropped: a pipe that nobody reads takes for ever.
PATIENCE = 1.0


@contextmanager
def show_in_background(stream: TextIO | None = None, level: int | str = logging.INFO) -> Iterator[None]:
    """As `log.show`, until the block ends.

    What waits to be written when a process is killed is lost: some thousandths of a second of it.
    """
    front = _Front(handler(stream))
    kind = type(logger)
    logger.__class__ = _Visible
    logger.addHandler(front)
    logger.setLevel(level)
    front.writer.start()
    try:
        yield
    finally:
        logger.removeHandler(front)
        logger.__class__ = kind
        front.stop()


class _Visible(Logger):
    """Our logger in a worker process: its lines are written, and to each place once, whenever others set up logging.

    `logging.config.dictConfig` disables the loggers that exist, and `logging.basicConfig` adds a handler that would print
    our lines a second time. Either may be called in the user's module or in any job. The level stays theirs.
    """

    @property
    def disabled(self) -> bool:
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None: ...

    def callHandlers(self, record: logging.LogRecord) -> None:
        above = self.root.handlers if self.propagate else []
        streams = [handler.printer.stream for handler in self.handlers if isinstance(handler, _Front)] if above else []
        for one in (*self.handlers, *above):
            again = one in above and any(_same_place(getattr(one, "stream", None), stream) for stream in streams)
            if record.levelno >= one.level and not again:
                try:
                    one.handle(record)
                except Exception:  # a handler of somebody else's: no reason to stop running jobs
                    with suppress(Exception):
                        one.handleError(record)


def _same_place(one: Any, other: Any) -> bool:
    """Whether two streams write to one file, terminal or pipe; each may be wrapped in another."""
    if one is other or one is None or other is None:
        return one is other
    try:
        return bool(one.fileno() == other.fileno())
    except (AttributeError, OSError, ValueError):
        return False


class _Front(logging.Handler):
    """Where a thread leaves what it has to say, and the thread that writes it, with one write for all that waits."""

    def __init__(self, printer: logging.StreamHandler[TextIO]) -> None:
        super().__init__()
        self.addFilter(AddContext())
        self.printer = printer
        self.waiting: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        self.pid = os.getpid()
        self.writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        self.lines: list[str] = []
        self._writing_since = float("inf")
        self.ended = False  # the writer writes no more
        self.count = threading.Lock()
        self._dropped = 0  # because too many waited
        self._lost = 0  # they could not be written: only the writer counts here
        self._told = 0  # and so many of both are known to the reader

    def handle(self, record: logging.LogRecord) -> bool:
        """As any handler's, without its lock: many threads may put into one queue."""
        if told := bool(self.filter(record)):
            self.emit(record)
        return told

    def emit(self, record: logging.LogRecord) -> None:
        # A child has no such thread. It writes what it has to say by itself.
        if self.ended or os.getpid() != self.pid:
            self.printer.handle(record)
            return
        while self.waiting.qsize() > MOST_WAITING:
            if time.monotonic() - self._writing_since > PATIENCE or self.ended:
                with self.count:
                    self._dropped += 1
                return
            time.sleep(0.001)
        self.waiting.put(record)  # as it is: nobody but us will change it, so it can be formatted later

    def stop(self) -> None:
        """Write what waits, if it can be written."""
        self.waiting.put(None)
        self.writer.join(2 * PATIENCE)

    def _write_all(self) -> None:
        try:
            while (record := self.waiting.get()) is not None:
                try:
                    self.lines.append(self.printer.format(record) + "\n")
                except BaseException:  # a job may log anything, also an object whose text is a SystemExit
                    with suppress(BaseException):
                        self.printer.handleError(record)
                if self.waiting.empty() or len(self.lines) > MOST_WAITING:
                    self._write()
                    time.sleep(PAUSE)
            self._write()
        finally:
            self.ended = True

    def _write(self) -> None:
        missing = self._dropped + self._lost
        if missing > self._told:
            words = (missing - self._told,)
            record = logger.makeRecord(logger.name, logging.WARNING, "", 0, "%d lines of this log were dropped", words, None)
            AddContext().filter(record)
            self.lines.insert(0, self.printer.format(record) + "\n")
        self._writing_since = time.monotonic()
        try:
            _put("".join(self.lines), self.printer.stream)
            self._told = missing
        except Exception:  # a full disk, a closed stream, a reader who has gone: no reason to stop running jobs
            self._lost += len(self.lines) - (missing > self._told)
        self._writing_since = float("inf")
        self.lines.clear()


def _put(text: str, stream: Any) -> None:
    if not text or stream is None:  # so it is where standard error is closed
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    data = text.encode(encoding, "backslashreplace")
    if type(stream) is not io.TextIOWrapper:
        stream.write(data.decode(encoding))
        stream.flush()
    else:  # past its buffer, whose lock a child that is forked meanwhile would find taken for ever
        while data:
            data = data[os.write(stream.fileno(), data) :]
