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
import traceback
from contextlib import suppress
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, TextIO


class Logger(logging.Logger):
    """Ours. What fails in a filter, a handler or a record factory of somebody's is no reason to stop running jobs."""

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
        """`info` for the two lines of each job, in a quarter less time: who called it is not looked up."""
        if self.isEnabledFor(logging.INFO):
            try:
                super().handle(logging.getLogRecordFactory()(self.name, logging.INFO, self.name, 0, message, args, None))
            except Exception:
                self.complain()

    def complain(self) -> None:
        """Say what failed, as `logging.Handler.handleError` does."""
        with suppress(Exception):  # standard error may be closed
            if logging.raiseExceptions:
                traceback.print_exc()


logger: Logger = logging.getLogger("minijobs")  # type: ignore[assignment]
logger.__class__ = Logger  # whoever asked for it by name before us has it, too

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


class job_context:  # it is used like a function
    """Everything that this thread logs meanwhile carries the Worker's name and the jid, whichever logger it goes to."""

    def __init__(self, worker: str, jid: str) -> None:
        self.words = f" {worker} JID-{jid}"

    def __enter__(self) -> None:
        self.token = _running.set(self.words)

    def __exit__(self, *error: object) -> None:
        _running.reset(self.token)


class AddContext(logging.Filter):
    """Writes down who is speaking while the speaking thread still runs: a line may be formatted in another one."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.minijobs = f"{record.process} TID-{tid()}{_running.get()}"
        return True


class Formatter(logging.Formatter):
    """The seven parts of a line, in Sidekiq's order."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(minijobs)s %(levelname)s: %(message)s")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return _second(int(record.created))


@lru_cache(maxsize=10)  # hundreds of lines are of the same second
def _second(epoch: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))


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
