"""With 100,000 jobs in each place a page takes no more than with 100: the same commands, and about the same time."""

from __future__ import annotations

import statistics
import time

import redis as redis_py
from many_jobs import fill
from visitors import Asker, Visitor

MANY, FEW = 100_000, 100

# The first, one in the middle and the last page of each list, and what else looks at it.
PAGES = {
    "/retries": (1, 2_000, 4_000),
    "/dead": (1, 2_000, 4_000),
    "/queue?name=mail": (1, 2_000, 4_000),
}
OTHERS = ("/", "/busy", "/queues", "/retries/all/delete", "/queue/clear?name=mail")

NOW = 1.79e9
TIMES_SLOWER = 10  # at most; what looks at all jobs would be 1,000 times slower


def visited(visitor: Visitor, many: int) -> list[str]:
    """Pages of which there are as many however many jobs there are, job pages among them."""
    paths = list(OTHERS)
    for path, asked in PAGES.items():
        mark = "&" if "?" in path else "?"
        lists = [f"{path}{mark}page={min(page, many // 25)}" for page in asked]
        jobs = [visitor.links(page, r"/[0-9a-f]{24}-|key=")[-1] for page in lists]
        paths += [*lists, *jobs]
    return paths


def test_a_page_asks_as_much_of_100_000_jobs_as_of_100(real: redis_py.Redis) -> None:
    asked, medians, visitor = [], [], Asker(real)
    for many in (FEW, MANY):
        real.flushdb()
        fill(real, many, NOW)
        for path in visited(visitor, many):
            visitor.get(path)  # from now on the scripts are known
        asked.append([visitor.cost(path)[1] for path in visited(visitor, many)])
        medians.append([statistics.median(took(visitor, path) for _ in range(7)) for path in visited(visitor, many)])
    assert asked[0] == asked[1]
    assert max(asked[0]) < 20
    sizes = []
    for path in visited(visitor, MANY):
        before = real.info("stats")["total_net_output_bytes"]
        answer = visitor.get(path)
        sizes.append(real.info("stats")["total_net_output_bytes"] - before)
        assert answer.status_code == 200
    assert max(sizes) < 300_000  # of about 90 MB
    assert [page for page, (few, many) in enumerate(zip(*medians, strict=True)) if many > TIMES_SLOWER * few] == []


def took(visitor: Visitor, path: str) -> float:
    began = time.perf_counter()
    assert visitor.get(path).status_code == 200
    return time.perf_counter() - began
