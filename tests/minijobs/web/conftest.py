"""What the tests of the dashboard share."""

from __future__ import annotations

import time

import pytest
import redis as redis_py
from visitors import Visitor, a_job, failed


@pytest.fixture
def visitor(redis: redis_py.Redis) -> Visitor:
    """Looks at either Redis, the one of `minijobs.connect`."""
    return Visitor()


@pytest.fixture
def some(redis: redis_py.Redis) -> redis_py.Redis:
    """Three jobs that failed, three for later, three dead, three in the queue `mail`."""
    now = time.time()
    for number in (1, 2, 3):
        redis.zadd("retry", {failed(number): now + 600 * number})
        redis.zadd("schedule", {a_job(number): now + 600 * number})
        redis.zadd("dead", {failed(number, retry_count=25): now - 600 * number})
        redis.lpush("queue:mail", a_job(number))
    redis.sadd("queues", "mail")
    return redis
