"""The command `minijobs`, also `python -m minijobs`.

minijobs worker -r app.workers -c 10 -q critical,3 -q default --timeout 25
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
from pathlib import Path

from . import connection, log, worker
from .heartbeat import EVERY
from .server import Server


def main(words: list[str] | None = None) -> int:
    """Do what the words say. Gives back the exit code."""
    parser = argparse.ArgumentParser(prog="minijobs", description="Background jobs through Redis, in Sidekiq's own format.")
    verbs = parser.add_subparsers(dest="verb", metavar="what to do", required=True)
    run = verbs.add_parser("worker", help="run jobs until told to stop", description="Run jobs until told to stop.")
    run.add_argument("-r", "--require", metavar="MODULE", action="append", default=[], help="a module or file with Workers")
    run.add_argument("-q", "--queue", metavar="NAME[,WEIGHT]", action="append", default=[], help="a queue; may be repeated")
    run.add_argument("-c", "--concurrency", metavar="N", type=int, default=10, help="threads (10)")
    run.add_argument("--timeout", metavar="SECONDS", type=float, default=25, help="what unfinished jobs get at a stop (25)")
    run.add_argument("--heartbeat", metavar="SECONDS", type=float, default=EVERY, help=f"between two beats ({EVERY:g})")
    run.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="(INFO)")
    run.set_defaults(do=work)
    options = parser.parse_args(words)
    try:
        code: int = options.do(options)
    except Refused as error:
        print(f"minijobs: {error}", file=sys.stderr)
        return 2
    return code


class Refused(Exception):
    """What was asked for cannot be done. The message says why, in one sentence."""


def work(options: argparse.Namespace) -> int:
    """`minijobs worker`: load the Workers, then run jobs. Sidekiq: the command `sidekiq`."""
    log.show(level=options.log_level)
    for name in options.require:
        load(name)
    queues, weights = queues_and_weights(options.queue)
    if options.concurrency < 1:
        raise Refused(f"-c {options.concurrency}: at least one thread is needed")
    try:
        redis = connection.connect()
    except ValueError as error:
        raise Refused(f"REDIS_URL is no address of a Redis: {error}") from None
    server = Server(
        *queues,
        weights=weights,
        concurrency=options.concurrency,
        timeout=options.timeout,
        heartbeat=options.heartbeat,
        redis=redis,
    )
    known = ", ".join(sorted(worker.registry))
    log.logger.info(
        "minijobs runs %s, %d threads, Redis at %s", ", ".join(queues), options.concurrency, connection.address(redis)
    )
    log.logger.log(
        *((logging.INFO, "Workers: %s", known) if known else (logging.WARNING, "no Worker is known: name a module, -r"))
    )
    server.handle_signals()
    code = server.run()
    sys.stderr.flush()
    os._exit(code)  # a job that would not stop is still running in its thread, and must not keep the process


def load(name: str) -> None:
    """Import a module by its name, or a file by its path. Raises Refused if that cannot be done."""
    sys.path.insert(0, os.getcwd())
    path = Path(name)
    try:
        if path.suffix == ".py":
            sys.path.insert(0, str(path.resolve().parent))
            name = path.stem
        importlib.import_module(name)
    except Exception as error:
        raise Refused(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error


def queues_and_weights(named: list[str]) -> tuple[list[str], dict[str, int]]:
    """What `-q` says: names in strict order, or with weights.

    >>> queues_and_weights(["critical,3", "default"])
    (['critical', 'default'], {'critical': 3, 'default': 1})
    >>> queues_and_weights(["critical", "default"])
    (['critical', 'default'], {})
    """
    queues: dict[str, int] = {}
    for text in named or ["default"]:
        name, _, weight = text.partition(",")
        if not name or (weight and not (weight.isdecimal() and int(weight) > 0)):
            raise Refused(f"-q {text}: a queue's name, and perhaps a weight from 1 on, such as critical,3")
        queues[name] = int(weight or 0)
    weighted = any(queues.values())
    return list(queues), {name: weight or 1 for name, weight in queues.items()} if weighted else {}
