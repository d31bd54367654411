"""Celery, with its pool of threads: one process, as the others. Its own default is a process for each job at a time,
`prefork`: so it is measured where processes are.

Its command logs warnings only unless told otherwise, and so it does here.
"""

from __future__ import annotations

import common
from celery import Celery

app = Celery("bench", broker=common.REDIS_URL)
app.conf.broker_connection_retry_on_startup = True
tasks = {
    function.__name__: app.task(name=function.__name__)(function)
    for function in (common.noop, common.nap, common.calculate, common.stamp)
}


def push(name: str, *args: object) -> None:
    tasks[name].delay(*args)


def work(threads: int, level: str, processes: int = 0) -> None:
    pool = "prefork" if processes else "threads"
    common.become("celery", "-A", "celery_peer", "worker", "-P", pool, "-c", str(processes or threads))


if __name__ == "__main__":
    common.main(push, work)
