"""Code around every push, and around every run.

A middleware is a function that is handed what it may look at, and last of all the next step, which it calls:

    @client.add
    def tag(job, call_next):               # before a push, in the process that pushes
        job["tags"] = ["mail"]
        call_next()                        # not calling it cancels the push

    @server.add
    def announce(worker, job, call_next):  # around a run, in the process that runs jobs
        print("about to run", job["jid"])
        call_next()                        # not calling it skips the run, and the job is done

The last step of a push is not the push itself: that comes when all middleware has returned, for many jobs at once perhaps.

Sidekiq: `config.client_middleware` and `config.server_middleware`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import Any, TypeVar

# What a call of them returns is to be run by somebody else: one of NOT_RUN.
RUN_NOTHING = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
NOT_RUN = (CoroutineType, GeneratorType, AsyncGeneratorType)

Middleware = TypeVar("Middleware", bound=Callable[..., Any])


class Chain:
    """Middleware in the order it was added: the first is the outermost.

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
        """Put `middleware` innermost. Returns it, so that it serves as a decorator. Raises TypeError if it is async."""
        must_run(middleware, "This middleware")
        self._links.append(middleware)
        return middleware

    def remove(self, middleware: Callable[..., Any]) -> None:
        """Take `middleware` out. Raises ValueError if it is not there."""
        self._links.remove(middleware)

    def allows(self, *context: object) -> bool:
        """Whether each middleware, called with `context`, calls the next step."""
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
    """Raise TypeError if to call this function runs nothing: it is async, or a generator."""
    for one in (function, type(function).__call__):
        if any(kind(one) for kind in RUN_NOTHING):
            raise TypeError(_runs_nothing(what))


def has_run(result: object, what: str) -> None:
    """Raise TypeError if this is what a function returns that has not run yet: a decorated one, or one defined later."""
    if isinstance(result, NOT_RUN):
        if isinstance(result, CoroutineType):
            result.close()  # or Python warns, somewhere else, that nobody awaited it
        raise TypeError(_runs_nothing(what))


def _runs_nothing(what: str) -> str:
    return (
        f"{what} is async or a generator, and to call it runs nothing: make it a plain def, with asyncio.run(…) or a loop "
        "inside."
    )


def _call(link: Callable[..., Any], *context: object) -> None:
    has_run(link(*context), "This middleware")


client = Chain()
server = Chain()
