"""Threads where there are none: they take turns.

A thread that was started runs when another one waits, for it or for anything else, from its beginning to its end. That is
one of the orders in which real threads may run. A `Server` runs until it is stopped, so it takes a turn each time. A thread
that begins by waiting, as a Timer does, is begun anew each time, until what it waits for has happened.
"""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable, Generator
from functools import wraps
from random import Random

from minijobs import Server, lifecycle, scheduled
from minijobs.log import logger

from . import lines

SHORT = 0.01  # seconds between two turns

KEEP_ALIVE = "keep-alive"  # the thread of a Processor that waits until its job has ended

Turns = Generator[None, None, None]


class Later(BaseException):
    """A thread waits for something that has not happened: others have to go on first."""


_started: dict[threading.Thread, Turns] = {}  # in the order in which they were started
_running: list[tuple[threading.Thread, int]] = []  # the innermost last
_due: dict[threading.Thread, float] = {}  # until when those wait that are begun anew
_idents = itertools.count(0x7F65_4000_0000, 0x1000)  # numbers as a thread has them elsewhere, where they are addresses
_main = next(_idents)
_really_sleep = time.sleep


def take_over() -> None:
    """From now on, threads take turns in this process."""
    for owner, name, ours in (
        (threading.Thread, "start", _start),
        (threading.Thread, "join", _join),
        (threading.Thread, "is_alive", _is_alive),
        (threading.Event, "wait", _wait),
        (threading, "get_ident", _who),
        (time, "sleep", _sleep),
        (Server, "run", _run_alone),
    ):
        setattr(owner, name, wraps(getattr(owner, name))(ours))
    main = threading.main_thread()
    main._ident, threading._active[_main] = _main, main  # type: ignore[attr-defined]


def all_take_one() -> None:
    """Each thread that was started and has not ended takes a turn, unless it is in the middle of one."""
    for thread, turns in list(_started.items()):
        if thread in _started and not any(thread is one for one, _ in _running):
            _take(thread, turns)


def _take(thread: threading.Thread, turns: Turns) -> None:
    _running.append((thread, thread.ident or 0))
    try:
        next(turns)
    except StopIteration:
        _started.pop(thread, None)
    except Later:
        _started[thread] = _turns_of(thread)
    except BaseException as error:
        _started.pop(thread, None)
        if not isinstance(error, SystemExit):
            threading.excepthook(threading.ExceptHookArgs((type(error), error, error.__traceback__, thread)))
    finally:
        _running.pop()


def _start(thread: threading.Thread) -> None:
    if thread.ident is not None:
        raise RuntimeError("threads can only be started once")
    thread._ident = next(_idents)  # type: ignore[attr-defined]
    thread._started._flag = True  # type: ignore[attr-defined]
    _started[thread] = _turns_of(thread)


def _turns_of(thread: threading.Thread) -> Turns:
    target = getattr(thread, "_target", None)
    if getattr(target, "__func__", None) is Server.run:
        yield from _serve(target.__self__)
        return
    begun_with = dict(vars(thread))
    try:
        thread.run()
    except Later:
        vars(thread).update(begun_with)  # `run` forgets what it has called
        raise


def _join(thread: threading.Thread, timeout: float | None = None) -> None:
    if thread.ident is None:
        raise RuntimeError("cannot join thread before it is started")
    _until(lambda: thread not in _started, timeout)


def _is_alive(thread: threading.Thread) -> bool:
    return thread in _started


def _wait(event: threading.Event, timeout: float | None = None) -> bool:
    thread = _running[-1][0] if _running else None
    if not (isinstance(thread, threading.Timer) or getattr(thread, "name", "") == KEEP_ALIVE):
        return _until(event.is_set, timeout)
    due = _due.setdefault(thread, time.monotonic() + (timeout or 0))
    if not event.is_set() and time.monotonic() < due:
        raise Later
    del _due[thread]
    return event.is_set()


def _sleep(seconds: float) -> None:
    until = time.monotonic() + seconds
    while True:
        all_take_one()
        lines.now()
        left = until - time.monotonic()
        _really_sleep(max(0.0, min(left, lines.EVERY)))
        if left <= lines.EVERY:
            return


def _who() -> int:
    return _running[-1][1] if _running else _main


def _until(condition: Callable[[], bool], timeout: float | None) -> bool:
    """Let the others take turns until this is so. If nobody is left who could make it so, nothing will: it waits in vain."""
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    while not condition():
        all_take_one()
        if condition():
            break
        lines.now()
        if time.monotonic() >= deadline:
            return False
        _really_sleep(SHORT)
    return True


def _run_alone(server: Server) -> int:
    for _ in _serve(server):
        _sleep(SHORT)
    return 0


def _serve(server: Server) -> Turns:
    """What the threads of a Server do, one after the other: see `minijobs.server`."""
    server.heart.beat()
    lifecycle.call("startup")
    dice, due = Random(), 0.0
    while not server._stop.is_set():
        if time.monotonic() >= due:
            scheduled.poll(server.redis)
            due = time.monotonic() + scheduled.poll_interval(server.poll_every, 1, dice.uniform)
        while not server._quiet.is_set() and server.processor.process_one() is not None:
            pass
        yield
    logger.info("quiet: nothing more is fetched, jobs still running: 0")
    server.heart.stop()
    server.fetcher.leave()
    logger.info("stopped: nothing was left unfinished")
    lifecycle.call_at_the_end(server._quiet, server._stop)


if sys.platform == "emscripten":
    take_over()
