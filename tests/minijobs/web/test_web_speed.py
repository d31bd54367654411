"""With 25,000 jobs in each place a page takes no more than with 100: the same commands, and about the same work."""

from __future__ import annotations

import time

import redis as redis_py
from many_jobs import fill
from visitors import Asker, Visitor

MANY, FEW = 25_000, 100

# The first, one in the middle and the last page of each list, and what else looks at it.
PAGES = {
    "/retries": (1, 500, 1_000),
    "/dead": (1, 500, 1_000),
    "/queue?name=mail": (1, 500, 1_000),
}
OTHERS = ("/", "/busy", "/queues", "/retries/all/delete", "/queue/clear?name=mail")

NOW = 1.79e9
TIMES_THE_WORK = 10  # at most; what looks at all jobs would be 250 times the work


def visited(visitor: Visitor, many: int) -> list[str]:
    """Pages of which there are as many however many jobs there are, job pages among them."""
    paths = list(OTHERS)
    for path, asked in PAGES.items():
        mark = "&" if "?" in path else "?"
        lists = [f"{path}{mark}page={min(page, many // 25)}" for page in asked]
        jobs = [visitor.links(page, r"/[0-9a-f]{24}-|key=")[-1] for page in lists]
        paths += [*lists, *jobs]
    return paths


def test_a_page_asks_as_much_of_25_000_jobs_as_of_100(real: redis_py.Redis) -> None:
    asked, work, visitor = [], [], Asker(real)
    for many in (FEW, MANY):
        real.flushdb()
        fill(real, many, NOW)
        for path in visited(visitor, many):
            visitor.get(path)  # from now on the scripts are known
        asked.append([visitor.cost(path)[1] for path in visited(visitor, many)])
        work.append([done(visitor, path, real) for path in visited(visitor, many)])
    assert asked[0] == asked[1]
    assert max(asked[0]) < 20
    sizes = []
    for path in visited(visitor, MANY):
        before = real.info("stats")["total_net_output_bytes"]
        answer = visitor.get(path)
        sizes.append(real.info("stats")["total_net_output_bytes"] - before)
        assert answer.status_code == 200
    assert max(sizes) < 300_000  # of about 22 MB
    assert [page for page, (few, many) in enumerate(zip(*work, strict=True)) if many > TIMES_THE_WORK * few] == []


def done(visitor: Visitor, path: str, redis: redis_py.Redis) -> float:
    """The processor time that this page takes, here and in Redis; it does not depend on what else the machine does."""
    before = processor_time(redis)
    for _ in range(3):
        assert visitor.get(path).status_code == 200
    return processor_time(redis) - before


def processor_time(redis: redis_py.Redis) -> float:
    used = redis.info("cpu")
    return time.process_time() + used["used_cpu_user"] + used["used_cpu_sys"]
