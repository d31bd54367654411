"""Jobs in tests: pushes that need no Redis.

    from minijobs import testing

    def test_a_visitor_is_sent_a_gif():
        with testing.fake():
            visit("/thank-you")                      # whatever calls SendGif.perform_async
            assert len(testing.jobs(SendGif)) == 1   # a job was left. Nothing has run
            testing.drain(SendGif)                   # now it has: look at what it did

A push and its effect are two things to test, and the first says nothing about the second.

There are three modes: `fake`, `inline` and `disable`. Each swaps the one step in which a push tells Redis, `Client._send`,
and the one in which it asks for the time, `Client._now`, so whatever comes before is the real thing in all of them: options,
client middleware, the check of the arguments.
A mode holds for the whole process, all its threads included. Sidekiq: `Sidekiq::Testing`.

The list of the fake mode belongs to the process, too: a test finds in it what the test before has left. The pytest fixture
`fake_jobs` empties it, before and after. `pytest_plugins = ["minijobs.testing"]` in conftest.py makes it known.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from .client import Client
from .job import Job, dump, load
from .worker import Worker, find, run

Send = Callable[[Client, list[Job]], None]

_really = Client._send
_really_now = Client._now

# What was pushed in fake mode, the first first: the name of the class, and the job as Redis would hold it. As text it shares
# nothing with the objects that were pushed.
_waiting: list[tuple[str, str]] = []
_lock = threading.Lock()

# The modes that are on; the last one counts.
_modes: list[Mode] = []


class EmptyQueue(LookupError):
    """`perform_one` found no job to run."""


class Mode:
    """A mode, on from now on. Used as a context manager, it ends with the block, and what was before it is back."""

    def __init__(self, send: Send) -> None:
        self._steps = send, _really_now if send is _really else _now_here
        self._ends = False  # it is used as a context manager
        with _lock:
            for mode in [mode for mode in _modes if not mode._ends][:-1]:  # the last one of them has replaced it
                _modes.remove(mode)
        self._switch(on=True)

    def __enter__(self) -> None:
        self._ends = True
        self._switch(on=True)

    def __exit__(self, *error: object) -> None:
        self._switch(on=False)

    def _switch(self, *, on: bool) -> None:
        with _lock:  # two threads may have one each, and neither ends when the other does
            if self in _modes:
                since = _modes.index(self)  # what was only called since then ends with it
                _modes[since:] = [mode for mode in _modes[since + 1 :] if mode._ends or on]
            if on:
                _modes.append(self)
            Client._send, Client._now = _modes[-1]._steps if _modes else (_really, _really_now)  # type: ignore[method-assign, assignment]


def _now_here(client: Client) -> float:
    return time.time()


def fake() -> Mode:
    """Pushes leave their jobs in a list in this process. Nothing runs, and no Redis is asked. Jobs in the list stay there.

    Call it, and it holds from now on; or use it as a context manager. Sidekiq: `Sidekiq::Testing.fake!`.

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
    """Pushes run their jobs at once, also those for later, and a job's exception comes out of the push. No Redis is asked.

    Each has a jid, and its arguments have been through JSON. Call it, or use it as a context manager, as `fake`. A Worker
    that is not defined here raises UnknownWorker. Sidekiq: `Sidekiq::Testing.inline!`.

    >>> class SendGif(Worker):
    ...     def perform(self, email):
    ...         print("mailing", email)
    >>> with inline():
    ...     jid = SendGif.perform_async("ada@example.com")
    mailing ada@example.com
    """
    return Mode(_run_all)


def disable() -> Mode:
    """Pushes go to Redis again. Call it, or use it as a context manager, as `fake`. Sidekiq: `Sidekiq::Testing.disable!`."""
    return Mode(_really)


def jobs(worker: type[Worker] | str | None = None) -> list[Job]:
    """The jobs that wait, in the order in which they were pushed: those of a Worker or of a class's name, or all.

    They are copies. One for later has "at", its moment in epoch seconds; the others have "enqueued_at".
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
    """Forget the jobs of this Worker, or of this class's name, without running them. Sidekiq: `SendGif.clear`."""
    with _lock:
        _waiting[:] = [(name, text) for name, text in _waiting if name != _name(worker)]


def clear_all() -> None:
    """Forget every job. Sidekiq: `Sidekiq::Job.clear_all`."""
    with _lock:
        _waiting.clear()


def drain(worker: type[Worker] | str) -> int:
    """Run the jobs of this Worker until none is left, also those that its jobs add. Returns how many were run.

    No time is waited for, and nothing is tried again: an exception comes out, the job that raised it is gone from the list,
    and those after it still wait. A job of a class that is not defined here raises UnknownWorker in the same way. If each
    job adds another, this never ends: see `perform_one`.

    Server middleware is around each run. Sidekiq is different here: its `drain` knows only the middleware that was added to
    `Sidekiq::Testing.server_middleware`, a chain for tests alone. Otherwise as Sidekiq's `SendGif.drain`.

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
    """As `drain`, for every Worker, in the order in which the jobs were pushed. Sidekiq: `Sidekiq::Job.drain_all`."""
    return _drain(None)


def perform_one(worker: type[Worker] | str) -> None:
    """Run the job of this Worker that was pushed first, as `drain` would. Raises EmptyQueue if there is none.

    Sidekiq: `SendGif.perform_one`.
    """
    job = _take(_name(worker))
    if job is None:
        raise EmptyQueue(f"No job of {_name(worker)} is waiting: push one in fake mode, and then run it.")
    _run(job)


def _name(worker: type[Worker] | str | None) -> str | None:
    """What a Worker's jobs carry as "class"; None stands for every Worker."""
    return worker.job_name if isinstance(worker, type) else worker


def _keep(client: Client, pushed: list[Job]) -> None:
    """What a push does in fake mode."""
    now = time.time()
    for job in pushed:
        if job.get("at") is None or job["at"] <= now:
            job.pop("at", None)
            job["enqueued_at"] = now
    texts = [(job["class"], dump(job)) for job in pushed]
    with _lock:
        _waiting.extend(texts)


def _run_all(client: Client, pushed: list[Job]) -> None:
    """What a push does in inline mode."""
    for job in pushed:
        _run(load(dump(job)))


def _drain(name: str | None) -> int:
    count = 0
    while job := _take(name):
        _run(job)
        count += 1
    return count


def _take(name: str | None) -> Job | None:
    """Take the first job of that name out of the list. None if there is none."""
    with _lock:
        for index, (other, text) in enumerate(_waiting):
            if name in (None, other):
                del _waiting[index]
                return load(text)
    return None


def _run(job: Job) -> None:
    """Run a job as if its moment had come and the poller had been there: it is not for later any more."""
    job.pop("at", None)
    job.setdefault("enqueued_at", time.time())
    run(find(job["class"]), job)


try:
    import pytest
except ImportError:  # all but the fixture works without it
    pass
else:

    @pytest.fixture
    def fake_jobs() -> Iterator[Callable[..., list[Job]]]:
        """Fake mode for one test, which starts with no job and leaves none. Gives the test `jobs`."""
        with fake():
            clear_all()
            yield jobs
            clear_all()
