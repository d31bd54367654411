"""What a lesson sees with: a Redis of its own, its keys at each step, the commands that it receives, a timeline, a real
inbox, and, if it asks for a server, worker processes.
"""

from .beside import write
from .busy_day import busy_day
from .crashes import kill_everywhere
from .curves import Curves, about
from .day import Day
from .events import delete_event, find_event, remind, save_event
from .failover import with_replica
from .forks import rescue, run_in_process
from .lateness import Lateness
from .load import measure
from .mail import catch_mail, send_gif
from .model import simulate
from .monday import monday_morning
from .others import elsewhere
from .people import User, find_user
from .prediction import predict
from .project import Project
from .running import start_script
from .runs import burst, by_chance
from .session import commands, end, keys, start, where
from .shop import books, database, empty_the_shop, orders, payments, send_receipt, take_payment
from .show import Table
from .spare_redis import start_redis
from .stage import let_time_pass, wait_until
from .timeline import clock, timeline
from .worker_process import run, start_worker

__all__ = [
    "Curves",
    "Day",
    "Lateness",
    "Project",
    "Table",
    "User",
    "about",
    "books",
    "burst",
    "busy_day",
    "by_chance",
    "catch_mail",
    "clock",
    "commands",
    "database",
    "delete_event",
    "elsewhere",
    "empty_the_shop",
    "end",
    "find_event",
    "find_user",
    "keys",
    "kill_everywhere",
    "let_time_pass",
    "measure",
    "monday_morning",
    "orders",
    "payments",
    "predict",
    "remind",
    "rescue",
    "run",
    "run_in_process",
    "save_event",
    "send_gif",
    "send_receipt",
    "simulate",
    "start",
    "start_redis",
    "start_script",
    "start_worker",
    "take_payment",
    "timeline",
    "wait_until",
    "where",
    "with_replica",
    "write",
]
