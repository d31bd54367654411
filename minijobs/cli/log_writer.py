"""The log of a worker process, written in the background.

Each write hands the interpreter lock to another thread, and the threads that run jobs get in each other's way: with two
lines logged for each job, they ran half as many jobs. So they only put their lines into a queue, and one thread writes them.

The log never stops the work: when nothing can be written, lines are dropped, and their number is logged later.
"""

from __future__ import annotations

import atexit
import io
import logging
import os
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import Any, TextIO

from ..clock import monotonic
from ..log import AddContext, Logger, handler, logger

# How many lines may wait to be written in the background; beyond that, a thread that logs has to wait too.
MOST_WAITING = 10_000

# Seconds between two writes. Waking the writer for each line would cost the other threads as much as writing it.
PAUSE = 0.005

# How many bytes are written to a pipe in one piece, even if several processes write to it at the same time.
ONE_PIECE = getattr(select, "PIPE_BUF", 512)

# Seconds that a write may take before lines are dropped: to a pipe that nothing reads, a write takes for ever.
PATIENCE = 1.0


@contextmanager
def show_in_background(
    stream: TextIO | None = None, level: int | str = logging.INFO, *, shared: bool = False
) -> Iterator[None]:
    """Like `log.show`, until the block ends. If it is `shared`, other processes write to the same place: no line is torn.

    When the process is killed, the lines that have not been written are lost: those of the last few milliseconds.
    """
    front = _Front(handler(stream), shared)
    kind = type(logger)
    logger.__class__ = _Visible
    logger.addHandler(front)
    logger.setLevel(level)
    front.writer.start()
    atexit.register(front.stop)  # for a thread that ends the process, by `console.end`, before the block ends
    try:
        yield
    finally:
        logger.removeHandler(front)
        logger.__class__ = kind
        atexit.unregister(front.stop)
        front.stop()


class _Visible(Logger):
    """Our logger in a worker process. Its lines are always written, once to each place, even if other code sets up logging.

    `logging.config.dictConfig` disables existing loggers, and `logging.basicConfig` adds a handler that would print our
    lines a second time. The user's module or any job may call either. Other code can still set the level.
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
                except Exception:  # another handler's error must not stop jobs from running
                    with suppress(Exception):
                        one.handleError(record)


def _same_place(one: Any, other: Any) -> bool:
    """Whether two streams, possibly wrapped in others, write to the same file, terminal or pipe."""
    if one is other or one is None or other is None:
        return one is other
    try:
        return bool(one.fileno() == other.fileno())
    except (AttributeError, OSError, ValueError):
        return False


class _Front(logging.Handler):
    """A handler that queues records, and the thread that writes them, all that are waiting in one write."""

    def __init__(self, printer: logging.StreamHandler[TextIO], shared: bool) -> None:
        super().__init__()
        self.shared = shared
        self.addFilter(AddContext())
        self.printer = printer
        self.waiting: SimpleQueue[logging.LogRecord | None] = SimpleQueue()
        self.pid = os.getpid()
        self.writer = threading.Thread(target=self._write_all, name="log", daemon=True)
        self.lines: list[str] = []
        self._writing_since = float("inf")
        self.ended = False  # whether the writer has ended
        self.count = threading.Lock()
        self._dropped = 0  # lines dropped because too many were waiting
        self._lost = 0  # lines that could not be written; only the writer changes this
        self._reported = 0  # how many of both the log has already mentioned

    def handle(self, record: logging.LogRecord) -> bool:
        """Like `logging.Handler.handle`, but without its lock: many threads may put into one queue."""
        if passed := bool(self.filter(record)):
            self.emit(record)
        return passed

    def emit(self, record: logging.LogRecord) -> None:
        # A forked child does not have the writer thread, so it writes its lines itself.
        if self.ended or os.getpid() != self.pid:
            self.printer.handle(record)
            return
        while self.waiting.qsize() > MOST_WAITING:
            if monotonic() - self._writing_since > PATIENCE or self.ended:
                with self.count:
                    self._dropped += 1
                return
            time.sleep(0.001)
        self.waiting.put(record)  # unformatted: no other code will change it, so it can be formatted later

    def stop(self) -> None:
        """Write what is waiting, if it can be written, and end the writer."""
        self.waiting.put(None)
        self.writer.join(2 * PATIENCE)

    def _write_all(self) -> None:
        try:
            while (record := self.waiting.get()) is not None:
                try:
                    self.lines.append(self.printer.format(record) + "\n")
                except BaseException:  # a job may log anything, even an object whose __str__ raises SystemExit
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
        if missing > self._reported:
            counted = (missing - self._reported,)
            record = logger.makeRecord(
                logger.name, logging.WARNING, "", 0, "%d lines of this log were dropped", counted, None
            )
            AddContext().filter(record)
            self.lines.insert(0, self.printer.format(record) + "\n")
        self._writing_since = monotonic()
        try:
            for text in _pieces(self.lines) if self.shared else ["".join(self.lines)]:
                _put(text, self.printer.stream)
            self._reported = missing
        except Exception:  # a full disk, a closed stream, a reader that is gone: jobs must go on
            self._lost += len(self.lines) - (missing > self._reported)
        self._writing_since = float("inf")
        self.lines.clear()


def _pieces(lines: list[str]) -> Iterator[str]:
    """The lines, joined to texts of at most ONE_PIECE bytes; a single line may be longer, and is then torn at worst."""
    piece: list[str] = []
    size = 0
    for line in lines:
        length = len(line.encode(errors="backslashreplace"))
        if size + length > ONE_PIECE:
            yield "".join(piece)
            piece, size = [], 0
        piece.append(line)
        size += length
    yield "".join(piece)


def _put(text: str, stream: Any) -> None:
    if not text or stream is None:  # it is None if standard error is closed
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    data = text.encode(encoding, "backslashreplace")
    if type(stream) is not io.TextIOWrapper:
        stream.write(data.decode(encoding))
        stream.flush()
    else:  # bypass its buffer, whose lock would stay locked in a child that is forked meanwhile
        while data:
            data = data[os.write(stream.fileno(), data) :]
