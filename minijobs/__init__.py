"""minijobs: background jobs through Redis, small enough to read in one sitting, in the format of Ruby's Sidekiq.

Read the files in the order in which a job meets them: `job`, `connection`, `middleware`, `client`, `worker`; then `fetch`,
`processor`, `retry`, `scheduled`, `heartbeat`, `rescue`; `dispatcher` and `server`, which repeat all that in threads; and
`api` to look at it all, `log` to read about it.
"""

from .api import DeadSet, JobRecord, Queue, RetrySet, ScheduledSet, Stats
from .client import Client
from .connection import RedisUnavailable, connect
from .fetch import Fetcher, UnitOfWork
from .heartbeat import Heartbeat
from .job import BadArgument, BadPayload
from .processor import Processor
from .rescue import PoisonPill, rescue_orphans
from .retry import Outcome, death_handlers
from .scheduled import poll
from .server import Server
from .worker import UnknownWorker, Worker

__all__ = [
    "BadArgument",
    "BadPayload",
    "Client",
    "DeadSet",
    "Fetcher",
    "Heartbeat",
    "JobRecord",
    "Outcome",
    "PoisonPill",
    "Processor",
    "Queue",
    "RedisUnavailable",
    "RetrySet",
    "ScheduledSet",
    "Server",
    "Stats",
    "UnitOfWork",
    "UnknownWorker",
    "Worker",
    "connect",
    "death_handlers",
    "poll",
    "rescue_orphans",
]
