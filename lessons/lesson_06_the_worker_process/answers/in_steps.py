"""The steps as a list: each is done, and then something is waited for."""

from lessons.kit import wait_until


def deploy(old, start_new):
    new = start_new()
    steps = [
        (lambda: None, new.ready),
        (old.quiet, lambda: not old.busy()),
        (old.stop, old.ended),
    ]
    for step, condition in steps:
        step()
        wait_until(condition)
