"""The clock by which durations are measured. It never stands still, jumps or goes backwards.

The time of day does all of that, and so does `time.monotonic` while freezegun is active, in a job or in a test: freezegun
replaces it in every module in which it finds it, for all threads. It does not look at the default values of parameters.
"""

from __future__ import annotations

import time
from collections.abc import Callable


def monotonic(*, really: Callable[[], float] = time.monotonic) -> float:
    """Return seconds since some fixed moment: only the difference between two of them means anything."""
    return really()
