"""Worker: what you subclass.

Three words that are easily mixed up: a *Worker* is a class that you write; a *job* is one call of it, waiting in Redis as
JSON; a *worker process* is the program that takes jobs out and runs them.
"""

from __future__ import annotations

import difflib
import inspect
import sys
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, ClassVar

from . import job as jobs
from . import middleware
from .client import Client
from .fields import plain
from .job import Job

# The class attributes of a Worker that travel with each of its jobs, under the same names as in Sidekiq.
OPTIONS = ("queue", "retry", "retry_for", "retry_queue", "dead", "backtrace", "tags")

# The methods of a Worker that are called here; the first three are its own to write.
METHODS = ("perform", "retry_in", "retries_exhausted", "perform_async", "perform_in", "perform_bulk", "set", "options")

registry: dict[str, type[Worker]] = {}
"""Every Worker that was defined in this process, by the name that its jobs carry."""


class UnknownWorker(LookupError):
    """A job names a Worker that this process does not know."""


class Worker:
    """A kind of background job. Subclass it and define `perform`. Sidekiq: `include Sidekiq::Job`.

    >>> import fakeredis, minijobs
    >>> redis = minijobs.connect(fakeredis.FakeRedis())
    >>> class SendGif(Worker):
    ...     queue = "mail"
    ...     def perform(self, email, thought):
    ...         return f"sent {thought!r} to {email}"

    A plain call runs here and now. Redis never hears of it:

    >>> SendGif().perform("ada@example.com", "hello")
    "sent 'hello' to ada@example.com"
    >>> redis.keys()
    []

    `perform_async` leaves a job in Redis and returns its id. Nothing has run:

    >>> jid = SendGif.perform_async("ada@example.com", "hello")
    >>> len(jid), redis.llen("queue:mail")
    (24, 1)
    """

    queue: ClassVar[str] = "default"
    """The queue that its jobs go to."""

    retry: ClassVar[bool | int] = True
    """How often a job that failed is tried again: True is 25 times, 0 sends it to `dead` at once, False forgets it."""

    retry_for: ClassVar[float | None] = None
    """Seconds after its first failure in which a job is tried again, however often; then `retry` is not asked."""

    retry_queue: ClassVar[str | None] = None
    """The queue for the tries after the first, if another."""

    dead: ClassVar[bool | None] = None
    """False: a job whose tries are used up is forgotten, not kept in `dead`."""

    backtrace: ClassVar[bool | int | None] = None
    """Whether a failed job carries where it failed, innermost call first; a number is that many lines of it."""

    tags: ClassVar[list[str] | None] = None
    """Words to find a job by."""

    jid: str | None = None
    """Inside `perform`, the id of the job being run; None in a direct call, which is no job."""

    _stop: threading.Event | None = None

    @property
    def stopping(self) -> bool:
        """Inside `perform`, whether the worker process is about to end: a long job may save its state and return.

        Sidekiq: `interrupted?`.
        """
        return self._stop is not None and self._stop.is_set()

    job_name: ClassVar[str]
    """What its jobs carry as "class": the name of the class, unless `class SendGif(Worker, name="Mail::SendGif")`."""

    def __init_subclass__(cls, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.job_name = plain(name) or cls.__name__
        for method in METHODS:
            if not callable(getattr(cls, method)):
                kind = type(getattr(cls, method)).__name__
                raise TypeError(f"{method} of {cls.__name__} is a {kind}: the name is a method's, def {method}(…).")
        perform = inspect.getattr_static(cls, "perform")
        has_jobs = perform is not Worker.__dict__["perform"]  # or it is a base, and only its heirs' options count
        # A bad name or option is refused here already.
        jobs.build({"class": cls.job_name, "args": [], **(cls.options() if has_jobs else {})})
        middleware.must_run(getattr(perform, "__func__", perform), f"perform of {cls.__name__}")  # of a staticmethod
        middleware.must_run(cls.retry_in, f"retry_in of {cls.__name__}")
        middleware.must_run(cls.retries_exhausted, f"retries_exhausted of {cls.__name__}")
        other = registry.get(cls.job_name)
        if other is not None and not _is_again(other, cls):
            if _same_file(other, cls):
                raise ValueError(
                    f"One file was imported twice, as {other.__module__} and as {cls.__module__}, so it would define two "
                    f"Workers called {cls.job_name}: import it by the same name everywhere, also in -r."
                )
            raise ValueError(
                f"Two Workers are called {cls.job_name}, {other.__module__}.{other.__qualname__} and "
                f"{cls.__module__}.{cls.__qualname__}, and a job holds only the name. Give one of them another: "
                f'class {cls.__name__}(Worker, name="…").'
            )
        registry[cls.job_name] = cls

    def perform(self, *args: Any) -> Any:
        """The work itself: yours to write. What it returns is thrown away; an exception means that it failed."""
        raise NotImplementedError(f"{type(self).__name__} has no perform: define what its jobs do.")

    @staticmethod
    def retry_in(count: int, error: BaseException) -> float | timedelta | str | None:
        """Seconds until the next try after `error`; `count` is 0 after the first failure. Override it to choose.

        A timedelta will do, too. None is the default wait, `count**4 + 15` and a little chance. "kill" sends the job to
        `dead` now, "discard" forgets it. Sidekiq: `sidekiq_retry_in`.
        """
        return None

    @staticmethod
    def retries_exhausted(job: Job, error: BaseException) -> str | None:
        """Called when a job has failed for the last time. Override it to clean up, or to tell somebody.

        `job` holds "args", "error_message" and the rest. Return "discard" to have it forgotten, not kept in `dead`. An
        exception in here is logged, no more. Sidekiq: `sidekiq_retries_exhausted`.
        """
        return None

    @classmethod
    def perform_async(cls, *args: Any) -> str | None:
        """Push a job that calls `perform(*args)` in a worker process, as soon as one is free. Returns its jid.

        None if a middleware cancelled it. Raises BadArgument for an argument that is not JSON, RedisUnavailable if no
        Redis answers. Sidekiq: the same name.
        """
        return cls.set().perform_async(*args)

    @classmethod
    def perform_in(cls, when: float | timedelta | datetime, *args: Any) -> str | None:
        """Push a job for later: not before so many seconds from now (or a timedelta) have passed. Returns its jid.

        A number above a thousand million, or a datetime, is a moment; one in the past means now. Sidekiq: the same name.
        """
        return cls.set().perform_in(when, *args)

    perform_at = perform_in

    @classmethod
    def perform_bulk(cls, rows: Iterable[Sequence[Any]]) -> list[str | None]:
        """Push a job for each row of arguments, 1,000 in a command. Returns their jids. Sidekiq: the same name.

        Raises as `perform_async` does, and then none was pushed; BulkInterrupted if a later command of several failed,
        which says what was pushed and what was not.

        >>> import fakeredis, minijobs
        >>> redis = minijobs.connect(fakeredis.FakeRedis())
        >>> class Welcome(Worker):
        ...     def perform(self, name): ...
        >>> len(Welcome.perform_bulk([["Ada"], ["Grace"]]))
        2
        """
        return cls.set().perform_bulk(rows)

    @classmethod
    def perform_inline(cls, *args: Any) -> bool:
        """Run a job here and now, as a worker process would: arguments through JSON, middleware, a jid. No Redis.

        Returns whether it ran; exceptions come out; nothing is tried again. Sidekiq: the same name.
        """
        return cls.set().perform_inline(*args)

    @classmethod
    def set(cls, **options: Any) -> Setter:
        """The same Worker with other options for the next push. Sidekiq: the same name.

        >>> import fakeredis, minijobs
        >>> redis = minijobs.connect(fakeredis.FakeRedis())
        >>> class Report(Worker):
        ...     def perform(self): ...
        >>> jid = Report.set(queue="slow").perform_async()
        >>> redis.llen("queue:slow")
        1
        """
        return Setter(cls, options)

    @classmethod
    def options(cls) -> Job:
        """What its class attributes say about its jobs. None says nothing."""
        return {option: value for option in OPTIONS if (value := getattr(cls, option)) is not None}


class Setter:
    """A Worker with options for one push: what `Worker.set` returns."""

    def __init__(self, worker: type[Worker], options: Job) -> None:
        self._worker = worker
        self._options = options

    def set(self, **options: Any) -> Setter:
        """More options for the same push."""
        return Setter(self._worker, {**self._options, **options})

    def perform_async(self, *args: Any) -> str | None:
        """As `Worker.perform_async`."""
        return Client().push(self._item(list(args)), self._parameters())

    def perform_in(self, when: float | timedelta | datetime, *args: Any) -> str | None:
        """As `Worker.perform_in`."""
        client = Client()
        at = jobs.moment(when, now=client._now())
        return client.push({**self._item(list(args)), "at": at}, self._parameters())

    perform_at = perform_in

    def perform_bulk(self, rows: Iterable[Sequence[Any]]) -> list[str | None]:
        """As `Worker.perform_bulk`."""
        return Client().push_bulk(self._item(rows), self._parameters())

    def perform_inline(self, *args: Any) -> bool:
        """As `Worker.perform_inline`."""
        job = jobs.separate(jobs.build(self._item(list(args))))
        ran = False

        def push() -> None:
            nonlocal ran
            ready = jobs.build(job)
            jobs.check_arguments(ready, self._parameters())
            run(self._worker, jobs.load(jobs.dump(ready)))
            ran = True

        middleware.client.invoke(job, last=push)
        return ran

    def _item(self, args: Any) -> Job:
        return {"class": self._worker.job_name, "args": args, **self._worker.options(), **self._options}

    def _parameters(self) -> list[str]:
        """What `perform` calls its arguments, so that a message can name the wrong one."""
        try:
            return _names(self._worker)  # type: ignore[arg-type]
        except (TypeError, ValueError):  # some callables have no signature
            return []


@lru_cache(maxsize=1_000)  # to look it up takes longer than the rest of a push
def _names(worker: type[Worker]) -> list[str]:
    static = isinstance(inspect.getattr_static(worker, "perform"), (staticmethod, classmethod))
    parameters = list(inspect.signature(worker.perform).parameters.values())[0 if static else 1 :]
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _is_again(one: type[Worker], other: type[Worker]) -> bool:
    """Whether the second is the first, defined again: by a reload, a notebook's cell run twice, the next test."""
    modules, names = (one.__module__, other.__module__), (one.__qualname__, other.__qualname__)
    return "__main__" in modules or (
        modules[0] == modules[1] and (names[0] == names[1] or any("<locals>" in name for name in names))
    )


def _same_file(one: type[Worker], other: type[Worker]) -> bool:
    files = [getattr(sys.modules.get(worker.__module__), "__file__", None) for worker in (one, other)]
    return files[0] is not None and files[0] == files[1]


def find(name: str) -> type[Worker]:
    """The Worker called `name`. Only defined ones are found: a name out of Redis never imports anything.

    Raises UnknownWorker, which says what is known and how to load more.
    """
    if name in registry:
        return registry[name]
    known = ", ".join(sorted(registry)) or "none at all"
    close = difflib.get_close_matches(name, registry, n=1)
    raise UnknownWorker(
        f"No Worker is called {name}{f' (did you mean {close[0]}?)' if close else ''}. This process knows {known}. "
        f"It knows those whose modules it has imported: import the one that defines {name} where the process starts."
    )


def run(worker: type[Worker], job: Job, stop: threading.Event | None = None) -> None:
    """Call `perform` with the job's arguments, inside the server middleware. Exceptions come out.

    `stop` is what the job sees as `stopping`.
    """
    instance = worker()
    set_it = object.__setattr__  # for it may be a frozen dataclass
    set_it(instance, "_stop", stop)
    set_it(instance, "jid", job["jid"])

    def perform() -> None:
        result: object = instance.perform(*job["args"])
        if isinstance(result, middleware.NOT_RUN):
            middleware.has_run(result, f"perform of {type(instance).__name__}")

    middleware.server.invoke(instance, job, last=perform)
