"""The command `minijobs`, also `python -m minijobs`: what its words mean, and running a worker process.

minijobs worker -r app.workers -c 10 -q critical,3 -q default --timeout 25
minijobs stats
minijobs retry list
minijobs monitor --grep 'hset|lpush'
minijobs web
minijobs new SendGifToUser
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from redis import RedisError

from . import commands, connection, log, log_writer, reload, worker
from .console import Refused
from .heartbeat import EVERY
from .server import Server

if TYPE_CHECKING:
    from .connection import Redis

WHAT_IS_IN = {
    "retry": "failed, and will be tried again",
    "dead": "will not be tried again",
    "scheduled": "were pushed for later",
}


def main(words: list[str] | None = None) -> int:
    """Do what the words say. Gives back the exit code: 0, 1 if not all of it could be done, 2 if it was refused."""
    options = parser().parse_args(words)
    try:
        with connection.one_sentence(_redis(), "minijobs " + " ".join(words or sys.argv[1:])):
            code: int = options.do(options)
        sys.stdout.flush()
    except (Refused, RedisError) as error:
        print(f"minijobs: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130  # as a shell says it
    except BrokenPipeError:  # `minijobs monitor | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python would complain at its end
        return 0
    return code


def parser() -> argparse.ArgumentParser:
    """What can be said."""
    main = argparse.ArgumentParser(prog="minijobs", description="Background jobs through Redis, in Sidekiq's own format.")
    verbs = main.add_subparsers(metavar="what to do", required=True)

    def verb(name: str, do: object, help: str, under: argparse._SubParsersAction = verbs) -> argparse.ArgumentParser:  # type: ignore[type-arg]
        new: argparse.ArgumentParser = under.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        new.set_defaults(do=do)
        if do not in (work, web, commands.new):
            new.add_argument("--json", action="store_true", help="for programs")
        return new

    run = verb("worker", work, "run jobs until told to stop")
    run.add_argument("-r", "--require", metavar="MODULE", action="append", default=[], help="a module or file with Workers")
    run.add_argument("-q", "--queue", metavar="NAME[,WEIGHT]", action="append", default=[], help="a queue; may be repeated")
    run.add_argument("-c", "--concurrency", metavar="N", type=int, default=10, help="threads (10)")
    run.add_argument("--timeout", metavar="SECONDS", type=float, default=25, help="what unfinished jobs get at a stop (25)")
    run.add_argument("--heartbeat", metavar="SECONDS", type=float, default=EVERY, help=f"between two beats ({EVERY:g})")
    run.add_argument(
        "--log-level", default="INFO", type=str.upper, choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="(INFO)"
    )
    run.add_argument("--reload", action="store_true", help="start again when a loaded file is saved (for development)")

    verb("stats", commands.stats, "how many jobs there are, how many runs there were, who runs them")
    verb("queues", commands.queues, "how many jobs wait in each queue, and for how long")
    for name, what in WHAT_IS_IN.items():
        jobs = verbs.add_parser(name, help=f"jobs that {what}", description=f"Jobs that {what}.")
        jobs.set_defaults(set=name)
        under = jobs.add_subparsers(metavar="what to do", required=True)
        listing = verb("list", commands.show, "show them, the earliest first", under)
        listing.add_argument("--limit", metavar="N", type=_count, default=25, help="so many at most (25); 0 for all")
        again = verb("retry", commands.retry, "put jobs back into their queues now", under)
        some = again.add_mutually_exclusive_group(required=True)
        some.add_argument("jids", metavar="JID", nargs="*", default=[], help="these")
        some.add_argument("--all", action="store_true", help="all of them")
        verb("delete", commands.delete, "delete jobs for good", under).add_argument("jids", metavar="JID", nargs="+")
        verb("clear", commands.clear, "delete all of them for good", under).add_argument(
            "--yes", action="store_true", help="do not ask"
        )
    watch = verb("monitor", commands.watch, "show what Redis is being told, by anybody, until Ctrl-C")
    watch.add_argument("--grep", metavar="PATTERN", help="only what matches, such as 'hset|lpush'")
    pages = verb("web", web, "show the dashboard to a browser, until Ctrl-C")
    pages.add_argument("--host", metavar="HOST", default="127.0.0.1", help="where to listen (127.0.0.1: this machine alone)")
    pages.add_argument("--port", metavar="N", type=int, default=9876, help="(9876); 0 for any that is free")
    write = verb("new", commands.new, "write a Worker, and a test that is red until it does something")
    write.add_argument("name", metavar="NAME", help="such as SendGifToUser")
    write.add_argument("--into", metavar="FOLDER", default=".", help="where to (here)")
    return main


def work(options: argparse.Namespace) -> int:
    """`minijobs worker`: load the Workers, then run jobs. Sidekiq: the command `sidekiq`."""
    with log_writer.show_in_background(level=options.log_level):
        code, again = _work(options)
    if again:
        reload.start_again()
    sys.stderr.flush()
    os._exit(code)  # a job that would not stop is still running in its thread, and must not keep the process


def _work(options: argparse.Namespace) -> tuple[int, bool]:
    """Run jobs until told to stop. Gives back the exit code, and whether to start again."""
    queues, weights = queues_and_weights(options.queue)
    for name, value, least in (("-c", options.concurrency, 1), ("--timeout", options.timeout, 0)):
        if not value >= least:
            raise Refused(f"{name} {value}: it must be at least {least}")
    if not 0 < options.heartbeat < float("inf"):
        raise Refused(f"--heartbeat {options.heartbeat}: it must be more than 0 seconds")
    files = _load_or_wait(options)
    if files is None:
        return 0, True
    server = Server(
        *queues,
        weights=weights,
        concurrency=options.concurrency,
        timeout=options.timeout,
        heartbeat=options.heartbeat,
    )
    known = ", ".join(sorted(worker.registry))
    log.logger.info(
        "minijobs runs %s, %d threads, Redis at %s", ", ".join(queues), options.concurrency, connection.address(server.redis)
    )
    log.logger.log(
        *((logging.INFO, "Workers: %s", known) if known else (logging.WARNING, "no Worker is known: name a module, -r"))
    )
    server.handle_signals()
    ended, saved = threading.Event(), threading.Event()
    if options.reload:
        watch = partial(_stop_when_saved, server, files, ended, saved)
        threading.Thread(target=watch, name="reload", daemon=True).start()
    code = server.run()
    ended.set()
    return code, saved.is_set() and not server.asked_to_end


def web(options: argparse.Namespace) -> int:
    """`minijobs web`: the dashboard. Sidekiq: `Sidekiq::Web`, which needs an application around it."""
    try:
        from .web.serve import serve  # here, for nothing else needs Flask
    except ModuleNotFoundError as error:
        raise Refused(f'minijobs web needs {error.name}: pip install "minijobs[web]"') from None
    return serve(options.host, options.port)


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


def _redis() -> Redis:
    """The Redis that is meant; whether it answers is another question."""
    try:
        return connection.current()
    except ValueError as error:
        raise Refused(f"REDIS_URL is no address of a Redis: {error}") from None


def _stop_when_saved(server: Server, files: reload.Saved, ended: threading.Event, saved: threading.Event) -> None:
    if file := reload.wait_until_saved(files, ended):
        log.logger.info("%s was saved: starting again", file)
        saved.set()
        server.stop()


def _load_or_wait(options: argparse.Namespace) -> reload.Saved | None:
    """Load the Workers, and give back the files that were loaded. What cannot be loaded is refused.

    With `--reload` it waits until something is saved, and gives back None: it is worth another try.
    """
    if options.reload and not reload.possible():
        raise Refused('--reload needs watchfiles: pip install "minijobs[reload]"')
    before = reload.loadable_files()
    try:
        for name in options.require:
            load(name)
    except Refused as error:
        if not options.reload:
            raise
        log.logger.error("%s; waiting until a file is saved", error)
        reload.wait_until_saved(reload.loadable_files() | before, threading.Event())
        return None
    return reload.loaded_files()


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of jobs")
    return int(text)
