"""minijobs beside its peers: `make bench`, or for a part of it

    python tests/benchmarks --only minijobs,bare --what drain --threads 10 --rounds 3

An uncounted round finds out how fast each peer is; then come the rounds that count, each with every measurement once.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import picture
import redis
import report
from catalogue import FOLDER, PEERS, ROOT, Peer
from machine import Failed, describe, private_redis
from measure import QUICK, Bench, Settings
from plan import KINDS, LEVELS, THREADS, WHAT, Choice, Figure
from report import Measurement, Results
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ROUNDS, QUICK_ROUNDS = 5, 2


def main() -> int:
    """Do what the command line says. Returns the exit code."""
    options = _options()
    # Wide enough for the tables when nobody watches; a person has the width they have.
    console = Console() if sys.stdout.isatty() else Console(width=180)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that every `finally` is run, and nothing stays behind
    try:
        stored = json.loads(Path(options.show).read_text()) if options.show else _run(options, console)
    except KeyboardInterrupt:
        console.print("Interrupted. Nothing was written, and nothing is left running.")
        return 130
    except Failed as error:
        console.print(f"The benchmark cannot run: {error}", markup=False)
        return 1
    if options.markdown:
        print(report.markdown(_results(stored)), _caption(stored), sep="\n\n")
    else:
        _tell(stored, console)
    if not options.show:
        _write(stored, Path(options.out), console)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description="minijobs beside its peers, measured.")
    names = [peer.name for peer in PEERS]

    def some(option: str, of: Sequence[Any], help: str) -> None:
        def parse(text: str) -> list[Any]:
            words = [type(of[0])(word) for word in text.split(",")]
            if of is not THREADS and (wrong := set(words) - set(of)):
                raise argparse.ArgumentTypeError(f"{', '.join(map(str, wrong))}: there is {', '.join(map(str, of))}")
            return words

        parser.add_argument(option, type=parse, default=list(of), metavar="A,B", help=f"{help}: {', '.join(map(str, of))}")

    some("--only", names, "these peers")
    some("--what", WHAT, "these measurements")
    some("--threads", THREADS, "drain with so many threads")
    some("--kinds", KINDS, "drain these jobs")
    some("--levels", LEVELS, "drain with these logs")
    parser.add_argument("--rounds", type=int, help=f"({ROUNDS}; {QUICK_ROUNDS} with --quick)")
    parser.add_argument("--quick", action="store_true", help="under two minutes: short, and only what the aims need")
    parser.add_argument("--out", default=str(FOLDER), metavar="FOLDER", help="where results.json and drain.png go")
    parser.add_argument("--show", metavar="FILE", help="measure nothing: show an earlier results.json")
    parser.add_argument("--markdown", action="store_true", help="show it as the README does")
    return parser.parse_args()


def _run(options: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Measure everything that was asked for."""
    FOLDER.mkdir(exist_ok=True)
    rounds = options.rounds or (QUICK_ROUNDS if options.quick else ROUNDS)
    settings = QUICK if options.quick else Settings()
    peers, absent = _installed([peer for peer in PEERS if peer.name in options.only], console)
    choice = Choice(peers, options.what, options.threads, options.kinds, options.levels, options.quick)
    first = [(peer, figure) for peer, figure in choice.round(1) if _calibrates(peer, figure, options.quick)]
    tasks = [(0, peer, figure) for peer, figure in first]
    tasks += [(number, peer, figure) for number in range(1, rounds + 1) for peer, figure in choice.round(number)]
    measurements: list[Measurement] = []
    failures: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="minijobs-bench-") as folder, private_redis(Path(folder)) as url:
        machine = describe(str(redis.Redis.from_url(url).info("server")["redis_version"]))
        bench = Bench(url, Path(folder), settings)
        started = time.monotonic()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
            bar = progress.add_task("", total=len(tasks))
            for number, peer, figure in tasks:
                progress.update(bar, description=f"round {number} of {rounds}: {peer.name}, {figure}")
                try:
                    if number:
                        measurements.append(Measurement(number, peer.name, figure, bench.measure(peer, figure)))
                    else:
                        bench.calibrate(peer, figure)
                except Failed as error:
                    failures.append({"round": number, "peer": peer.name, "figure": str(figure), "reason": str(error)})
                progress.advance(bar)
    return {
        "date": datetime.now().astimezone().isoformat(timespec="seconds"),
        "machine": machine,
        "seconds": round(time.monotonic() - started),
        "rounds": rounds,
        "settings": {**asdict(settings), "quick": options.quick},
        "commit": _commit(),
        "versions": {peer.name: peer.versions() for peer in peers},
        "absent": absent,
        "failures": failures,
        "measurements": [one.to_json() for one in measurements],
    }


def _calibrates(peer: Peer, figure: Figure, quick: bool) -> bool:
    """Pushes, and unless there is a hurry, one drain a peer: from there the others can be guessed."""
    return figure.what == "enqueue" or (not quick and (figure.what == "bulk" or figure == Figure("drain").of(peer)))


def _installed(wanted: list[Peer], console: Console) -> tuple[list[Peer], dict[str, str]]:
    """The peers that are there, and why the others are not."""
    here, absent = [], {}
    with console.status("Looking for the peers …") as status:
        for peer in wanted:
            status.update(f"Installing {peer.name}, unless it is there …")
            try:
                peer.install()
                here.append(peer)
            except Failed as error:
                absent[peer.name] = str(error)
    return here, absent


def _commit() -> str:
    try:
        described = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    except OSError:
        return "unknown"
    return described.stdout.strip() or "unknown"


def _results(stored: dict[str, Any]) -> Results:
    return Results([Measurement.from_json(one) for one in stored["measurements"]])


def _caption(stored: dict[str, Any]) -> str:
    machine = stored["machine"]
    return (
        f"{stored['date'][:10]}, {machine['processor']}, {machine['cores']} cores, Redis {machine['redis']}, "
        f"Python {machine['python']}; median, lowest and highest of {stored['rounds']} rounds"
    )


def _tell(stored: dict[str, Any], console: Console) -> None:
    """Print what came out."""
    results = _results(stored)
    for table in (report.ratios_table(results), report.medians_table(results), report.aims_table(results)):
        if table.row_count:
            console.print(table)
    console.print(_caption(stored), f"minijobs {stored['commit']}, {stored['seconds']} seconds", sep="\n", highlight=False)
    for name, versions in stored["versions"].items():
        told = ", ".join(f"{package} {version}" for package, version in versions.items())
        console.print(f"  {name}: {told}", highlight=False)
    for name, reason in stored["absent"].items():
        console.print(f"NOT MEASURED: {name}: {reason}", markup=False)
    for one in stored["failures"]:
        console.print(f"FAILED in round {one['round']}: {one['peer']}, {one['figure']}: {one['reason']}", markup=False)


def _write(stored: dict[str, Any], folder: Path, console: Console) -> None:
    """The file and the picture."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "results.json"
    file.write_text(json.dumps(stored, indent=1) + "\n")
    written = [file]
    if picture.draw(_results(stored), _caption(stored), folder / "drain.png"):
        written.append(folder / "drain.png")
    console.print("Written:", *written)


if __name__ == "__main__":
    sys.exit(main())
