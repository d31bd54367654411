"""Taking jobs out without ever losing one.

A process that pops a job, and dies before it has run it, loses it: the job is no longer in a queue, and no other process
knows about it. So a job is *moved*, in one atomic step, from its queue into a list that belongs to this process, and removed
from there only when it is *settled*: it is done, or it moves on to `retry` or `dead`. Whatever happens, it is in exactly one
place:

    queue:default                        list   waiting jobs; pushed at the left, taken from the right
    inflight:HOST:PID:HEX|default        list   jobs that this process took from the queue `default` and has not settled yet
    inflight                             set    these names without `inflight:`, by which a dead process's lists are found

A command whose sender has given up on it may still reach Redis, minutes later, and move a job. So a process that did not
get a reply abandons its lists: the jobs it holds move to new ones, `inflight:HOST:PID:HEX|1|default`, and each old list is
replaced by a string, the *seal*. Redis answers a move into a key of another type with WRONGTYPE and changes nothing, so a
late move fails. Every other step from one place to another is one script that checks whether the job is still there, adds it
to the new place, and removes it from the old one last; so a step that arrives late, or twice, changes nothing either.

What becomes of the jobs in these lists when the process dies: see `rescue`. How the threads of a worker process get their
jobs: see `dispatcher`.

Sidekiq: `Sidekiq::BasicFetch` pops; only the paid `super_fetch` moves.
"""

from __future__ import annotations

import os
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from redis.exceptions import NoScriptError, ResponseError

from . import connection, scripts
from .clock import monotonic
from .fields import plain, queue_name
from .log import logger

if TYPE_CHECKING:
    from .connection import Redis

# The longest that a blocking command may block, in seconds: it must reply before the client's socket_timeout. If that is
# shorter than SOCKET_TIMEOUT, half of it is used. Redis checks for expired blocks only every tenth of a second.
LONGEST_BLOCK = 2.0

# The shortest, in seconds: Redis before 7.0.8 rounds a millisecond or less to 0, which means to block forever.
SHORTEST_BLOCK = 0.01

# Seconds between two looks at several queues.
LOOK_EVERY = 0.05


class Destination(NamedTuple):
    """Where a job goes from the in-flight list: to the sorted set `key`, with `score` in epoch seconds, as `entry`."""

    key: str
    score: float
    entry: bytes


class UnitOfWork(NamedTuple):
    """A fetched entry: its bytes, as they were in the queue, and the name of that queue, to which it may have to go back."""

    queue: str
    raw: bytes


def host_name() -> str:
    """Return the name of this host, with a "-" for whatever cannot be part of an identity, such as a | or a colon."""
    return re.sub(r"[^\w.-]", "-", socket.gethostname())


def new_identity() -> str:
    """Return a unique name for this process: host name, process id and random digits. Sidekiq: the same."""
    return f"{host_name()}:{os.getpid()}:{os.urandom(6).hex()}"


