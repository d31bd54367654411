"""KILL is the quick way to be rid of it."""

from lessons.kit import wait_until


def deploy(old, start_new):
    new = start_new()
    wait_until(new.ready)
    old.kill()
