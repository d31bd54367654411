"""Little's law, for each kind at its worst time."""

from math import ceil

SECONDS = {"mail": 0.5, "gif": 0.3}


def busy(day, kind):
    return max(day[kind]) / 600 * SECONDS[kind]


def set_up(day):
    threads = ceil(busy(day, "mail") * 1.3)
    processes = ceil(busy(day, "gif") / 0.8)
    lines = [f"-q mail -c {threads}"]
    lines += ["-q gif -c 1" for _ in range(processes)]
    lines += ["-q report -c 1"]
    return {kind: kind for kind in ("mail", "gif", "report")}, lines
