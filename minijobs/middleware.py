"""Code that runs around every push, and around every run of a job.

A middleware is a function. Its last argument is the next step, which it calls; the others are what it may inspect:

    @client.add
    def tag(job, call_next):               # before a push, in the process that pushes
        job["tags"] = ["mail"]
        call_next()                        # not calling it cancels the push

    @server.add
    def announce(worker, job, call_next):  # around a run, in the process that runs jobs
        print("about to run", job["jid"])
        call_next()                        # not calling it skips the run, and the job counts as done

The last step before a push is not the push itself, which happens after all middleware has returned, perhaps for many jobs at
once.

Sidekiq: `config.client_middleware` and `config.server_middleware`.
"""

from __future__ import annotations

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, TypeVar

# To call one of these runs nothing yet. It returns one of NOT_RUN, which has to be run by other means.
RUN_NOTHING = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
NOT_RUN = (CoroutineType, GeneratorType, AsyncGeneratorType)

Middleware = TypeVar("Middleware", bound=Callable[..., Any])


class Chain:
    """Middleware in the order in which it was added: the first is the outermost.

    >>> chain = Chain()
    >>> @chain.add
    ... def shout(text, go_on):
    ...     print(text.upper())
    ...     go_on()
    >>> chain.invoke("hello", last=lambda: print("done"))
    HELLO
    done
    """

    def __init__(self) -> None:
        self._links: list[Callable[..., Any]] = []

    def __bool__(self) -> bool:
        return bool(self._links)

    def add(self, middleware: Middleware) -> Middleware:
        """Add `middleware` as the innermost, and return it, so that `add` is also a decorator. Raises TypeError if it is
        async or a generator."""
        must_run(middleware, "This middleware")
        self._links.append(middleware)
        return middleware

    def remove(self, middleware: Callable[..., Any]) -> None:
        """Remove `middleware`. Raises ValueError if it is not in the chain."""
        self._links.remove(middleware)

    def allows(self, *context: object) -> bool:
        """Call each middleware with `context`, and return whether all of them called the next step."""
        if not self:
            return True
        reached: list[bool] = []
        self.invoke(*context, last=lambda: reached.append(True))
        return bool(reached)

    def invoke(self, *context: object, last: Callable[[], None]) -> None:
        """Call each middleware with `context` and the next step; the last step is `last`."""
        step = last
        for link in reversed(self._links):
            step = partial(_call, link, *context, step)
        step()


def must_run(function: Callable[..., Any], what: str) -> None:
    """Raise TypeError if calling this function would not run it, because it is async or a generator."""
    for one in (function, type(function).__call__):
        if any(kind(one) for kind in RUN_NOTHING):
            raise TypeError(_runs_nothing(what))


def has_run(result: object, what: str) -> None:
    """Raise TypeError if `result` shows that the function did not run. This catches what `must_run` cannot: a decorated
    function, or one defined later."""
    if isinstance(result, NOT_RUN):
        if isinstance(result, CoroutineType):
            result.close()  # otherwise Python warns, somewhere else, that it was never awaited
        raise TypeError(_runs_nothing(what))


def exit_if_forked(process: int, error: BaseException | None = None) -> None:
    """End this process if it is not `process`: a job or a hook called os.fork(), and the child is not a worker process.

    In the child only the forking thread exists, in the middle of our stack. It must neither settle the job nor fetch more.
    """
    if os.getpid() == process:
        return
    code = 0
    if isinstance(error, SystemExit):
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        traceback.print_exception(error)
        code = 1
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be closed, or None
            stream.flush()
    os._exit(code)


def _runs_nothing(what: str) -> str:
    return (
        f"{what} is async or a generator, and to call it runs nothing: make it a plain def, with asyncio.run(…) or a loop "
        "inside."
    )


def _call(link: Callable[..., Any], *context: object) -> None:
    has_run(link(*context), "This middleware")


client = Chain()
server = Chain()
