"""Functions of your program that are called when a worker process starts, becomes quiet and stops.

    @on("startup")
    def connect():          # before the first job is fetched; if it raises, none is
        pool.open()

    @on("quiet")
    def step_back():        # no more jobs are fetched; some may still be running
        ...

    @on("shutdown")
    def disconnect():       # the process was told to stop; jobs may still run for a while
        pool.close()

Sidekiq: `config.on(:startup)` and the like.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event
from typing import Any, TypeVar

from .log import logger
from .middleware import exit_if_forked, has_run, must_run

Handler = TypeVar("Handler", bound=Callable[[], Any])

EVENTS = ("startup", "quiet", "shutdown")

handlers: dict[str, list[Callable[[], Any]]] = {event: [] for event in EVENTS}
"""The functions to call at each event, in the order in which they were added. `call` goes backwards at the end."""


def on(event: str) -> Callable[[Handler], Handler]:
    """Decorate a function to be called at "startup", "quiet" or "shutdown" of every `Server` in this program.

    Raises ValueError for another event, TypeError for an async function. Sidekiq: the same name.

    >>> @on("startup")
    ... def greet():
    ...     print("hello")
    >>> call("startup")
    hello
    >>> handlers["startup"].remove(greet)
    """
    if event not in EVENTS:
        raise ValueError(f"There is no event {event!r}: one of {', '.join(EVENTS)}.")

    def add(handler: Handler) -> Handler:
        must_run(handler, f"This handler of {event}")
        handlers[event].append(handler)
        return handler

    return add


def call(event: str) -> None:
    """Call the handlers of this event. An exception at "startup" is raised; at the other events it is only logged."""
    for handler in handlers[event] if event == "startup" else reversed(handlers[event]):
        process = os.getpid()
        try:
            result = handler()
            exit_if_forked(process)
            has_run(result, f"This handler of {event}")
        except BaseException as error:  # the other handlers must be called, also after sys.exit() in one
            exit_if_forked(process, error)
            if event == "startup":
                raise
            logger.exception("a handler of %s failed", event)


def call_at_the_end(quiet: Event, stop: Event) -> None:
    """Wait for each of these events and call its handlers. Runs in its own thread, because handlers may take long."""
    quiet.wait()
    call("quiet")
    stop.wait()
    call("shutdown")
