"""What a lesson sees with: a Redis of its own, its keys at each step, the commands it was told, a timeline, a real inbox."""

from .mail import catch_mail, send_gif
from .monday import monday_morning
from .people import User, find_user
from .prediction import predict
from .project import Project
from .session import commands, end, keys, start, where
from .show import Table
from .stage import let_time_pass, wait_until
from .timeline import clock, timeline

__all__ = [
    "Project",
    "Table",
    "User",
    "catch_mail",
    "clock",
    "commands",
    "end",
    "find_user",
    "keys",
    "let_time_pass",
    "monday_morning",
    "predict",
    "send_gif",
    "start",
    "timeline",
    "wait_until",
    "where",
]
