"""Whether the old process runs anything is read from what it says about its threads."""

from lessons.kit import wait_until
from minijobs import ProcessSet, WorkSet


def is_quiet(worker):
    return any(process.identity == worker.identity and process.stopping for process in ProcessSet())


def runs_nothing(worker):
    return is_quiet(worker) and not any(work.process == worker.identity for work in WorkSet())


def deploy(old, start_new):
    new = start_new()
    wait_until(new.ready)
    old.quiet()
    wait_until(lambda: runs_nothing(old))
    old.stop()
