"""The format of a log line, with process id, thread id and jid.

    2018-07-27T17:13:55.023Z 10221 TID-ovusw76r0 SendGifToUserWorker JID-08e6a309cf7c46dc0178c53f INFO: start
    2018-07-27T17:13:55.026Z 10221 TID-ovusw76r0 SendGifToUserWorker JID-08e6a309cf7c46dc0178c53f INFO: done: 0.003 sec

A library should not decide where a program's log goes: the lines go to the logger "minijobs", and `show` prints them.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TextIO


class Logger(logging.Logger):
    """The logger "minijobs". An error in anyone's filter, handler or record factory must not stop jobs from running."""

    def _log(self, *args: Any, stacklevel: int = 1, **options: Any) -> None:
        try:
            super()._log(*args, stacklevel=stacklevel + 1, **options)  # type: ignore[misc]
        except Exception:
            self.complain()

    def handle(self, record: logging.LogRecord) -> None:
        try:
            super().handle(record)
        except Exception:
            self.complain()

    def line(self, message: str, *args: object) -> None:
        """`info` for the two lines of each job. It takes a quarter less time, because it does not look up the caller."""
        if self.isEnabledFor(logging.INFO):
            try:
                super().handle(logging.getLogRecordFactory()(self.name, logging.INFO, self.name, 0, message, args, None))
            except Exception:
                self.complain()

    def complain(self) -> None:
        """Print what failed, as `logging.Handler.handleError` does."""
        with suppress(Exception):  # standard error may be closed
            if logging.raiseExceptions:
                traceback.print_exc()


logger: Logger = logging.getLogger("minijobs")  # type: ignore[assignment]
logger.__class__ = Logger  # code that got it by name before this also has the new class

# The name of the Worker and the jid of the job that this thread is running.
_running: ContextVar[str] = ContextVar("minijobs_running", default="")


def tid() -> str:
    """A short name for this thread: its id, combined with the process id, in base 36. Sidekiq: the same.

    >>> tid() == tid()
    True
    """
    return _base_36(threading.get_ident() ^ os.getpid())


@lru_cache(maxsize=1_000)  # called several times for each job, and there are few threads
def _base_36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


class job_context:  # lower-case, because it is used like a function
    """Within the block, every line that this thread logs, to any logger, carries the Worker's name and the jid."""

    def __init__(self, worker: str, jid: str) -> None:
        words = f" {worker} JID-{jid}"
        self.words = words if words.isprintable() else repr(words)[1:-1]  # a newline would begin a line of its own

    def __enter__(self) -> None:
        self.token = _running.set(self.words)

    def __exit__(self, *error: object) -> None:
        _running.reset(self.token)


class AddContext(logging.Filter):
    """Records which thread and job a line is from, in the thread that logs it: another thread may format the line."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.minijobs = f"{record.process} TID-{tid()}{_running.get()}"
        return True


class Formatter(logging.Formatter):
    """The seven parts of a line, in Sidekiq's order."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(minijobs)s %(levelname)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        if record.exc_info or record.exc_text or record.stack_info:
            return super().format(record)
        # The same in less than half the time, which matters with two lines for each job.
        created, context = _second(int(record.created)), record.minijobs  # type: ignore[attr-defined]
        return f"{created}.{int(record.msecs):03d}Z {context} {record.levelname}: {record.getMessage()}"

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _second(int(record.created))


@lru_cache(maxsize=10)  # hundreds of lines may share one second
def _second(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))


def handler(stream: TextIO | None = None) -> logging.StreamHandler[TextIO]:
    """A handler that prints such lines to `stream`, by default standard error. It can be added to any logger."""
    printer = logging.StreamHandler(stream or sys.stderr)
    printer.addFilter(AddContext())
    printer.setFormatter(Formatter())
    return printer


def show(stream: TextIO | None = None, level: int | str = logging.INFO) -> logging.Handler:
    """Print minijobs' own lines to `stream`, from `level` up. Returns the handler, for `logger.removeHandler`.

    A stream to which they are printed already gets them once all the same, for example when a notebook's cell is run again.
    """
    printer = handler(stream)
    logger.handlers[:] = [one for one in logger.handlers if getattr(one, "stream", None) is not printer.stream] + [printer]
    logger.setLevel(level)
    return printer
