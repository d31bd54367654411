"""The threads of a worker process: the drawing at the head of the file is what they do."""

from __future__ import annotations

import re
import threading
import time
from typing import Any

import pytest
import redis as redis_py
from processes import SOON, eventually

from minijobs import Stats, Worker, dispatcher
from minijobs.dispatcher import Dispatcher, State
from minijobs.server import Server

Ways = set[tuple[State, State]]


def drawn() -> Ways:
    """The ways from one state to the next, as the docstring draws them."""
    ways = re.findall(r"^    ([A-Z]+) +-> ([A-Z]+) ", dispatcher.__doc__ or "", re.MULTILINE)
    return {(State[before], State[after]) for before, after in ways}


class States(dict[int, State]):
    """Notes each way from one state to the next."""

    def __init__(self) -> None:
        super().__init__()
        self.ways: Ways = set()

    def __setitem__(self, thread: int, state: State) -> None:
        if before := self.get(thread):
            self.ways.add((before, state))
        super().__setitem__(thread, state)


class Watched(Dispatcher):
    """Lets a test say who finds another thread leading, and that there is something left to do."""

    leads_elsewhere: State | None = None
    something_is_left = False

    @property
    def ways(self) -> Ways:
        assert isinstance(self.states, States)
        return self.states.ways

    def _lead(self) -> Any:
        if self.states.get(threading.get_ident()) is self.leads_elsewhere:
            self.leads_elsewhere = None
            return None
        return super()._lead()

    def _must_lead_again(self) -> bool:
        self.something_is_left &= (State.LEADING, State.LEADING) not in self.ways
        return self.something_is_left or super()._must_lead_again()

    def _blocking_fetch(self) -> Any:
        job = super()._blocking_fetch()
        if not job and self.leads_elsewhere is State.FETCHING:
            self.leads_elsewhere = None
            self.leader_elsewhere()
        return job

    def leader_elsewhere(self) -> None:
        """Another thread takes the lock, until this one has found it taken."""
        self._leader_lock.acquire()
        threading.Timer(0.1, self._leader_lock.release).start()


def test_threads_take_the_ways_that_are_drawn_and_no_others(redis: redis_py.Redis) -> None:
    class Takes(Worker):
        def perform(self, seconds: float) -> None:
            if seconds:
                time.sleep(seconds)

    server = Server("default", concurrency=2, heartbeat=0.05, poll=0.05)
    server._dispatcher.__class__ = Watched
    threads: Any = server._dispatcher
    threads.states = States()
    pushed = 0

    def push(count: int, seconds: float = 0) -> None:
        nonlocal pushed
        pushed += count
        Takes.perform_bulk([[seconds]] * count)
        eventually(lambda: Stats().processed == pushed)

    running = threading.Thread(target=server.run)
    running.start()
    try:
        push(100)
        threads.leads_elsewhere = State.FETCHING
        eventually(lambda: threads.leads_elsewhere is None)  # no job comes in a second
        threads.leads_elsewhere = State.RUNNING
        eventually(lambda: push(10, 0.002) or threads.leads_elsewhere is None)
        threads.something_is_left = True
        eventually(lambda: (State.FETCHING, State.LEADING) in threads.ways)
        # One job for a thread that waits in Redis, short ones that one thread runs, long ones of which the other has some
        eventually(lambda: push(1) or push(20) or push(20, 0.002) or threads.ways >= drawn(), pause=0.1)
    finally:
        server.stop()
        running.join(SOON)
    assert threads.ways == drawn()


@pytest.mark.parametrize("state", State)
def test_each_state_is_drawn_and_can_be_left(state: State) -> None:
    assert state in {before for before, _ in drawn()}
    assert state in {after for _, after in drawn()}
