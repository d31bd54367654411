"""The steps as a list: each is done, and then something is waited for. After ninety seconds it raises, and stops nothing."""

import time


def wait_for(condition, seconds=90):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("somebody should have a look")
        time.sleep(0.05)


def deploy(old, start_new):
    new = start_new()
    steps = [
        (lambda: None, new.ready),
        (old.quiet, lambda: not old.busy()),
        (old.stop, old.ended),
    ]
    for step, condition in steps:
        step()
        wait_for(condition)
