"""minijobs: background jobs through Redis, small enough to read in one sitting, in the format of Ruby's Sidekiq.

Read the files in the order in which a job meets them:

    job, fields                          a job is JSON; what its fields may hold
    connection, errors, clock            which Redis, what its errors mean, and what time it is
    middleware, client, worker           pushing a job
    scripts, fetch, processor            taking it out of its queue without losing it, and running it
    retry, backtrace                     whether a job that failed is tried again; what is stored with it
    scheduled                            moving jobs that are due to their queues
    heartbeat, rescue                    how a process shows that it is alive; what happens to its jobs after a crash
    work_queue, held_jobs                two parts of the dispatcher
    dispatcher                           many jobs at a time: where each thread gets its next job
    lifecycle, signals, server           the worker process, which repeats all that in threads
    log                                  what it logs

Then read `api`, `overview` and `stats`, which look at it all from outside.
"""

from .api import DeadSet, JobRecord, Queue, RetrySet, ScheduledSet, SortedEntry
from .clearing import LooksLikeProduction, clear_everything
from .client import BulkInterrupted, Client
from .connection import RedisUnavailable, connect
from .fetch import Fetcher, UnitOfWork
from .heartbeat import Heartbeat
from .job import BadArgument, BadPayload
from .lifecycle import on
from .overview import Process, ProcessSet, Work, WorkSet
from .processor import Processor
from .rescue import PoisonPill, rescue_orphans
from .retry import Outcome, death_handlers
from .scheduled import poll
from .server import Server
from .stats import Stats
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
