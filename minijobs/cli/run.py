"""`minijobs worker`: load the Workers, and run jobs until stopped. Sidekiq: the command `sidekiq`."""

from __future__ import annotations

import argparse
import logging
import os
import threading
import time
import traceback
from contextlib import suppress
from functools import partial

from redis import RedisError

from .. import connection, lifecycle, log, preflight, worker
from ..console import Failed, Refused, Terminated, complain, end
from ..fields import queue_name
from ..server import LAST_WORDS, LONGEST, Server, TooManyThreads
from . import log_writer, reload
from .loader import load_or_wait
from .supervisor import Parent, Supervisor

# Seconds that a starting worker process waits for a Redis that is away: the two may be started together.
PATIENCE = 5.0


def run_worker(options: argparse.Namespace) -> int:
    """`minijobs worker`: load the Workers, then run jobs. Sidekiq: the command `sidekiq`."""
    queues, weights = queues_and_weights(options.queue)
    least_values = (("-c", options.concurrency, 1), ("--processes", options.processes, 1), ("--timeout", options.timeout, 0))
    for name, value, least in least_values:
        if not value >= least:
            raise Refused(f"{name} {value}: it must be at least {least}")
    if not 0 < options.heartbeat <= LONGEST:
        raise Refused(f"--heartbeat {options.heartbeat}: it must be more than 0 seconds, and {LONGEST:.0f} at most")
    if options.reload and not reload.possible():
        raise Failed('--reload needs watchfiles: pip install "minijobs[reload]"')
    again = False
    try:
        with log_writer.show_in_background(level=options.log_level, shared=options.processes > 1):
            if options.processes > 1 and options.parent is None:
                code = Supervisor(options).run()
            else:
                code, again = _run(options, queues, weights)
    except (Refused, RedisError, TooManyThreads) as error:
        complain(error)
        code = 1
    except (KeyboardInterrupt, Terminated):
        code = 0
    except SystemExit:
        complain("A handler of startup has called sys.exit(), so no job was run.")
        code = 1
    except Exception:  # a bug of ours; do not wait for the user's threads, as Python does at exit
        code = 1
        with suppress(OSError, ValueError):
            traceback.print_exc()
    end(reload.start_again if again else partial(os._exit, code))


def _run(options: argparse.Namespace, queues: list[str], weights: dict[str, int]) -> tuple[int, bool]:
    """Run jobs until stopped. Returns the exit code, and whether to start again."""
    parent = None if options.parent is None else Parent(options.parent)
    files = load_or_wait(options)
    if files is None:
        return 0, True
    server = Server(
        *queues,
        weights=weights,
        concurrency=options.concurrency,
        timeout=options.timeout,
        heartbeat=options.heartbeat,
    )
    if parent:
        parent.server = server
        lifecycle.on("startup")(parent.started)
    _check(server, queues)
    server.handle_signals()
    known = ", ".join(sorted(worker.registry))
    threads = "1 thread" if options.concurrency == 1 else f"{options.concurrency} threads"
    log.logger.info("minijobs runs %s, %s, Redis at %s", ", ".join(queues), threads, connection.address(server.redis))
    log.logger.log(
        *((logging.INFO, "Workers: %s", known) if known else (logging.WARNING, "no Worker is known: name a module, -r"))
    )
    ended, saved = threading.Event(), threading.Event()
    if options.reload:
        watch = partial(_stop_when_saved, server, files, ended, saved)
        threading.Thread(target=watch, name="reload", daemon=True).start()
    threading.Thread(target=_end_if_startup_hangs, args=(server,), name="startup", daemon=True).start()
    code = server.run()
    ended.set()
    return code, saved.is_set() and not server.asked_to_end


def _end_if_startup_hangs(server: Server) -> None:
    """End this process if it should stop, and a handler of startup does not return. It runs in the main thread."""
    server.processor.stopping.wait()
    if not server.started.wait(server.timeout + LAST_WORDS):
        log.logger.error("a handler of startup does not return, so this process ends all the same; it has run no job")
        end(partial(os._exit, 1))


def _check(server: Server, queues: list[str]) -> None:
    """Check that a worker can work with Redis. Raises Failed if not, RedisUnavailable if it is still away after a while."""
    outage, gives_up = connection.Outage(server.redis), float("inf")
    while True:
        try:
            preflight.check(server.redis, queues=queues)
            return outage.over()
        except preflight.CannotStart as error:
            raise Failed(str(error)) from None
        except connection.RedisUnavailable as error:
            gives_up = min(gives_up, time.monotonic() + PATIENCE)
            if time.monotonic() >= gives_up:
                raise
            outage.noticed(error)
            time.sleep(0.1)


def queues_and_weights(named: list[str]) -> tuple[list[str], dict[str, int]]:
    """The queues of the `-q` options, and their weights; no weights mean strict order.

    >>> queues_and_weights(["critical,3", "default"])
    (['critical', 'default'], {'critical': 3, 'default': 1})
    >>> queues_and_weights(["critical", "default"])
    (['critical', 'default'], {})
    """
    queues: dict[str, int] = {}
    for text in named or ["default"]:
        name, _, weight = text.partition(",")
        try:
            queue_name(name)
            if weight and not (weight.isdecimal() and len(weight) < 16 and int(weight) > 0):
                raise ValueError
        except ValueError:
            raise Refused(
                f"-q {text}: a queue's name, and perhaps a weight from 1 on, such as critical,3; no | in it"
            ) from None
        queues[name] = int(weight or 0)
    weighted = any(queues.values())
    return list(queues), {name: weight or 1 for name, weight in queues.items()} if weighted else {}


def _stop_when_saved(server: Server, files: reload.Saved, ended: threading.Event, saved: threading.Event) -> None:
    if file := reload.wait_until_saved(files, ended):
        log.logger.info("%s was saved: starting again", file)
        saved.set()
        server.stop()
