"""The class that you subclass to define a kind of job.

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

# The class attributes of a Worker that are copied into each of its jobs, with the same names as in Sidekiq.
OPTIONS = ("queue", "retry", "retry_for", "retry_queue", "dead", "backtrace", "tags")

# The methods of a Worker that the library calls. A subclass may define the first three.
METHODS = ("perform", "retry_in", "retries_exhausted", "perform_async", "perform_in", "perform_bulk", "set", "options")

registry: dict[str, type[Worker]] = {}
"""Every Worker defined in this process, by the class name in its jobs."""


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

    A plain call runs here and now, without Redis:

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
    """The queue to which its jobs are pushed."""

    retry: ClassVar[bool | int] = True
    """How often a failed job is retried: True means 25 times, 0 moves it to `dead` at once, False discards it."""

    retry_for: ClassVar[float | None] = None
    """For how many seconds after its first failure a job is retried, however often. If set, `retry` does not limit it."""

    retry_queue: ClassVar[str | None] = None
    """The queue for retries, if it is not `queue`."""

    dead: ClassVar[bool | None] = None
    """False: a job that has used up its retries is discarded, not kept in `dead`."""

    backtrace: ClassVar[bool | int | None] = None
    """Whether a failed job stores its backtrace, innermost call first; a number limits it to that many lines."""

    tags: ClassVar[list[str] | None] = None
    """Words by which to find its jobs."""

    jid: str | None = None
    """Inside `perform`, the id of the job that is running; None in a direct call, where there is no job."""

    _stop: threading.Event | None = None

    @property
    def stopping(self) -> bool:
        """Inside `perform`, whether the worker process is about to end, so that a long job can save its state and return.

        Sidekiq: `interrupted?`.
        """
        return self._stop is not None and self._stop.is_set()

    job_name: ClassVar[str]
    """The "class" of its jobs: the class's own name, or that of `class SendGif(Worker, name="Mail::SendGif")`."""

    def __init_subclass__(cls, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.job_name = plain(name) or cls.__name__
        for method in METHODS:
            if not callable(getattr(cls, method)):
                kind = type(getattr(cls, method)).__name__
                raise TypeError(f"{method} of {cls.__name__} is a {kind}: the name is a method's, def {method}(…).")
        perform = inspect.getattr_static(cls, "perform")
        has_jobs = perform is not Worker.__dict__["perform"]  # a base class's options are not checked
        # A bad name or option is refused now, not at the first push.
        jobs.build({"class": cls.job_name, "args": [], **(cls.options() if has_jobs else {})})
        middleware.must_run(getattr(perform, "__func__", perform), f"perform of {cls.__name__}")  # for a staticmethod
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

    def perform(self, *args: Any, **kwargs: Any) -> Any:  # pyright allows any parameters in a subclass only with both
        """Do the work. Define it in your subclass. Its return value is ignored; an exception means that the job failed."""
        raise NotImplementedError(f"{type(self).__name__} has no perform: define what its jobs do.")

    @staticmethod
    def retry_in(count: int, error: BaseException) -> float | timedelta | str | None:
        """Return the seconds, or a timedelta, until the next try. Override it to choose them.

        `count` is 0 after the first failure, and `error` is the exception. None stands for the default, `count**4 + 15`
        seconds and a little jitter. "kill" moves the job to `dead` now, and "discard" discards it.
        Sidekiq: `sidekiq_retry_in`.
        """
        return None

    @staticmethod
    def retries_exhausted(job: Job, error: BaseException) -> str | None:
        """Called when a job has failed for the last time. Override it to clean up, or to notify somebody.

        `job` holds "args", "error_message" and the other fields. If it returns "discard", the job is discarded, not kept in
        `dead`. An exception raised here is only logged. Sidekiq: `sidekiq_retries_exhausted`.
        """
        return None

    @classmethod
    def perform_async(cls, *args: Any) -> str | None:
        """Push a job that calls `perform(*args)` in a worker process, as soon as one is free. Returns its jid.

        Returns None if a middleware cancelled it. Raises BadArgument for an argument that is not JSON, and RedisUnavailable
        if Redis does not answer. Sidekiq: the same name.
        """
        return cls.set().perform_async(*args)

    @classmethod
    def perform_in(cls, when: float | timedelta | datetime, *args: Any) -> str | None:
        """Push a job that runs after `when`: seconds from now, or a timedelta. Returns its jid.

        A number from one billion on is a time in epoch seconds; a datetime works, too. A time in the past means now.
        Sidekiq: the same name.
        """
        return cls.set().perform_in(when, *args)

    perform_at = perform_in

    @classmethod
    def perform_bulk(cls, rows: Iterable[Sequence[Any]]) -> list[str | None]:
        """Push a job for each row of arguments, up to 1,000 in one command. Returns their jids. Sidekiq: the same name.

        Raises the same errors as `perform_async`, in which case no job was pushed; and BulkInterrupted if one of several
        commands failed, which says which jobs were pushed and which were not.

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
        """Run a job here and now, as a worker process would: with a jid, through JSON and middleware, but without Redis.

        Returns False if a middleware cancelled it. Exceptions are raised to the caller; nothing is retried.
        Sidekiq: the same name.
        """
        return cls.set().perform_inline(*args)

    @classmethod
    def set(cls, **options: Any) -> Setter:
        """Return the Worker with other options, for one push. Sidekiq: the same name.

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
        """Return the options that its class attributes set for its jobs. An attribute that is None sets nothing."""
        return {option: value for option in OPTIONS if (value := getattr(cls, option)) is not None}


class Setter:
    """A Worker with options for one push: what `Worker.set` returns."""

    def __init__(self, worker: type[Worker], options: Job) -> None:
        self._worker = worker
        self._options = options

    def set(self, **options: Any) -> Setter:
        """Return a Setter with more options for the same push."""
        return Setter(self._worker, {**self._options, **options})

    def perform_async(self, *args: Any) -> str | None:
        """Like `Worker.perform_async`."""
        return Client().push(self._item(list(args)), self._parameters())

    def perform_in(self, when: float | timedelta | datetime, *args: Any) -> str | None:
        """Like `Worker.perform_in`."""
        client = Client()
        at = jobs.moment(when, now=client._now())
        return client.push({**self._item(list(args)), "at": at}, self._parameters())

    perform_at = perform_in

    def perform_bulk(self, rows: Iterable[Sequence[Any]]) -> list[str | None]:
        """Like `Worker.perform_bulk`."""
        return Client().push_bulk(self._item(rows), self._parameters())

    def perform_inline(self, *args: Any) -> bool:
        """Like `Worker.perform_inline`."""
        job = jobs.deep_copy(jobs.build(self._item(list(args))))
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
        """Return the names of the parameters of `perform`, so that a message can name the wrong argument."""
        try:
            return _names(self._worker)  # type: ignore[arg-type]
        except (TypeError, ValueError):  # some callables have no signature
            return []


@lru_cache(maxsize=1_000)  # inspecting a signature takes longer than the rest of a push
def _names(worker: type[Worker]) -> list[str]:
    static = isinstance(inspect.getattr_static(worker, "perform"), (staticmethod, classmethod))
    parameters = list(inspect.signature(worker.perform).parameters.values())[0 if static else 1 :]
    return [one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def _is_again(one: type[Worker], other: type[Worker]) -> bool:
    """Whether `other` is `one` defined again: by a reload, by running a notebook cell twice, by the next test."""
    modules, names = (one.__module__, other.__module__), (one.__qualname__, other.__qualname__)
    return "__main__" in modules or (
        modules[0] == modules[1] and (names[0] == names[1] or any("<locals>" in name for name in names))
    )


def _same_file(one: type[Worker], other: type[Worker]) -> bool:
    files = [getattr(sys.modules.get(worker.__module__), "__file__", None) for worker in (one, other)]
    return files[0] is not None and files[0] == files[1]


def find(name: str) -> type[Worker]:
    """Return the Worker called `name`. Only the registry is searched: a name from Redis never causes an import.

    Raises UnknownWorker, which lists the known Workers and says how to load others.
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
    """Call `perform` with the job's arguments, inside the server middleware. Exceptions are not caught.

    When `stop` is set, the job sees it as `stopping`.
    """
    instance = worker()
    set_it = object.__setattr__  # the Worker may be a frozen dataclass
    set_it(instance, "_stop", stop)
    set_it(instance, "jid", job["jid"])

    def perform() -> None:
        result: object = instance.perform(*job["args"])
        if isinstance(result, middleware.NOT_RUN):
            middleware.has_run(result, f"perform of {type(instance).__name__}")

    middleware.server.invoke(instance, job, last=perform)
