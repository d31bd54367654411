"""What a lesson sees with: a Redis of its own, its keys at each step, the commands that it receives, a timeline, a real
inbox, and, if it asks for a server, worker processes.
"""

from .beside import write
from .busy_day import busy_day
from .events import delete_event, find_event, remind, save_event
from .lateness import Lateness
from .mail import catch_mail, send_gif
from .monday import monday_morning
from .people import User, find_user
from .prediction import predict
from .project import Project
from .session import commands, end, keys, start, where
from .show import Table
from .stage import let_time_pass, wait_until
from .timeline import clock, timeline
from .worker_process import run, start_worker

__all__ = [
    "Lateness",
    "Project",
    "Table",
    "User",
    "busy_day",
    "catch_mail",
    "clock",
    "commands",
    "delete_event",
    "end",
    "find_event",
    "find_user",
    "keys",
    "let_time_pass",
    "monday_morning",
    "predict",
    "run",
    "remind",
    "save_event",
    "send_gif",
    "start",
    "start_worker",
    "timeline",
    "wait_until",
    "where",
    "write",
]
