"""Dramatiq, with its default middleware. One worker process, or several, and the one that watches over them."""

from __future__ import annotations

import common
import dramatiq
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=common.REDIS_URL))
actors = {
    function.__name__: dramatiq.actor(function) for function in (common.noop, common.nap, common.calculate, common.stamp)
}


def push(name: str, *args: object) -> None:
    actors[name].send(*args)


def work(threads: int, level: str, processes: int = 1) -> None:
    common.become("dramatiq", "dramatiq_peer", "--processes", str(processes), "--threads", str(threads))


if __name__ == "__main__":
    common.main(push, work)
