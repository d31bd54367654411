"""What the tests of the dashboard share."""

from __future__ import annotations

import pytest
import redis as redis_py
from visitors import Visitor, three_of_each


@pytest.fixture
def visitor(redis: redis_py.Redis) -> Visitor:
    """Looks at either Redis, the one of `minijobs.connect`."""
    return Visitor()


@pytest.fixture
def some(redis: redis_py.Redis) -> redis_py.Redis:
    """Three jobs that failed, three for later, three dead, three in the queue `mail`."""
    three_of_each(redis)
    return redis
