"""Jobs in tests: pushes that need no Redis.

    from minijobs import testing

    def test_a_visitor_is_sent_a_gif():
        with testing.fake():
            visit("/thank-you")                      # whatever calls SendGif.perform_async
            assert len(testing.jobs(SendGif)) == 1   # a job was pushed; nothing has run yet
            testing.drain(SendGif)                   # now it has run: check what it did

A push and its effect are two things to test, and the first says nothing about the second.

There are three modes: `fake`, `inline` and `disable`. Each replaces the step of a push that sends the jobs to Redis,
`Client._send`, and the one that asks Redis for the time, `Client._now`. Everything before that is the same as in production:
options, client middleware, the check of the arguments. A mode applies to the whole process, with all its threads. Sidekiq:
`Sidekiq::Testing`.

The list of jobs in fake mode belongs to the process as well, so a test finds in it what the previous test left. The pytest
fixture `fake_jobs` empties it before and after a test; `pytest_plugins = ["minijobs.testing"]` in conftest.py makes the
fixture available.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from .client import Client
from .job import Job, dump, load, stamp
from .worker import Worker, find, run

Send = Callable[[Client, list[Job]], None]

_really = Client._send
_really_now = Client._now

# The jobs pushed in fake mode, oldest first: the name of the class, and the job as Redis would hold it. Being text, it
# shares nothing with the objects that were pushed.
_waiting: list[tuple[str, str]] = []
_lock = threading.Lock()

# The modes that are on; the last one applies.
_modes: list[Mode] = []


class EmptyQueue(LookupError):
    """`perform_one` found no job to run."""


class Mode:
    """A mode, on as soon as it is created. As a context manager it ends with the block, and the previous mode is back."""

    def __init__(self, send: Send) -> None:
        self._steps = send, _really_now if send is _really else _now_here
        self._ends = False  # whether it is used as a context manager
        with _lock:
            for mode in [mode for mode in _modes if not mode._ends][:-1]:  # the last of them has replaced the others
                _modes.remove(mode)
        self._switch(on=True)

    def __enter__(self) -> None:
        self._ends = True
        self._switch(on=True)

    def __exit__(self, *error: object) -> None:
        self._switch(on=False)

    def _switch(self, *, on: bool) -> None:
        with _lock:  # two threads may use one each, and one must not end the other
            if self in _modes:
                since = _modes.index(self)  # modes that were only called since then end with it
                _modes[since:] = [mode for mode in _modes[since + 1 :] if mode._ends or on]
            if on:
                _modes.append(self)
            Client._send, Client._now = _modes[-1]._steps if _modes else (_really, _really_now)  # type: ignore[method-assign, assignment]


def _now_here(client: Client) -> float:
    return time.time()


def fake() -> Mode:
    """Pushes put their jobs into a list in this process. Nothing runs, and Redis is not used. Jobs already listed stay.

    Call it to use the mode from now on, or use it as a context manager. Sidekiq: `Sidekiq::Testing.fake!`.

    >>> class SendGif(Worker):
    ...     def perform(self, email):
    ...         print("mailing", email)
    >>> with fake():
    ...     jid = SendGif.perform_async("ada@example.com")
    >>> [job["args"] for job in jobs(SendGif)]
    [['ada@example.com']]
    >>> drain(SendGif)
    mailing ada@example.com
    1
    """
    return Mode(_keep)


def inline() -> Mode:
    """Pushes run their jobs at once, even scheduled ones, and raise a job's exception. Redis is not used.

    Each job has a jid, and its arguments have been through JSON. Call it or use it as a context manager, like `fake`. A push
    raises UnknownWorker if the Worker is not defined in this process. Sidekiq: `Sidekiq::Testing.inline!`.

    >>> class SendGif(Worker):
    ...     def perform(self, email):
    ...         print("mailing", email)
    >>> with inline():
    ...     jid = SendGif.perform_async("ada@example.com")
    mailing ada@example.com
    """
    return Mode(_run_all)


def disable() -> Mode:
    """Pushes go to Redis again. Call it or use it as a context manager. Sidekiq: `Sidekiq::Testing.disable!`."""
    return Mode(_really)


def jobs(worker: type[Worker] | str | None = None) -> list[Job]:
    """The waiting jobs, in the order in which they were pushed: those of a Worker or of a class name, or all.

    They are copies. A scheduled job has "at", a time in epoch seconds; the others have "enqueued_at".
    Sidekiq: `SendGif.jobs`, and `Sidekiq::Job.jobs` for all.

    >>> with fake():
    ...     jid = Client().push({"class": "Mail::SendGif", "args": ["ada@example.com"], "queue": "mail"})
    >>> [(job["queue"], job["args"]) for job in jobs("Mail::SendGif")]
    [('mail', ['ada@example.com'])]
    >>> clear("Mail::SendGif")
    """
    with _lock:
        return [load(text) for name, text in _waiting if _name(worker) in (None, name)]


def clear(worker: type[Worker] | str) -> None:
    """Drop the jobs of this Worker, or of this class name, without running them. Sidekiq: `SendGif.clear`."""
    with _lock:
        _waiting[:] = [(name, text) for name, text in _waiting if name != _name(worker)]


def clear_all() -> None:
    """Drop all jobs. Sidekiq: `Sidekiq::Job.clear_all`."""
    with _lock:
        _waiting.clear()


def drain(worker: type[Worker] | str) -> int:
    """Run the jobs of this Worker until none is left, including those that its jobs add. Returns how many were run.

    Scheduled jobs run without waiting, and nothing is retried: an exception is raised to the caller, the job that raised it
    is gone from the list, and the jobs after it are still waiting. A job of a class that is not defined in this process
    raises UnknownWorker in the same way. If each job adds another, this never ends: see `perform_one`.

    Server middleware wraps each run. Here Sidekiq differs: its `drain` uses only the middleware that was added to
    `Sidekiq::Testing.server_middleware`, a chain for tests alone. Otherwise this is Sidekiq's `SendGif.drain`.

    >>> class Countdown(Worker):
    ...     def perform(self, number):
    ...         print(number)
    ...         if number > 1:
    ...             Countdown.perform_in(3600, number - 1)
    >>> with fake():
    ...     jid = Countdown.perform_async(3)
    ...     drain(Countdown)
    3
    2
    1
    3
    """
    return _drain(_name(worker))


def drain_all() -> int:
    """Like `drain`, for every Worker, in the order in which the jobs were pushed. Sidekiq: `Sidekiq::Job.drain_all`."""
    return _drain(None)


def perform_one(worker: type[Worker] | str) -> None:
    """Run the oldest job of this Worker, as `drain` would. Raises EmptyQueue if there is none.

    Sidekiq: `SendGif.perform_one`.
    """
    job = _take(_name(worker))
    if job is None:
        raise EmptyQueue(f"No job of {_name(worker)} is waiting: push one in fake mode, and then run it.")
    _run(job)


def _name(worker: type[Worker] | str | None) -> str | None:
    """The "class" of a Worker's jobs; None stands for every Worker."""
    return worker.job_name if isinstance(worker, type) else worker


