"""Huey, with worker threads."""

from __future__ import annotations

import common
from huey import RedisHuey

huey = RedisHuey("bench", url=common.REDIS_URL)
# Named, because the module is __main__ when it pushes and huey_peer when it works.
tasks = {
    function.__name__: huey.task(name=function.__name__)(function) for function in (common.noop, common.nap, common.stamp)
}


def push(name: str, *args: object) -> None:
    tasks[name](*args)


def work(threads: int, level: str) -> None:
    common.become("huey.bin.huey_consumer", "huey_peer.huey", "-k", "thread", "-w", str(threads))


if __name__ == "__main__":
    common.main(push, work)
