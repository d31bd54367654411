"""Signals to this process: the handler only notes them, and a thread acts.

A handler interrupts whatever the main thread is doing, even another handler, and whatever lock it holds. So it may take no
lock, not even that of a log. It only puts the signal into a SimpleQueue, the one queue whose `put` is reentrant.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from typing import Any

from .log import logger


def listen(act: Callable[[str], None]) -> None:
    """From now on, call `act` with TSTP, TERM, INT, HUP or TTIN in a thread of its own. Only the main thread may call this.

    HUP, which comes when a terminal is closed, is left alone if the process was started to ignore it, as by `nohup`.
    """
    noted: SimpleQueue[str] = SimpleQueue()
    # Windows lacks some of them.
    names = ("TSTP", "TERM", "INT", "HUP", "TTIN")
    known = {name: number for name in names if (number := getattr(signal, f"SIG{name}", None))}
    if "HUP" in known and signal.getsignal(known["HUP"]) is signal.SIG_IGN:
        del known["HUP"]

    def handle(how: Callable[[str], Any]) -> None:
        for name, number in known.items():
            signal.signal(number, how(name))

    def act_on_each() -> None:
        while True:
            name = noted.get()
            try:
                act(name)
            except Exception:  # the next signal must still be acted on
                logger.exception("SIG%s was not obeyed", name)

    threading.Thread(target=act_on_each, name="signals", daemon=True).start()
    handle(lambda name: lambda *_: noted.put(name))
    if hasattr(os, "register_at_fork"):
        # A forked child does not have that thread, so signals get their default effect in it, even if one comes at once.
        def in_child() -> None:
            handle(lambda name: signal.default_int_handler if name == "INT" else signal.SIG_DFL)
            unblock()

        block, unblock = (
            partial(signal.pthread_sigmask, how, known.values()) for how in (signal.SIG_BLOCK, signal.SIG_UNBLOCK)
        )
        unblock()  # the parent may have blocked them, and that is inherited
        os.register_at_fork(before=block, after_in_parent=unblock, after_in_child=in_child)


def stacks() -> str:
    """Return where each thread of this process is."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "".join(
        f"\nThread {names.get(number, number)} (most recent call last):\n{''.join(traceback.format_stack(at))}"
        for number, at in sys._current_frames().items()
    )
