"""The seed's application: python -m lessons.app, or make app. One Ctrl-C stops all of it."""

from __future__ import annotations

import signal
import sys
import threading


def main() -> int:
    """Start everything, wait, stop everything. Returns the exit code: 0 if somebody stopped it, 1 if it went wrong."""
    # Before anything is started or even imported. A second Ctrl-C finds us stopping already, and changes nothing.
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):
            signal.signal(number, lambda *_: stop.set())
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace", line_buffering=True)  # type: ignore[union-attr]
    try:
        from lessons.kit.redis_server import NoRedis

        from .parts import Died, Everything, Stopped
    except ModuleNotFoundError as error:
        print(f"{error}. Install what the page needs: python -m lessons.install app", file=sys.stderr)
        return 2
    everything = Everything(stop)
    why = None
    try:
        everything.start()
        print("Ready. Ctrl-C stops all of it.")
        why = everything.watch()
    except Stopped:
        pass
    except (NoRedis, Died) as error:
        why = str(error)
    finally:
        if why:
            print(why, file=sys.stderr)
        everything.stop()
        print("Everything is stopped." if why is None else "So everything is stopped.")
    return 1 if why else 0


if __name__ == "__main__":
    sys.exit(main())
