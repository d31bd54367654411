"""All processes that there are become quiet, and the new one is one of them by then."""

from lessons.kit import wait_until
from minijobs import ProcessSet


def deploy(old, start_new):
    new = start_new()
    wait_until(new.ready)
    for process in ProcessSet():
        process.quiet()
    wait_until(lambda: all(process.stopping for process in ProcessSet()))
    wait_until(lambda: old.busy() == 0)
    old.stop()
