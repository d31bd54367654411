"""Fills a Redis with many jobs, quickly: for the test of speed, and for anybody who wants to try the dashboard with them.

    python tests/minijobs/web/many_jobs.py redis://localhost:6379/5 100000

fills an empty database with 100,000 jobs in each place, in some seconds. `REDIS_URL=… minijobs web` shows them.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import redis as redis_py

# Workers, their arguments, and what they fail with.
KINDS = (
    ("SendGifToUserWorker", ["{name}{number}@example.com", "hello"], "smtplib.SMTPDataError", "(451, b'try again later')"),
    ("SendInvoiceWorker", [1000, "{name}{number}@example.com"], "OSError", "[Errno 113] No route to host"),
    ("ResizeImageWorker", ["uploads/{number}.jpg", {"width": 400}], "FileNotFoundError", "uploads/{number}.jpg"),
    ("SyncContactsWorker", ["{number}"], "TimeoutError", "The read operation timed out"),
    ("ChargeCardWorker", [{"user": "{name}", "cents": 1250}], "KeyError", "'card'"),
)
ARGUMENTS = [json.dumps(args) for _, args, *_ in KINDS]
NAMES = ("ada", "grace", "edsger", "barbara", "donald", "margaret", "alan")
BATCH = 1_000
TRACE = "eJyLVspNzMzRy0tX0lFKTs7PSy1KVSguKUpNTVGKBQBiAgfF" * 4


def job(number: int, now: float, **fields: Any) -> str:
    """The job with this number, as it is in Redis; the same number is the same job."""
    worker, args = KINDS[number % len(KINDS)][0], ARGUMENTS[number % len(KINDS)]
    filled = args.replace("{name}", NAMES[number % len(NAMES)]).replace("{number}", str(number))
    pushed = now - 3_600 - number % 86_400
    times = f'"created_at":{pushed!r},"enqueued_at":{pushed!r}'
    more = "".join(f',"{name}":{json.dumps(value)}' for name, value in fields.items())
    return f'{{"class":"{worker}","args":{filled},"jid":"{number:024x}","queue":"mail","retry":true,{times}{more}}}'


def failed(number: int, now: float, count: int) -> str:
    """The same, after it has failed."""
    *_, error, message = KINDS[number % len(KINDS)]
    fields = {"error_class": error, "error_message": message.replace("{number}", str(number)), "error_backtrace": TRACE}
    again = {"retried_at": now - 60} if count else {}
    return job(number, now, retry_count=count, failed_at=now - 1_800, **again, **fields)


def fill(redis: redis_py.Redis, many: int, now: float) -> None:
    """Put `many` jobs into the queue `mail`, and as many into each sorted set; their times count from `now`."""
    pipe = redis.pipeline(transaction=False)
    for start in range(0, many, BATCH):
        batch = range(start, min(start + BATCH, many))
        pipe.lpush("queue:mail", *(job(number, now) for number in batch))
        pipe.zadd("retry", {failed(many + number, now, number % 24): now + number * 0.37 for number in batch})
        pipe.zadd("schedule", {job(2 * many + number, now): now + number * 2.0 for number in batch})
        pipe.zadd("dead", {failed(3 * many + number, now, 25): now - number * 0.37 for number in batch})
        pipe.execute()
    redis.sadd("queues", "mail")
    redis.mset({"stat:processed": 40 * many, "stat:failed": many})


if __name__ == "__main__":
    url, many = sys.argv[1], int(sys.argv[2])
    with redis_py.Redis.from_url(url) as client:
        if client.dbsize():
            sys.exit(f"{url} is not empty, so nothing was done: name an empty database.")
        began = time.monotonic()
        fill(client, many, time.time())
        print(f"{4 * many:,} jobs in {time.monotonic() - began:.1f} s")
