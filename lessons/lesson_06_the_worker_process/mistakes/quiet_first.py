"""The old one steps back first, and then the new one comes."""

from lessons.kit import wait_until


def deploy(old, start_new):
    old.quiet()
    new = start_new()
    wait_until(new.ready)
    wait_until(lambda: old.busy() == 0)
    old.stop()
