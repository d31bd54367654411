"""The log of a worker process, written in the background."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from minijobs.cli import log_writer
from minijobs.cli.log_writer import show_in_background
from minijobs.log import job_context, logger, tid


def said(stream: io.StringIO) -> list[str]:
    """What each line says, without who and when."""
    return [line.split(": ", 1)[1] for line in stream.getvalue().splitlines()]


@pytest.fixture
def _level() -> Iterator[None]:
    level = logger.level
    yield
    logger.setLevel(level)


@pytest.mark.usefixtures("_level")
def test_in_the_background_the_same_lines_are_written_by_another_thread_with_who_spoke() -> None:
    stream = io.StringIO()
    with show_in_background(stream), job_context("Mail", "1"):
        logger.info("halfway")
    logger.warning("after it")
    [line] = stream.getvalue().splitlines()
    assert line.endswith(f" TID-{tid()} Mail JID-1 INFO: halfway")


@pytest.mark.usefixtures("_level")
def test_all_that_many_threads_said_is_written_in_the_order_of_each_when_the_block_ends() -> None:
    stream = io.StringIO()

    def talk(name: int) -> None:
        for number in range(500):
            logger.info("%d %d", name, number)

    with show_in_background(stream), ThreadPoolExecutor(4) as pool:
        list(pool.map(talk, range(4)))
    lines = [text.split() for text in said(stream)]
    for name in range(4):
        assert [int(number) for speaker, number in lines if int(speaker) == name] == list(range(500))


def test_what_waits_is_written_too_when_a_thread_ends_the_process() -> None:
    program = """
import logging, os, threading, time
from functools import partial
from minijobs.cli import log_writer
from minijobs.console import end
from minijobs.log import logger

log_writer.PAUSE = 1  # the writer has not come to it yet when the process ends
with log_writer.show_in_background():
    logger.info("first")
    time.sleep(0.2)
    logger.error("last")
    threading.Thread(target=end, args=(partial(os._exit, 3),)).start()
    time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].endswith(" ERROR: last")


class Closed(io.StringIO):
    """A stream that lets nobody write until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = threading.Event()
        self.tried = threading.Event()
        self.writes = 0

    def write(self, text: str) -> int:
        self.tried.set()
        assert self.opened.wait(20)
        self.writes += 1
        return super().write(text)


@pytest.mark.usefixtures("_level")
def test_what_waits_is_written_at_once() -> None:
    stream = Closed()
    with show_in_background(stream):
        logger.info(0)
        assert stream.tried.wait(20)
        for number in range(1, 100):
            logger.info(number)
        stream.opened.set()
    assert [int(text) for text in said(stream)] == list(range(100))
    assert stream.writes <= 3


@pytest.mark.usefixtures("_level")
def test_whoever_has_too_much_to_say_waits_and_all_of_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 50)
    stream = Closed()
    talked = []

    def talk() -> None:
        for number in range(300):
            logger.info(number)
            talked.append(number)

    with show_in_background(stream):
        talker = threading.Thread(target=talk)
        talker.start()
        assert stream.tried.wait(20)
        talker.join(0.2)
        assert len(talked) < 150  # what waits, and what the writer has taken already
        stream.opened.set()
        talker.join(20)
    assert [int(text) for text in said(stream)] == list(range(300))


@pytest.mark.usefixtures("_level")
@pytest.mark.parametrize("broken", [BrokenPipeError(), ValueError("I/O operation on closed file")])
def test_a_stream_that_nobody_reads_stops_nobody(broken: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "MOST_WAITING", 5)

    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise broken

    with show_in_background(Broken()):
        for number in range(100):
            logger.info(number)


@pytest.mark.usefixtures("_level")
def test_a_line_that_cannot_be_formatted_costs_the_others_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logger, "propagate", False)  # pytest's own handler would raise
    stream = io.StringIO()
    with show_in_background(stream):
        logger.info("%d", "no number")
        logger.info("hello")
    assert said(stream) == ["hello"]
    assert "Logging error" in capsys.readouterr().err


def test_a_shared_log_is_written_in_pieces_that_the_system_does_not_tear() -> None:
    lines = [f"{number} {'é' * (number % 700)}\n" for number in range(200)]
    pieces = list(log_writer._pieces(lines))
    assert "".join(pieces) == "".join(lines)
    assert max(len(piece.encode()) for piece in pieces) <= log_writer.ONE_PIECE
    assert len(pieces) < 100
    assert list(log_writer._pieces(["long" * log_writer.ONE_PIECE]))[-1] == "long" * log_writer.ONE_PIECE
