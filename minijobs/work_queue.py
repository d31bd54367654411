"""What is to be done, for threads that wait for it. No more of them are woken than are needed.

`queue.SimpleQueue` would do, if it were the same in every Python. Until 3.12, what is put into it lies there until a thread
takes it, and a thread that is awake is sooner than one that must be woken. So one thread runs a whole handful of short jobs,
and settles them with one command. Since 3.13 it is handed to a sleeping thread at once: the queue is empty although nothing
was run yet, each thread settles for itself, and about twice as many commands are sent. Here it lies until it is taken.
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
        self._things: deque[T] = deque()
        # Who finds nothing waits for this lock, and who puts releases it: that wakes one thread. It looks, and if it leaves
        # something, it wakes the next. So while there is something, this lock is free, or a thread is on its way to look.
        self._bell = threading.Lock()
        self._bell.acquire()
        self._rung = False  # the thread that is woken has not looked yet: it need not be woken again

    def empty(self) -> bool:
        """Whether there is nothing, at this moment."""
        return not self._things

    def put(self, thing: T) -> None:
        """Never waits."""
        self._things.append(thing)
        self._ring()

    def get(self) -> T:
        """The oldest thing; waits for one."""
        woken = False
        while True:
            try:
                thing = self._things.popleft()
            except IndexError:
                self._bell.acquire()
                self._rung, woken = False, True
                continue
            if woken and self._things:
                self._ring()
            return thing

    def _ring(self) -> None:
        if not self._rung:
            self._rung = True
            with suppress(RuntimeError):  # another thread has just rung it
                self._bell.release()