def _keep(client: Client, pushed: list[Job]) -> None:
    """`Client._send` in fake mode: keep the jobs in the list."""
    now = time.time()
    for job in pushed:
        if job.get("at") is None or job["at"] <= now:
            job.pop("at", None)
            job["enqueued_at"] = stamp(now)
    texts = [(job["class"], dump(job)) for job in pushed]
    with _lock:
        _waiting.extend(texts)


def _run_all(client: Client, pushed: list[Job]) -> None:
    """`Client._send` in inline mode: run the jobs."""
    for job in pushed:
        _run(load(dump(job)))


def _drain(name: str | None) -> int:
    count = 0
    while job := _take(name):
        _run(job)
        count += 1
    return count


def _take(name: str | None) -> Job | None:
    """Remove the first job of that name from the list and return it; None if there is none."""
    with _lock:
        for index, (other, text) in enumerate(_waiting):
            if name in (None, other):
                del _waiting[index]
                return load(text)
    return None


def _run(job: Job) -> None:
    """Run a job as if it were due and the poller had moved it: it is no longer a scheduled job."""
    job.pop("at", None)
    job.setdefault("enqueued_at", stamp(time.time()))
    run(find(job["class"]), job)


try:
    import pytest
except ImportError:  # everything but the fixture works without pytest
    pass
else:

    @pytest.fixture
    def fake_jobs() -> Iterator[Callable[..., list[Job]]]:
        """Fake mode for one test, which starts and ends with an empty list. Its value is the function `jobs`."""
        with fake():
            clear_all()
            yield jobs
            clear_all()
