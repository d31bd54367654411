"""This project, from the folder that the benchmark stands in."""

from __future__ import annotations

from collections.abc import Sequence

import common

import minijobs


class Noop(minijobs.Worker):
    def perform(self, email: str, thought: str) -> None:
        common.noop(email, thought)


class Calculate(minijobs.Worker):
    def perform(self, numbers: int) -> None:
        common.calculate(numbers)


class Nap(minijobs.Worker):
    def perform(self, seconds: float) -> None:
        common.nap(seconds)


class Stamp(minijobs.Worker):
    def perform(self, pushed: float) -> None:
        common.stamp(pushed)


workers: dict[str, type[minijobs.Worker]] = {"noop": Noop, "calculate": Calculate, "nap": Nap, "stamp": Stamp}


def push(name: str, *args: object) -> None:
    workers[name].perform_async(*args)


def bulk(name: str, args: Sequence[object], count: int) -> None:
    workers[name].perform_bulk([args] * count)


def work(threads: int, level: str, processes: int = 1) -> None:
    quiet = ("--log-level", "warning") if level == "warning" else ()
    common.become("minijobs", "worker", "-r", __file__, "-c", str(threads), "--processes", str(processes), *quiet)


if __name__ == "__main__":
    common.main(push, work, bulk=bulk)
