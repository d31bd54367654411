"""What a worker process loads first while an exercise is checked: it says when a job pauses, and makes the pause short."""

from __future__ import annotations

import os
import sys
import time

LONGEST = 0.2  # seconds that a pause takes

_sleep = time.sleep


def sleep(seconds: float) -> None:
    """As `time.sleep`; but a pause that the application makes is said, and takes a moment."""
    frame = sys._getframe(1)
    name = frame.f_code.co_filename
    if name.startswith(os.environ["APP_FOLDER"] + os.sep):
        print(f"a pause of {seconds:g} s in {os.path.basename(name)}, line {frame.f_lineno}", flush=True)
        seconds = min(seconds, LONGEST)
    _sleep(seconds)


time.sleep = sleep
