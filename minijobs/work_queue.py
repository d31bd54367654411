"""A queue of work for threads that wait for it. It wakes no more of them than are needed.

`queue.SimpleQueue` would do if it behaved the same in every Python. Up to 3.12, an item stays in it until a thread takes
it, and a thread that is already awake gets there before one that must be woken. So a single thread runs several short jobs
and settles them with one command. Since 3.13, an item is handed to a sleeping thread at once: the queue is empty although
nothing has run yet, each thread settles its own job, and about twice as many commands are sent. In this queue an item stays
until it is taken.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class WorkQueue(Generic[T]):
    """Any thread may put and get, as with `queue.SimpleQueue`."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        # A thread that finds the queue empty waits for this lock. `put` releases it, which wakes one thread; that thread
        # takes an item, and if it leaves any, wakes the next. So while the queue holds anything, either this lock is free
        # or a thread is on its way.
        self._wake = threading.Lock()
        self._wake.acquire()
        self._waking = False  # a thread was woken and has not looked yet: no need to wake it again

    def empty(self) -> bool:
        """Whether the queue is empty at this moment."""
        return not self._items

    def put(self, item: T) -> None:
        """Add an item, without ever waiting."""
        self._items.append(item)
        self._wake_one()

    def get(self) -> T:
        """Remove and return the oldest item, waiting for one if there is none."""
        woken = False
        while True:
            try:
                item = self._items.popleft()
            except IndexError:
                self._wake.acquire()
                self._waking, woken = False, True
                continue
            if woken and self._items:
                self._wake_one()
            return item

    def _wake_one(self) -> None:
        if not self._waking:
            self._waking = True
            with suppress(RuntimeError):  # another thread has just released it
                self._wake.release()
