"""Loops that look and pause."""

import time


def deploy(old, start_new):
    new = start_new()
    while not new.ready():
        time.sleep(0.05)
    old.quiet()
    while old.busy() > 0:
        time.sleep(1)
    old.stop()
