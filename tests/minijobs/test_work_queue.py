"""The queue between the dispatcher's threads. What it is for, test_round_trips.py counts."""

from __future__ import annotations

import threading
import time

from processes import SOON

from minijobs.work_queue import WorkQueue

THREADS = 8


def sleepers(queue: WorkQueue[int], each: int, got: list[int]) -> list[threading.Thread]:
    """Threads that take so many things each."""

    def take() -> None:
        for _ in range(each):
            got.append(queue.get())

    threads = [threading.Thread(target=take, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    return threads


def test_things_come_in_the_order_in_which_they_were_put() -> None:
    queue: WorkQueue[int] = WorkQueue()
    assert queue.empty()
    for number in range(3):
        queue.put(number)
    assert [queue.get() for _ in range(3)] == [0, 1, 2]
    assert queue.empty()


def test_nothing_is_lost_or_doubled_and_nobody_sleeps_beside_work() -> None:
    # Given many threads that take, and many that put, with and without pauses
    for pause in (0, 0.0001):
        queue: WorkQueue[int] = WorkQueue()
        got: list[int] = []
        each = 500
        threads = sleepers(queue, each, got)

        def put(start: int, pause: float = pause, queue: WorkQueue[int] = queue, each: int = each) -> None:
            for number in range(start, start + each):
                queue.put(number)
                time.sleep(pause)

        putters = [threading.Thread(target=put, args=(each * number,)) for number in range(THREADS)]
        # When
        for thread in putters:
            thread.start()
        # Then
        for thread in (*putters, *threads):
            thread.join(SOON)
            assert not thread.is_alive()
        assert sorted(got) == list(range(THREADS * each))
        assert queue.empty()
