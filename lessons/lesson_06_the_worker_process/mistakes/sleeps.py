"""Five seconds should be enough."""

import time


def deploy(old, start_new):
    start_new()
    time.sleep(5)
    old.quiet()
    time.sleep(5)
    old.stop()
