"""minijobs: background jobs through Redis, small enough to read in one sitting, in the format of Ruby's Sidekiq.

Read the files in the order in which a job meets them: `job`, `fields`, `errors`, `connection`, `middleware`, `client`,
`worker`; then `scripts`, `fetch`, `processor`, `retry`, `scheduled`, `heartbeat`, `rescue`; `work_queue`, `held_jobs`,
`dispatcher`, `lifecycle` and `server`, which repeat all that in threads; and `api` and `overview` to look at it all, `log`
to read about it.
"""

from .api import DeadSet, JobRecord, Queue, RetrySet, ScheduledSet, SortedEntry
from .clearing import LooksLikeProduction, clear_everything
from .client import BulkInterrupted, Client
from .connection import RedisUnavailable, connect
from .fetch import Fetcher, UnitOfWork
from .heartbeat import Heartbeat
from .job import BadArgument, BadPayload
from .lifecycle import on
from .overview import Process, ProcessSet, Stats, Work, WorkSet
from .processor import Processor
from .rescue import PoisonPill, rescue_orphans
from .retry import Outcome, death_handlers
from .scheduled import poll
from .server import Server
from .worker import UnknownWorker, Worker

__all__ = [
    "BadArgument",
    "BadPayload",
    "BulkInterrupted",
    "Client",
    "DeadSet",
    "Fetcher",
    "Heartbeat",
    "JobRecord",
    "LooksLikeProduction",
    "Outcome",
    "PoisonPill",
    "Process",
    "ProcessSet",
    "Processor",
    "Queue",
    "RedisUnavailable",
    "RetrySet",
    "ScheduledSet",
    "Server",
    "SortedEntry",
    "Stats",
    "UnitOfWork",
    "UnknownWorker",
    "Work",
    "WorkSet",
    "Worker",
    "clear_everything",
    "connect",
    "death_handlers",
    "on",
    "poll",
    "rescue_orphans",
]