class Fetcher:
    """Takes jobs from `queues`, in that order of priority, and settles them.

    With `weights`, the order is random each time, and a queue with a higher weight (the default is 1) is more often first.
    `identity` is the name of the process, and part of the names of its in-flight lists. Raises ValueError for an invalid
    queue name, a weight that is not above 0, or a | in the identity.

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
            if type(weight) not in (int, float) or not 0 < weight < 1e16:
                raise ValueError(f"the weight of queue {queue} is {weight!r} and must be more than 0, as int or float.")
        self.redis = connection.current() if redis is None else redis
        self.identity = plain(identity) or new_identity()
        if "|" in self.identity:
            raise ValueError(f"identity is {self.identity!r} and must be the name of a process, without a |.")
        # Redis can only block on one list for a move; and blocking must not use up the connection that the heartbeat needs.
        connections = getattr(self.redis.connection_pool, "max_connections", connection.ROOM_TO_KEEP_ONE)
        reply_within = self.redis.get_connection_kwargs().get("socket_timeout") or float("inf")
        self._longest_block = min(LONGEST_BLOCK, reply_within / 2)
        self.can_block = len(self.queues) == 1 and connections >= connection.ROOM_TO_KEEP_ONE and reply_within > 0.4
        self._pid = os.getpid()
        self.generation = 0
        """How many times this process has abandoned its lists for new ones: see `reconcile`."""
        self._unreadable: set[str] = set()
        self._rng = random.Random()  # its own, because a job may seed the shared one

    def current_identity(self) -> str:
        """Return the identity of this process. A forked child of the process that made this Fetcher gets its own.

        Otherwise nobody could tell that one of the two has died while the other is alive.
        """
        if self._pid != os.getpid():
            self._pid, self.identity, self.generation = os.getpid(), new_identity(), 0
        return self.identity

    def fetch(self, timeout: float = 0) -> UnitOfWork | None:
        """Move one entry to the in-flight list and return it; None if none comes within `timeout` seconds.

        `Processor.process_one` uses this. A worker process, which has many threads, uses `settle_and_fetch`
        and `blocking_fetch` instead. Raises RedisUnavailable. Sidekiq: `Sidekiq::BasicFetch#retrieve_work`.
        """
        with connection.translate_errors(self.redis, "fetching a job"):
            deadline = monotonic() + timeout
            self.current_identity()
            while True:
                try:
                    unit = self._move_one()
                except ResponseError as error:
                    if connection.kind_of(error) != "full":
                        raise
                    # A full Redis refuses the commands, but runs this script.
                    unit = next(iter(self.settle_and_fetch([], 1)[0]), None)
                if unit:
                    return unit
                left = deadline - monotonic()
                if left <= 0:
                    return None
                if unit := self.blocking_fetch(left):
                    return unit

    def _move_one(self) -> UnitOfWork | None:
        """Move one entry from the first queue that holds one; None if all are empty."""
        self.redis.sadd("inflight", *self._list_names())
        for queue in self.order():
            try:
                raw: Any = self.redis.lmove(f"queue:{queue}", self.inflight(queue), "RIGHT", "LEFT")
            except ResponseError:
                if self.redis.type(self.inflight(queue)) != b"string":
                    raise
                self.generation += 1  # a rescuer thought that we were dead, and sealed our list
                return self._move_one()
            if raw is not None:
                return UnitOfWork(queue, raw)
        return None

    def settle_and_fetch(
        self, finished: Sequence[tuple[UnitOfWork, Destination | None]], want: int
    ) -> tuple[list[UnitOfWork], dict[int, str]]:
        """Settle many jobs and fetch up to `want` entries, from any of the queues, in one round trip.

        A busy process uses this instead of `fetch` and `acknowledge`: see `dispatcher`. Returns the fetched units, and a
        dict of errors, by the index in `finished`, for jobs that could not be stored and are still in flight.
        Raises RedisUnavailable, in which case some of it may have been done; then settle the same jobs again, which does no
        harm, and call `reconcile`, which finds entries that were moved.
        """
        serving = tuple(self.order())
        keys, position = scripts.keys_to_settle_and_fetch(self.inflight(""), serving, self.queues)
        done = [word for unit, to in finished if to is None for word in (position[unit.queue], unit.raw)]
        entering = [(index, unit, to) for index, (unit, to) in enumerate(finished) if to is not None]
        sets: dict[str, int] = {}
        words: list[Any] = []
        for _, unit, to in entering:
            words += (position[unit.queue], unit.raw, sets.setdefault(to.key, len(keys) + len(sets) + 1), *to[1:])
        arguments = (len(keys) + len(sets) + 1, *keys, *sets, "inflight", want, len(serving), len(done) // 2, *done, *words)
        with connection.translate_errors(self.redis, "settling and fetching jobs"):
            try:
                (reply,) = connection.execute(self.redis, ("EVALSHA", scripts.SETTLE_AND_FETCH_SHA, *arguments))
            except NoScriptError:  # Redis has been restarted, and forgot the script
                (reply,) = connection.execute(self.redis, ("EVAL", scripts.SETTLE_AND_FETCH, *arguments))
        units, refused = [], {}
        # What the numbers mean is said at SETTLE_AND_FETCH.
        for number, value in zip(reply[::2], reply[1::2], strict=True):
            if number >= 0:
                units.append(UnitOfWork(serving[number], value))
            elif -number <= len(entering):
                refused[entering[-number - 1][0]] = value.decode(errors="replace")
            else:
                self._log_unreadable(serving[-number - len(entering) - 1], value.decode(errors="replace"))
        return units, refused

    def blocking_fetch(self, seconds: float) -> UnitOfWork | None:
        """Wait for an entry, move it and return it, in one round trip; None if none comes within `seconds`.

        With several queues, or few connections, it only sleeps briefly and returns None. An idle process uses this instead
        of `fetch`: see `dispatcher`. Raises RedisUnavailable.
        """
        if not self.can_block or not self.order():
            time.sleep(min(seconds, LOOK_EVERY))
            return None
        with connection.translate_errors(self.redis, "fetching a job"):
            (queue,) = self.queues
            # BRPOPLPUSH is BLMOVE … RIGHT LEFT by its older name: fakeredis's BLMOVE does not wait.
            block = min(max(seconds, SHORTEST_BLOCK), self._longest_block)
            move = ("BRPOPLPUSH", f"queue:{queue}", self.inflight(queue), block)
            try:
                with closing(connection.PinnedConnection(self.redis)) as pinned:
                    _, raw = pinned.execute(("SADD", "inflight", *self._list_names()), move)
            except ResponseError as error:
                if connection.kind_of(error) != "full":
                    if self.redis.type(f"queue:{queue}") in (b"list", b"none"):
                        raise
                    self._log_unreadable(queue, str(error))
                time.sleep(min(seconds, LOOK_EVERY))
                # When Redis is full, it refuses BRPOPLPUSH but runs this script.
                return next(iter(self.settle_and_fetch([], 1)[0]), None)
            return None if raw is None else UnitOfWork(queue, raw)

    def acknowledge(self, unit: UnitOfWork, to: Destination | None = None) -> None:
        """Settle a job: remove it from the in-flight list, and add it to a sorted set if `to` is given.

        Nothing is done if it is not in the list any more: another process may have rescued it. Raises RedisUnavailable, in
        which case the job is still in one of the two places. Sidekiq: `UnitOfWork#acknowledge`.
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
                settle = self.redis.register_script(scripts.SETTLE)
                settle(keys=[self.inflight(unit.queue), to.key], args=[unit.raw, to.score, to.entry])

    def requeue(self, unit: UnitOfWork) -> bool:
        """Put an unfinished job back into its queue, at the end from which jobs are taken. Sidekiq: `UnitOfWork#requeue`.

        Returns False if it was no longer in flight: another process may have rescued it.
        """
        with connection.translate_errors(self.redis, "requeueing a job"):
            move = self.redis.register_script(scripts.REQUEUE)
            moved: Any = move(keys=[self.inflight(unit.queue), f"queue:{unit.queue}"], args=[unit.raw, unit.raw])
            return bool(moved)

    def lists_match(self, held: Collection[UnitOfWork]) -> bool:
        """Whether Redis agrees with `held`: our lists hold nothing else, and the set `inflight` names them and no old ones.

        A move whose reply was lost leaves a job in a list without any thread knowing about it, and no other process looks
        at the lists of a living one. And if somebody deleted the set `inflight`, no process would find the lists of one that
        was killed. One round trip. Raises RedisUnavailable.
        """
        with connection.translate_errors(self.redis, "looking after the in-flight jobs"):
            commands = [("LRANGE", self.inflight(queue), 0, -1) for queue in self.queues]
            names, *lists = connection.execute(self.redis, ("SMEMBERS", "inflight"), *commands)
        known = Counter(held)
        there = Counter(UnitOfWork(queue, raw) for queue, entries in zip(self.queues, lists, strict=True) for raw in entries)
        filled = {self._name(queue).encode() for queue, entries in zip(self.queues, lists, strict=True) if entries}
        return there <= known and filled <= self._own_names(names) <= {name.encode() for name in self._list_names()}

    def reconcile(self, held: Collection[UnitOfWork]) -> int:
        """Abandon all lists for new ones: what is `held` moves there, the rest is requeued. Returns how many were.

        No thread of this process may be blocked in Redis meanwhile. Raises RedisUnavailable; then call it again.
        """
        requeued = 0
        with connection.translate_errors(self.redis, "looking after the in-flight jobs"):
            members: Any = self.redis.smembers("inflight")
            left = self._own_names(members) | {name.encode() for name in self._list_names()}
            self.generation += 1
            move = self.redis.register_script(scripts.RECONCILE)
            for name in sorted(left):
                queue = name.rpartition(b"|")[2].decode()
                new = self._name(queue)
                keys: list[bytes | str] = ["inflight", b"inflight:" + name, f"inflight:{new}", f"queue:{queue}"]
                try:
                    kept = (unit.raw for unit in held if unit.queue == queue)
                    requeued += move(keys=keys, args=[name, new, scripts.SEALED_FOR, *kept])
                except ResponseError as error:
                    if connection.kind_of(error) != "entry":
                        raise
                    self._log_unreadable(queue, str(error))
        return requeued

    def leave(self, *, in_doubt: bool = False) -> None:
        """Remove this process's lists from the set, once its heartbeat has ended. A list that is not empty stays.

        `in_doubt`: a command of this process whose reply was lost may still reach Redis, so the lists are sealed.
        """
        with connection.translate_errors(self.redis, "leaving"):
            for queue in self.queues:
                forget(self.redis, self._name(queue).encode(), seal=in_doubt)

    def order(self) -> Sequence[str]:
        """Return the queues in the order in which to look at them this time. An override may leave queues out."""
        if not self.weights:
            return self.queues
        # Sorting exponential random numbers, divided by the weights, puts each queue first in proportion to its weight.
        return sorted(self.queues, key=lambda queue: self._rng.expovariate(1) / self.weights.get(queue, 1))

    def inflight(self, queue: str) -> str:
        """Return the key of the list for jobs that this process took from `queue` and has not settled."""
        return f"inflight:{self._name(queue)}"

    def _name(self, queue: str) -> str:
        """Return the name of a list. Its owner comes before the first "|", and the queue after the last."""
        return f"{self.identity}|{self.generation}|{queue}" if self.generation else f"{self.identity}|{queue}"

    def _own_names(self, names: Iterable[bytes]) -> set[bytes]:
        return {name for name in names if name.startswith(f"{self.identity}|".encode())}

    def _list_names(self) -> list[str]:
        """Return the names of its lists. They are added to the set before a move, so that no job is ever in an unknown list.

        This is repeated with each move: the process may have been suspended until just now, and a rescuer that thought it
        dead may have removed its lists from the set.
        """
        return [self._name(queue) for queue in self.queues]

    def _log_unreadable(self, queue: str, error: str) -> None:
        if queue not in self._unreadable:
            self._unreadable.add(queue)
            logger.error("no job can be taken from queue %s, the others go on: %s", queue, error)


def forget(redis: Redis, name: bytes, *, seal: bool = True) -> None:
    """Remove the name of an empty list from the set, and seal the list, if its owner's heartbeat has expired."""
    keys: list[bytes | str] = ["inflight", b"inflight:" + name, name.partition(b"|")[0]]
    redis.register_script(scripts.FORGET)(keys=keys, args=[name, scripts.SEALED_FOR if seal else 0])
