"""The command line of `minijobs`: its commands and options."""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, NoReturn

from redis import RedisError

from .. import connection
from ..console import Failed, Refused, Terminated, complain, flush, prepare
from ..heartbeat import EVERY
from . import commands
from .run import run_worker

if TYPE_CHECKING:
    from ..connection import Redis

WHAT_IS_IN = {
    "retry": "failed, and will be tried again",
    "dead": "will not be tried again",
    "scheduled": "were pushed for later",
}


def main(words: list[str] | None = None) -> int:
    """Run the command line `words`, by default that of this process, and return the exit code.

    0: it was done; a command that runs until it is stopped was stopped. 1: it could not be done, or not completely.
    2: the command line makes no sense. A command that was interrupted before it was done returns the codes that shells use:
    130 after Ctrl-C, 143 after TERM.
    """
    words = sys.argv[1:] if words is None else words
    code, options = 1, argparse.Namespace(do=None, words=words)
    try:
        prepare()
        parser().parse_args(words, options)
        errors: AbstractContextManager[Any] = nullcontext()
        if options.do is not commands.new:  # `new` needs no Redis
            errors = connection.translate_errors(_redis(), "minijobs " + " ".join(words))
        with errors:
            code = options.do(options)
        sys.stdout.flush()
    except (Refused, RedisError) as error:
        complain(error)
        code = error.code if isinstance(error, Refused) else 1
    except (KeyboardInterrupt, Terminated) as stopped_by:
        stopped = options.do in (run_worker, web)
        code = 0 if stopped else 143 if isinstance(stopped_by, Terminated) else 130
    except BrokenPipeError:  # as in `minijobs monitor | head`: the reader has gone
        code = 0
    except OSError as error:
        complain(error)
        code = 1
    finally:
        for stream in (sys.stdout, sys.stderr):
            flush(stream)
    return code


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        try:
            super().error(message)
        except OSError:  # Python 3.11.2, which Debian has, raises if this cannot be written
            raise SystemExit(2) from None


def parser() -> argparse.ArgumentParser:
    """The parser of the command line, with all commands."""
    which = "REDIS_URL says which Redis, as in redis://127.0.0.1:6379/0."
    about = "Background jobs through Redis, in Sidekiq's own format."
    main = _Parser(prog="minijobs", description=about, epilog=which)
    main.add_argument("--version", action="version", version=f"minijobs {_version()}")
    verbs = main.add_subparsers(metavar="what to do", required=True)

    def verb(name: str, do: object, help: str, under: argparse._SubParsersAction = verbs) -> argparse.ArgumentParser:  # type: ignore[type-arg]
        new: argparse.ArgumentParser = under.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
        new.set_defaults(do=do)
        new.epilog = None if do is commands.new else which
        if do not in (run_worker, web, commands.new):
            new.add_argument("--json", action="store_true", help="for programs")
        return new

    run = verb("worker", run_worker, "run jobs until stopped")
    run.add_argument("-r", "--require", metavar="MODULE", action="append", default=[], help="a module or file with Workers")
    run.add_argument("-q", "--queue", metavar="NAME[,WEIGHT]", action="append", default=[], help="a queue; may be repeated")
    run.add_argument("-c", "--concurrency", metavar="N", type=int, default=10, help="threads (10)")
    run.add_argument("--processes", metavar="N", type=int, default=1, help="worker processes, each with its threads (1)")
    run.add_argument("--parent", type=int, help=argparse.SUPPRESS)  # the socket to the parent: see `supervisor`
    run.add_argument("--timeout", metavar="SECONDS", type=float, default=25, help="what unfinished jobs get at a stop (25)")
    run.add_argument("--heartbeat", metavar="SECONDS", type=float, default=EVERY, help=f"between two beats ({EVERY:g})")
    run.add_argument(
        "--log-level", default="INFO", type=str.upper, choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="(INFO)"
    )
    run.add_argument("--reload", action="store_true", help="start again when a loaded file is saved (for development)")

    verb("stats", commands.stats, "how many jobs there are, how many runs there were, and the worker processes")
    verb("queues", commands.queues, "how many jobs wait in each queue, and for how long")
    for name, what in WHAT_IS_IN.items():
        jobs = verbs.add_parser(name, help=f"jobs that {what}", description=f"Jobs that {what}.")
        jobs.set_defaults(set=name)
        under = jobs.add_subparsers(metavar="what to do", required=True)
        listing = verb("list", commands.show, "show them, the earliest first", under)
        listing.add_argument("--limit", metavar="N", type=_count, default=25, help="so many at most (25); 0 for all")
        again = verb("retry", commands.retry, "put jobs back into their queues now", under)
        some = again.add_mutually_exclusive_group(required=True)
        some.add_argument("jids", metavar="JID", type=_text, nargs="*", default=[], help="these")
        some.add_argument("--all", action="store_true", help="all of them")
        verb("delete", commands.delete, "delete jobs for good", under).add_argument(
            "jids", metavar="JID", type=_text, nargs="+"
        )
        verb("clear", commands.clear, "delete all of them for good", under).add_argument(
            "--yes", action="store_true", help="do not ask"
        )
    watch = verb("monitor", commands.watch, "show the commands that Redis receives, from any client, until Ctrl-C")
    watch.add_argument("--grep", metavar="PATTERN", help="only what matches, such as 'hset|lpush'")
    pages = verb("web", web, "show the dashboard to a browser, until Ctrl-C")
    pages.epilog = f"{which} With MINIJOBS_WEB_PASSWORD in the environment, it asks for that password."
    pages.add_argument("--host", metavar="HOST", default="127.0.0.1", help="where to listen (127.0.0.1: this machine alone)")
    pages.add_argument("--port", metavar="N", type=int, default=9876, help="(9876); 0 for any that is free")
    pages.add_argument("--prefix", metavar="PATH", default="", help="the path below which a proxy shows it, such as /jobs")
    pages.add_argument("--allow-host", metavar="NAME", action="append", default=[], help="a host name to answer to")
    pages.add_argument("--trusted-proxy", metavar="ADDRESS", help="believe this proxy who asks, by which name and scheme")
    pages.add_argument("--read-only", action="store_true", help="show no buttons, and refuse every change")
    write = verb("new", commands.new, "write a Worker, and a test that is red until it does something")
    write.add_argument("name", metavar="NAME", help="such as SendGifToUser")
    write.add_argument("--into", metavar="FOLDER", default=".", help="where to (here)")
    return main


def web(options: argparse.Namespace) -> int:
    """`minijobs web`: the dashboard. Sidekiq: `Sidekiq::Web`, which needs an application around it."""
    try:
        from ..web.serve import serve  # imported here, because nothing else needs Flask
    except ModuleNotFoundError as error:
        raise Failed(f'minijobs web needs {error.name}: pip install "minijobs[web]"') from None
    names = {"prefix": options.prefix, "allowed": options.allow_host, "proxy": options.trusted_proxy}
    return serve(options.host, options.port, **names, read_only=options.read_only)


def _redis() -> Redis:
    """The client of the Redis to use; nothing is sent to it yet. Raises Failed if REDIS_URL is not valid."""
    try:
        return connection.current()
    except ValueError as error:
        raise Failed(f"REDIS_URL is no address of a Redis: {error}") from None


def _version() -> str:
    try:
        return importlib.metadata.version("minijobs")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed: run from its source)"


def _text(word: str) -> str:
    try:
        word.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(f"{word} is no text in UTF-8") from None
    return word


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text} is no number of jobs")
    return int(text)
