"""redis-py and nothing else, with the two promises that minijobs makes: the queue's name is known, and no job is lost.

Pushing is SADD and LPUSH in one round trip; taking is LREM, for the job before, and LMOVE in one round trip, one job at a
time. All else is as in bare_peer.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import bare_peer
import common
from bare_peer import QUEUE, client, functions, payload

INFLIGHT = "inflight:bare"


def send(text: str) -> None:
    pipe = client.pipeline(transaction=False)
    pipe.sadd("queues", "bare")
    pipe.lpush(QUEUE, text)
    pipe.execute()


def push(name: str, *args: object) -> None:
    send(payload(name, args))


def repeat(name: str, args: Sequence[object], count: int) -> None:
    text = payload(name, args)
    for _ in range(count):
        send(text)


def work(threads: int, level: str) -> None:
    raw = None
    while True:
        pipe = client.pipeline(transaction=False)
        if raw is not None:
            pipe.lrem(INFLIGHT, 1, raw)
        pipe.lmove(QUEUE, INFLIGHT, "RIGHT", "LEFT")
        raw = pipe.execute()[-1] or client.blmove(QUEUE, INFLIGHT, 2, "RIGHT", "LEFT")
        if raw is not None:
            job = json.loads(raw)
            functions[job["class"]](*job["args"])


if __name__ == "__main__":
    common.main(push, work, bulk=bare_peer.bulk, repeat=repeat)
