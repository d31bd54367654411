"""The signals themselves, as in a terminal."""

import os
import signal

from lessons.kit import wait_until


def deploy(old, start_new):
    new = start_new()
    wait_until(new.ready)
    os.kill(old.pid, signal.SIGTSTP)
    wait_until(lambda: not old.busy())
    os.kill(old.pid, signal.SIGTERM)
    wait_until(old.ended)
