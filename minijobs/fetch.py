"""Taking jobs out without ever losing one.

Popping a job and then running it loses it when the process dies in between: it is in no queue any more, and nobody else
knows of it. So a job is *moved*, in one step of Redis's, from its queue into a list of this process's own, and removed from
there only when it is settled. Whatever happens, it is in exactly one place:

    queue:default                        list   where it waits; pushed at the left, taken from the right
    inflight:HOST:PID:HEX|default        list   what this process took from the queue `default` and has not settled yet
    inflight                             set    these names without `inflight:`; a living process finds a dead one's by them

A command that its sender gave up on may still arrive, minutes later, and move a job. So a process that has lost an answer
leaves its lists: what it holds moves to new ones, `inflight:HOST:PID:HEX|1|default`, and in place of each old list it puts a
string, the *seal*. Redis answers a move into a key of another type with WRONGTYPE and changes nothing, so whatever comes
late finds the door shut. And each step that takes a job out of one place and puts it into another looks first whether the
job is there, adds it, and removes it last: in one script, so that a step which comes late, or twice, changes nothing either.

Sidekiq: `Sidekiq::BasicFetch` pops; only the paid `super_fetch` moves.
"""

from __future__ import annotations

import os
import random
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import NoScriptError, ResponseError

from . import connection
from .fields import plain, queue_name
from .log import logger
from .scripts import EXCHANGE, EXCHANGE_SHA, FORGET, RECONCILE, REQUEUE, SEALED_FOR, SETTLE

if TYPE_CHECKING:
    from .connection import Redis

# Redis is asked to hold an answer back for so long at most, in seconds: a client gives up after SOCKET_TIMEOUT, or after
# its own `socket_timeout`, of which half is taken. It is looked at tenths of a second apart, so less than two are too few.
LONGEST_BLOCK = 2.0

# And for so long at least: to a Redis before 7.0.8, a millisecond or less is 0, which means for ever.
SHORTEST_BLOCK = 0.01

# How often several queues are looked at, in seconds.
LOOK_EVERY = 0.05


