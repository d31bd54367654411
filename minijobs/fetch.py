"""Taking jobs out without ever losing one.

Popping a job and then running it loses it when the process dies in between: it is in no queue any more, and nobody else
knows of it. So a job is *moved*, in one step of Redis's, from its queue into a list of this process's own, and removed from
there only when it is settled. Whatever happens, it is in exactly one place:

    queue:default                        list   where it waits; pushed at the left, taken from the right
    inflight:HOST:PID:HEX|default        list   what this process took from the queue `default` and has not settled yet
    inflight                             set    the names of all those lists, so that a living process finds a dead one's

Sidekiq: `Sidekiq::BasicFetch` pops; only the paid `super_fetch` moves.
"""

from __future__ import annotations

import hashlib
import os
import random
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import NoScriptError

from . import connection

if TYPE_CHECKING:
    from redis.client import Pipeline

    from .connection import Redis

# Redis is asked to hold an answer back for so long at most, in seconds: a client gives up after SOCKET_TIMEOUT.
LONGEST_BLOCK = 2.0

# And for so long at least: to a Redis before 7.0.8, a millisecond or less is 0, which means for ever.
SHORTEST_BLOCK = 0.01

# How often several queues are looked at, in seconds.
LOOK_EVERY = 0.05


# One step, and only if the job still is where it was: a rescuer may have taken a process that slept for a dead one.
GIVE_BACK = """
if redis.call('LREM', KEYS[1], 1, ARGV[1]) == 0 then return 0 end
return redis.call('RPUSH', KEYS[2], ARGV[2])
"""

# One command for what a busy process asks most: what was run leaves the in-flight lists, a job for each idle thread enters
# them. KEYS: the queues in the order in which they are looked at, each with its in-flight list; last the set of those lists.
# ARGV: how many jobs are wanted; for each job that was run, the position of its list in KEYS, and the entry.
EXCHANGE = """
for i = 2, #ARGV, 2 do redis.call('LREM', KEYS[tonumber(ARGV[i])], 1, ARGV[i + 1]) end
local want, moved = tonumber(ARGV[1]), {}
for i = 1, #KEYS - 1, 2 do
    if #moved < 2 * want then redis.call('SADD', KEYS[#KEYS], string.sub(KEYS[i + 1], #'inflight:' + 1)) end
    while #moved < 2 * want do
        local entry = redis.call('LMOVE', KEYS[i], KEYS[i + 1], 'RIGHT', 'LEFT')
        if not entry then break end
        moved[#moved + 1], moved[#moved + 2] = (i - 1) / 2, entry
    end
end
return moved
"""
EXCHANGE_SHA = hashlib.sha1(EXCHANGE.encode()).hexdigest()

Enter = Callable[["Pipeline"], object]
"""Adds the commands that put a job into its next place to the MULTI that takes it out of its last."""


class UnitOfWork(NamedTuple):
    """An entry that was fetched: the bytes as they were in the queue, and the queue, to know where to give them back."""

    queue: str
    raw: bytes


