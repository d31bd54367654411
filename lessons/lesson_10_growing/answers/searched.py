"""The smallest number of threads with which the model keeps the promise."""

from itertools import count

from lessons.kit import simulate


def enough(line, jobs, seconds):
    return next(n for n in count(1) if simulate([line.format(n)], jobs).within(0.95) < seconds)


def set_up(day):
    threads = enough("-q mail -c {}", day.coming("12:00", "mail", minutes=3), 0.5)
    gif = "-q gif -c 1"
    return dict.fromkeys(["mail"], "mail") | {"gif": "gif", "report": "report"}, [
        f"-q mail -c {threads}",
        gif,
        gif,
        "-q report -c 1",
    ]
