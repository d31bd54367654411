"""What the dashboard's buttons do: each process is told through Redis, and hears it with its next heartbeat."""

from lessons.kit import wait_until
from minijobs import ProcessSet


def process(pid):
    return next((one for one in ProcessSet() if one["pid"] == pid), None)


def deploy(old, start_new):
    new = start_new()
    wait_until(lambda: process(new.pid))
    process(old.pid).quiet()
    wait_until(lambda: process(old.pid).stopping and process(old.pid)["busy"] == 0)
    process(old.pid).stop()
    wait_until(old.ended)