class Destination(NamedTuple):
    """Where a job goes that leaves the in-flight list: into the sorted set `key`, at `score` (epoch seconds), as `entry`."""

    key: str
    score: float
    entry: bytes


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
    the process; its in-flight lists carry it. Raises ValueError for a queue that no job could be pushed to, for a weight
    that is not above 0, and for a | in the identity.

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
        self.queues = tuple(dict.fromkeys(map(queue_name, queues))) or ("default",)
        self.weights = {plain(queue): weight for queue, weight in (weights or {}).items()}
        for queue, weight in self.weights.items():
            if not weight > 0:
                raise ValueError(f"the weight of queue {queue} is {weight!r} and must be more than 0: leave it out instead.")
        self.redis = connection.current() if redis is None else redis
        self.identity = plain(identity) or new_identity()
        if "|" in self.identity:
            raise ValueError(f"identity is {self.identity!r} and must be the name of a process, without a |.")
        # Redis can block for a move from one list only; and who blocks must not hold what the heart needs to beat.
        few = getattr(self.redis.connection_pool, "max_connections", connection.ROOM_TO_KEEP_ONE)
        patience = self.redis.get_connection_kwargs().get("socket_timeout") or float("inf")
        self._longest_block = min(LONGEST_BLOCK, patience / 2)
        self.can_block = len(self.queues) == 1 and few >= connection.ROOM_TO_KEEP_ONE and patience > 0.4
        self._pid = os.getpid()
        self.generation = 0
        """How often it has left its lists for new ones: see `reconcile`."""
        self._unreadable: set[str] = set()
        self._dice = random.Random()  # a job may seed the one that all share

    def own_name(self) -> str:
        """The identity; in a child of the process that made this Fetcher, one of its own.

        Else nobody would know that one of the two has died, as long as the other lives.
        """
        if self._pid != os.getpid():
            self._pid, self.identity, self.generation = os.getpid(), new_identity(), 0
        return self.identity

    def fetch(self, timeout: float = 0) -> UnitOfWork | None:
        """Move one entry to the in-flight list and give it back; None if there is none for `timeout` seconds.

        Raises RedisUnavailable. Sidekiq: `Sidekiq::BasicFetch#retrieve_work`.
        """
        with connection.translate_errors(self.redis, "fetching a job"):
            deadline = time.monotonic() + timeout
            self.own_name()
            while True:
                self.redis.sadd("inflight", *self._lists())
                for queue in self.order():
                    try:
                        raw: Any = self.redis.lmove(f"queue:{queue}", self.inflight(queue), "RIGHT", "LEFT")
                    except ResponseError:
                        if self.redis.type(self.inflight(queue)) != b"string":
                            raise
                        self.generation += 1  # it was taken for dead, and its list sealed
                        return self.fetch(deadline - time.monotonic())
                    if raw is not None:
                        return UnitOfWork(queue, raw)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                if unit := self.wait(left):
                    return unit

    def exchange(
        self, settled: Sequence[tuple[UnitOfWork, Destination | None]], want: int
    ) -> tuple[list[UnitOfWork], dict[int, str]]:
        """Settle many jobs, and move up to `want` entries, of whichever queues, in one round trip.

        What a busy process does instead of `fetch` and `acknowledge`: see `dispatcher`. Returns the units that were moved,
        and the error for each job of `settled`, by its index, that could not go where it should: it is still in flight.
        Raises RedisUnavailable; then some of it may have been done. To settle again does no harm, and `reconcile` finds
        what was moved.
        """
        fetched = self.order()
        queues = dict.fromkeys((*fetched, *self.queues))  # it may fetch from fewer than it holds jobs of
        keys = [key for queue in queues for key in (f"queue:{queue}", self.inflight(queue))]
        position = {queue: 2 * number for number, queue in enumerate(queues, start=1)}
        done = [word for unit, to in settled if to is None for word in (position[unit.queue], unit.raw)]
        failed = [(index, unit, to) for index, (unit, to) in enumerate(settled) if to is not None]
        words = [word for _, unit, to in failed for word in (position[unit.queue], unit.raw, *to)]
        arguments = (len(keys) + 1, *keys, "inflight", want, len(fetched), len(done) // 2, *done, *words)
        with connection.translate_errors(self.redis, "settling and fetching jobs"):
            try:
                (answer,) = connection.execute(self.redis, ("EVALSHA", EXCHANGE_SHA, *arguments))
            except NoScriptError:  # a Redis that has just started
                (answer,) = connection.execute(self.redis, ("EVAL", EXCHANGE, *arguments))
        units, refused = [], {}
        for number, told in zip(answer[::2], answer[1::2], strict=True):
            if number >= 0:
                units.append(UnitOfWork(fetched[number], told))
            elif -number <= len(failed):
                refused[failed[-number - 1][0]] = told.decode(errors="replace")
            else:
                self._cannot_be_read(fetched[-number - len(failed) - 1], told.decode(errors="replace"))
        return units, refused

    def wait(self, seconds: float) -> UnitOfWork | None:
        """Move one entry as soon as there is one; None if there is none for so many seconds. One round trip.

        With several queues, or few connections, it only sleeps a little. What an idle process does instead of `fetch`: see
        `dispatcher`. Raises RedisUnavailable.
        """
        if not self.can_block or not self.order():
            time.sleep(min(seconds, LOOK_EVERY))
            return None
        with connection.translate_errors(self.redis, "fetching a job"):
            (queue,) = self.queues
            # BRPOPLPUSH is BLMOVE … RIGHT LEFT by its older name: fakeredis's BLMOVE does not wait.
            move = (
                "BRPOPLPUSH",
                f"queue:{queue}",
                self.inflight(queue),
                min(max(seconds, SHORTEST_BLOCK), self._longest_block),
            )
            try:
                with closing(connection.PinnedConnection(self.redis)) as pinned:
                    _, raw = pinned.execute(("SADD", "inflight", *self._lists()), move)
            except ResponseError as error:
                if connection.kind_of(error) != "full":
                    if self.redis.type(f"queue:{queue}") in (b"list", b"none"):
                        raise
                    self._cannot_be_read(queue, str(error))
                time.sleep(min(seconds, LOOK_EVERY))
                units, _ = self.exchange([], 1)  # a full Redis refuses to wait, and not this
                return units[0] if units else None
            return None if raw is None else UnitOfWork(queue, raw)

    def acknowledge(self, unit: UnitOfWork, to: Destination | None = None) -> None:
        """The job is settled: it leaves the in-flight list, and goes `to` a sorted set, if it is to be kept.

        Only if it still is there: another process may have rescued it. Raises RedisUnavailable; the job is then in one of
        the two places, never in none. Sidekiq: `UnitOfWork#acknowledge`.
        """
        with connection.translate_errors(self.redis, "settling a job"):
            if to is None:
                try:
                    self.redis.lrem(self.inflight(unit.queue), 1, unit.raw)  # type: ignore[arg-type]
                except ResponseError as error:
                    if connection.kind_of(error) != "entry":
                        raise
                    # Its list is sealed: another process has rescued it.
            else:
                settle = self.redis.register_script(SETTLE)
                settle(keys=[self.inflight(unit.queue), to.key], args=[unit.raw, to.score, to.entry])

    def requeue(self, unit: UnitOfWork) -> bool:
        """Put an unfinished job back where it came from, at the end that is taken next. Sidekiq: `UnitOfWork#requeue`.

        Returns whether it was there: another process may have rescued it.
        """
        with connection.translate_errors(self.redis, "requeueing a job"):
            move = self.redis.register_script(REQUEUE)
            moved: Any = move(keys=[self.inflight(unit.queue), f"queue:{unit.queue}"], args=[unit.raw, unit.raw])
            return bool(moved)

    def lists_match(self, held: Collection[UnitOfWork]) -> bool:
        """Whether this process's lists in Redis hold nothing but what is `held`, are known, and it has no others.

        A move whose answer got lost puts a job there that nobody knows of, and nobody else looks after the lists of a
        process that lives. And if somebody deleted the set of lists, nobody would ever find what a killed process held.
        One round trip. Raises RedisUnavailable.
        """
        with connection.translate_errors(self.redis, "looking after the in-flight jobs"):
            commands = [("LRANGE", self.inflight(queue), 0, -1) for queue in self.queues]
            names, *lists = connection.execute(self.redis, ("SMEMBERS", "inflight"), *commands)
        known = Counter(held)
        there = Counter(UnitOfWork(queue, raw) for queue, entries in zip(self.queues, lists, strict=True) for raw in entries)
        filled = {self._name(queue).encode() for queue, entries in zip(self.queues, lists, strict=True) if entries}
        return there <= known and filled <= self._own(names) <= {name.encode() for name in self._lists()}

    def reconcile(self, held: Collection[UnitOfWork]) -> int:
        """Leave all lists for new ones, with what is `held`; the rest goes back to its queue. Returns how many that were.

        Nobody of this process may be waiting in Redis meanwhile. Raises RedisUnavailable; then reconcile again.
        """
        requeued = 0
        with connection.translate_errors(self.redis, "looking after the in-flight jobs"):
            members: Any = self.redis.smembers("inflight")
            left = self._own(members) | {name.encode() for name in self._lists()}
            self.generation += 1
            move = self.redis.register_script(RECONCILE)
            for name in sorted(left):
                queue = name.rpartition(b"|")[2].decode()
                new = self._name(queue)
                keys: list[bytes | str] = ["inflight", b"inflight:" + name, f"inflight:{new}", f"queue:{queue}"]
                try:
                    kept = (unit.raw for unit in held if unit.queue == queue)
                    requeued += move(keys=keys, args=[name, new, SEALED_FOR, *kept])
                except ResponseError as error:
                    if connection.kind_of(error) != "entry":
                        raise
                    self._cannot_be_read(queue, str(error))
        return requeued

    def leave(self, *, in_doubt: bool = False) -> None:
        """The process has ended, its heartbeat too: its lists need not be known any more. One that is not empty stays.

        `in_doubt`: a command of this process whose answer got lost may still arrive, so the lists are sealed.
        """
        with connection.translate_errors(self.redis, "leaving"):
            for queue in self.queues:
                forget(self.redis, self._name(queue).encode(), seal=in_doubt)

    def order(self) -> Sequence[str]:
        """The queues in the order in which they are looked at this time. One that is left out is not fetched from."""
        if not self.weights:
            return self.queues
        # The smallest of random numbers, each to be divided by its weight: the heavier one comes first more often.
        return sorted(self.queues, key=lambda queue: self._dice.expovariate(1) / self.weights.get(queue, 1))

    def inflight(self, queue: str) -> str:
        """The list of what this process took from `queue` and has not settled."""
        return f"inflight:{self._name(queue)}"

    def _name(self, queue: str) -> str:
        """The owner is what stands before the first "|", the queue what stands after the last."""
        return f"{self.identity}|{self.generation}|{queue}" if self.generation else f"{self.identity}|{queue}"

    def _own(self, names: Iterable[bytes]) -> set[bytes]:
        return {name for name in names if name.startswith(f"{self.identity}|".encode())}

    def _lists(self) -> list[str]:
        """The names of its lists, to be announced before a move, so that no job is ever in a list that nobody knows of.

        A process announces them again with each move: it may have slept until just now, and a rescuer who took it for dead
        has forgotten its lists.
        """
        return [self._name(queue) for queue in self.queues]

    def _cannot_be_read(self, queue: str, error: str) -> None:
        if queue not in self._unreadable:
            self._unreadable.add(queue)
            logger.error("no job can be taken from queue %s, the others go on: %s", queue, error)


def forget(redis: Redis, name: bytes, *, seal: bool = True) -> None:
    """Strike an empty list off, and seal it, if its owner's heartbeat has expired."""
    keys: list[bytes | str] = ["inflight", b"inflight:" + name, name.partition(b"|")[0]]
    redis.register_script(FORGET)(keys=keys, args=[name, SEALED_FOR if seal else 0])
