"""The new process has been started, so it is there."""

from lessons.kit import wait_until


def deploy(old, start_new):
    start_new()
    old.quiet()
    wait_until(lambda: old.busy() == 0)
    old.stop()
