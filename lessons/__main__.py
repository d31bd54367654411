"""The course in a terminal: python -m lessons list | play 1 | check 1 | hint 1 | solution 1 | try 1 | …"""

from __future__ import annotations

import argparse
import sys


def main(words: list[str] | None = None) -> int:
    """Do what the words say. Gives back the exit code: 0 if it went well."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    try:
        from lessons.course import commands
    except ModuleNotFoundError as error:
        print(f"{error}. Install what the lessons need: python -m lessons.install check", file=sys.stderr)
        return 2
    parser = argparse.ArgumentParser(prog="python -m lessons", description="Runnable lessons about background jobs.")
    verbs = parser.add_subparsers(dest="verb", metavar="what to do", required=True)
    for verb, (function, about) in commands.VERBS.items():
        sub = verbs.add_parser(verb, help=about, description=about)
        if verb not in commands.WITHOUT_LESSON:
            sub.add_argument("number", type=_number, help="the lesson's number")
        if verb in commands.INSISTING:
            sub.add_argument("--force", action="store_true", help=commands.INSISTING[verb])
        if verb == "play":
            sub.add_argument("--from", type=int, default=1, dest="start", metavar="STEP", help="go on from this step")
        sub.set_defaults(function=function)
    arguments = vars(parser.parse_args(words))
    function = arguments.pop("function")
    del arguments["verb"]
    return commands.run(function, **arguments)


def _number(word: str) -> int | str:
    """The number; or the word itself, which is no lesson's, so that the answer says which lessons there are."""
    return int(word) if word.isdecimal() else word


if __name__ == "__main__":
    sys.exit(main())
