"""SAQ. Its "threads" are coroutines of one thread. Its command logs warnings only unless told otherwise."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from typing import Any

import common
from saq import Queue

loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
queue = Queue.from_url(common.REDIS_URL)


async def noop(context: Any, *, args: list[str]) -> None:
    common.noop(*args)


async def nap(context: Any, *, args: list[float]) -> None:
    await asyncio.sleep(*args)


async def stamp(context: Any, *, args: list[float]) -> None:
    common.stamp(*args)


settings = {"queue": queue, "functions": [noop, nap, stamp], "concurrency": int(os.environ.get("BENCH_THREADS", "10"))}


async def enqueue(name: str, args: Sequence[object], count: int) -> None:
    for _ in range(count):
        await queue.enqueue(name, args=list(args))


def push(name: str, *args: object) -> None:
    repeat(name, args, 1)


def repeat(name: str, args: Sequence[object], count: int) -> None:
    loop.run_until_complete(enqueue(name, args, count))  # the loop is started once, not for each push


def work(threads: int, level: str) -> None:
    common.become("saq", "saq_peer.settings", BENCH_THREADS=str(threads))


if __name__ == "__main__":
    common.main(push, work, repeat=repeat)
