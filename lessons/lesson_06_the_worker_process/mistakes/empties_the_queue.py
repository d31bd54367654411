"""A clean start: what waits was pushed by the old code, and should not meet the new one."""

from lessons.kit import wait_until
from minijobs import Queue


def deploy(old, start_new):
    old.quiet()
    wait_until(lambda: old.busy() == 0)
    old.stop()
    Queue("default").clear()
    wait_until(start_new().ready)
