"""RQ. Its SimpleWorker, that is: one job at a time in one process. Its default forks for every job, and is slower still."""

from __future__ import annotations

from collections.abc import Sequence

import common
import redis
from rq import Queue

queue = Queue("default", connection=redis.Redis.from_url(common.REDIS_URL))
SLICE = 1_000  # jobs in one call


def push(name: str, *args: object) -> None:
    queue.enqueue(getattr(common, name), *args)


def bulk(name: str, args: Sequence[object], count: int) -> None:
    for start in range(0, count, SLICE):
        size = min(SLICE, count - start)
        queue.enqueue_many([Queue.prepare_data(getattr(common, name), tuple(args)) for _ in range(size)])


def work(threads: int, level: str) -> None:
    common.become("rq.cli", "worker", "--worker-class", "rq.SimpleWorker", "--url", common.REDIS_URL, "default")


if __name__ == "__main__":
    common.main(push, work, bulk=bulk)
