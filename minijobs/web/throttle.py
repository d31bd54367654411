"""Makes whoever guesses passwords wait longer and longer. No thread sleeps for it: what comes too early is refused."""

from __future__ import annotations

import ipaddress
import threading
import time
from typing import NamedTuple

FREE = 5  # wrong passwords of one address in a row that cost no time: people mistype
LONGEST = 60.0  # seconds
REMEMBERED = 15 * 60  # seconds after which an address begins anew
MOST_ADDRESSES = 10_000


class _Guesser(NamedTuple):
    tries: int
    last: float  # by time.monotonic()

    def wait(self) -> float:
        return 0.0 if self.tries < FREE else min(LONGEST, 2.0 ** min(self.tries - FREE, 60))


class Throttle:
    """Counts the wrong passwords of each address. `now` is always a value of time.monotonic()."""

    def __init__(self) -> None:
        self._guessers: dict[str, _Guesser] = {}
        self._lock = threading.Lock()

    def wait(self, address: str, *, now: float | None = None) -> float:
        """Seconds until this address may try again; 0 if it may now."""
        now = time.monotonic() if now is None else now
        guesser = self._guessers.get(_group(address))
        return max(0.0, guesser.last + guesser.wait() - now) if guesser else 0.0

    def failed(self, address: str, *, now: float | None = None) -> tuple[int, float]:
        """Count a wrong password. Returns how many there were in a row, and the seconds to wait before the next."""
        now = time.monotonic() if now is None else now
        with self._lock:
            guesser = self._guessers.pop(_group(address), None)
            count = guesser.tries + 1 if guesser and now - guesser.last < REMEMBERED else 1
            self._guessers[_group(address)] = _Guesser(count, now)
            while len(self._guessers) > MOST_ADDRESSES:  # the one that has been quiet longest
                del self._guessers[next(iter(self._guessers))]
            return count, self._guessers[_group(address)].wait()

    def forget(self, address: str) -> None:
        """Begin anew: it knows the password."""
        with self._lock:
            self._guessers.pop(_group(address), None)


def _group(address: str) -> str:
    """The address, or the network of an IPv6 address: whoever has one of those has 2**64 addresses."""
    try:
        network = ipaddress.ip_network(f"{address.strip('[]')}/64", strict=False)
    except ValueError:  # an IPv4 address has no such network
        return address
    return str(network)