def new_identity() -> str:
    """A name for this process that no other process ever has: host, process id, and chance. Sidekiq: the same."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(6).hex()}"


class Fetcher:
    """Takes jobs from `queues`, the first one first, and settles them.

    With `weights`, chance decides which queue is looked at first, by its weight (1 unless given). `identity` is the name of
    the process; its in-flight lists carry it.

    >>> import fakeredis
    >>> redis = fakeredis.FakeRedis()
    >>> redis.lpush("queue:default", "a job")
    1
    >>> fetcher = Fetcher("default", redis=redis, identity="host:1:abc")
    >>> unit = fetcher.fetch()
    >>> unit
    UnitOfWork(queue='default', raw=b'a job')
    >>> redis.llen("queue:default"), redis.lrange("inflight:host:1:abc|default", 0, -1)
    (0, [b'a job'])
    >>> fetcher.acknowledge(unit)
    >>> redis.exists("inflight:host:1:abc|default")
    0
    """

    def __init__(
        self, *queues: str, redis: Redis | None = None, identity: str | None = None, weights: Mapping[str, int] | None = None
    ) -> None:
        self.queues = queues or ("default",)
        self.weights = dict(weights or {})
        self.redis = connection.current() if redis is None else redis
        self.identity = identity or new_identity()
        self._announced = False

    def fetch(self, timeout: float = 0) -> UnitOfWork | None:
        """Move one entry to the in-flight list and give it back; None if there is none for `timeout` seconds.

        Raises RedisUnavailable. Sidekiq: `Sidekiq::BasicFetch#retrieve_work`.
        """
        with connection.one_sentence(self.redis, "fetching a job"):
            if not self._announced:
                self.redis.sadd("inflight", *self._lists())
                self._announced = True
            deadline = time.monotonic() + timeout
            while True:
                for queue in self.order():
                    raw: Any = self.redis.lmove(f"queue:{queue}", self.inflight(queue), "RIGHT", "LEFT")
                    if raw is not None:
                        return UnitOfWork(queue, raw)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                if unit := self.wait(left):
                    return unit

    def exchange(self, settled: Sequence[tuple[UnitOfWork, Enter | None]], want: int) -> list[UnitOfWork]:
        """Acknowledge many, and move up to `want` entries, of whichever queues: one round trip, if none of them failed.

        What a busy process does instead of `fetch` and `acknowledge`: see `dispatcher`. Raises RedisUnavailable; then some
        of it may have been done. To acknowledge again does no harm, and `recover` finds what was moved.
        """
        with connection.one_sentence(self.redis, "settling and fetching jobs"):
            if failed := [(unit, enter) for unit, enter in settled if enter is not None]:
                multi = self.redis.pipeline(transaction=True)
                for unit, enter in failed:
                    self._settle(multi, unit, enter)
                multi.execute()
            queues = self.order()
            keys = [key for queue in queues for key in (f"queue:{queue}", self.inflight(queue))]
            position = {queue: 2 * number for number, queue in enumerate(queues, start=1)}
            done = [word for unit, enter in settled if enter is None for word in (position[unit.queue], unit.raw)]
            arguments = (len(keys) + 1, *keys, "inflight", want, *done)
            try:
                (moved,) = connection.ask(self.redis, ("EVALSHA", EXCHANGE_SHA, *arguments))
            except NoScriptError:  # a Redis that has just started
                (moved,) = connection.ask(self.redis, ("EVAL", EXCHANGE, *arguments))
        return [UnitOfWork(queues[number], raw) for number, raw in zip(moved[::2], moved[1::2], strict=True)]

    def wait(self, seconds: float) -> UnitOfWork | None:
        """Move one entry as soon as there is one; None if there is none for so many seconds. One round trip.

        With several queues, it only sleeps a little. What an idle process does instead of `fetch`: see `dispatcher`. Raises
        RedisUnavailable.
        """
        if len(self.queues) > 1:  # Redis can block for a move from one list only
            time.sleep(min(seconds, LOOK_EVERY))
            return None
        with connection.one_sentence(self.redis, "fetching a job"):
            (queue,) = self.queues
            # BRPOPLPUSH is BLMOVE … RIGHT LEFT by its older name: fakeredis's BLMOVE does not wait.
            move = ("BRPOPLPUSH", f"queue:{queue}", self.inflight(queue), min(max(seconds, SHORTEST_BLOCK), LONGEST_BLOCK))
            with closing(connection.Line(self.redis)) as line:
                _, raw = line.ask(("SADD", "inflight", *self._lists()), move)
            return None if raw is None else UnitOfWork(queue, raw)

    def acknowledge(self, unit: UnitOfWork, enter: Enter | None = None) -> None:
        """The job is settled: it leaves the in-flight list.

        With `enter`, it enters another place in the same step: `enter` is handed a MULTI to add its commands to. Raises
        RedisUnavailable; the job is then in one of the two places, never in none. Sidekiq: `UnitOfWork#acknowledge`.
        """
        with connection.one_sentence(self.redis, "settling a job"):
            # One command needs no MULTI; two do, so that no crash comes between them.
            pipe = self.redis.pipeline(transaction=enter is not None)
            self._settle(pipe, unit, enter)
            pipe.execute()

    def give_back(self, unit: UnitOfWork) -> None:
        """Put an unfinished job back where it came from, at the end that is taken next. Sidekiq: `UnitOfWork#requeue`."""
        with connection.one_sentence(self.redis, "giving back a job"):
            move = self.redis.register_script(GIVE_BACK)
            move(keys=[self.inflight(unit.queue), f"queue:{unit.queue}"], args=[unit.raw, unit.raw])

    def recover(self, held: Mapping[int, UnitOfWork]) -> tuple[int, set[int]]:
        """Compare what is `held`, by numbers, with what lies in this process's own lists: an answer got lost, or it slept.

        A move whose answer got lost puts a job there that nobody here knows of, and nobody else looks after the lists of a
        process that lives: it is given back. What is held and lies there no more was settled, or rescued by others. Gives
        back how many it gave back, and the numbers of those that are gone. Raises RedisUnavailable.
        """
        lost, gone = 0, set()
        with connection.one_sentence(self.redis, "looking after the in-flight jobs"):
            for queue in self.queues:
                entries: Any = Counter(self.redis.lrange(self.inflight(queue), 0, -1))
                for number, unit in held.items():
                    if unit.queue == queue:
                        gone |= set() if entries[unit.raw] else {number}
                        entries[unit.raw] -= 1
                for raw in entries.elements():
                    self.give_back(UnitOfWork(queue, raw))
                    lost += 1
        return lost, gone

    def leave(self) -> None:
        """The process ends: its lists, empty now, need not be known any more. A list that is not empty stays known."""
        with connection.one_sentence(self.redis, "leaving"):
            for queue in self.queues:
                if not self.redis.exists(self.inflight(queue)):
                    self.redis.srem("inflight", f"{self.identity}|{queue}")

    def order(self) -> Sequence[str]:
        """The queues in the order in which they are looked at this time."""
        if not self.weights:
            return self.queues
        # The smallest of random numbers, each to be divided by its weight: the heavier one comes first more often.
        return sorted(self.queues, key=lambda queue: random.expovariate(1) / self.weights.get(queue, 1))

    def inflight(self, queue: str) -> str:
        """The list of what this process took from `queue` and has not settled."""
        return f"inflight:{self.identity}|{queue}"

    def _lists(self) -> list[str]:
        """The names of its lists, to be announced before a move, so that no job is ever in a list that nobody knows of.

        A process goes on announcing, in the breath in which it moves: it may have slept until just now, and a rescuer who
        took it for dead has forgotten its lists.
        """
        return [f"{self.identity}|{queue}" for queue in self.queues]

    def _settle(self, pipe: Pipeline, unit: UnitOfWork, enter: Enter | None) -> None:
        pipe.lrem(self.inflight(unit.queue), 1, unit.raw)  # type: ignore[arg-type]
        if enter is not None:
            enter(pipe)
