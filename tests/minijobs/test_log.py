"""The log line, with process id, thread id and jid."""

from __future__ import annotations

import io
import logging
import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from minijobs import Processor, Worker
from minijobs.log import handler, job_context, logger, show, tid

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\d+) TID-([0-9a-z]+) (?:(\S+) JID-(\S+) )?([A-Z]+): (.*)")


@pytest.fixture
def printed() -> Iterator[io.StringIO]:
    """What minijobs' own lines look like."""
    stream, level = io.StringIO(), logger.level
    printer = show(stream)
    yield stream
    logger.removeHandler(printer)
    logger.setLevel(level)


def parts(line: str) -> tuple[str, ...]:
    match = LINE.fullmatch(line)
    assert match, line
    return match.groups()


def test_a_line_has_time_process_thread_level_and_text(printed: io.StringIO) -> None:
    logger.info("hello %s", "world")
    _, pid, thread, worker, jid, level, text = parts(printed.getvalue().rstrip("\n"))
    assert (pid, thread, level, text) == (str(os.getpid()), tid(), "INFO", "hello world")
    assert (worker, jid) == (None, None)


def test_the_time_is_that_of_greenwich_to_the_millisecond() -> None:
    record = logging.makeLogRecord({"msg": "x", "created": 1_532_711_635.023, "msecs": 23.0, "levelname": "INFO"})
    stream = io.StringIO()
    handler(stream).handle(record)
    assert stream.getvalue().startswith("2018-07-27T17:13:55.023Z ")


def test_a_run_is_two_lines_with_the_worker_and_the_jid(processor: Processor, printed: io.StringIO) -> None:
    class Mail(Worker):
        def perform(self) -> None: ...

    jid = Mail.perform_async()
    processor.process_one()
    lines = [parts(line) for line in printed.getvalue().splitlines()]
    assert [line[3:6] for line in lines] == [("Mail", jid, "INFO")] * 2
    assert lines[0][6] == "start"
    assert re.fullmatch(r"done: \d+\.\d{3} sec", lines[1][6])


def test_a_failed_run_is_three_lines_with_the_worker_and_the_jid(processor: Processor, printed: io.StringIO) -> None:
    class Fails(Worker):
        def perform(self) -> None:
            raise RuntimeError("boom")

    jid = Fails.perform_async()
    processor.process_one()
    lines = [parts(line) for line in printed.getvalue().splitlines()]
    assert [line[3:6] for line in lines] == [("Fails", jid, level) for level in ("INFO", "INFO", "WARNING")]
    assert re.fullmatch(r"fail: \d+\.\d{3} sec", lines[1][6])
    assert re.fullmatch(r"RuntimeError: boom \(next try in \d+ sec\)", lines[2][6])


def test_what_perform_logs_elsewhere_carries_the_jid_too(processor: Processor) -> None:
    stream = io.StringIO()
    other = logging.getLogger("my_app")
    printer = handler(stream)
    other.addHandler(printer)
    try:

        class Mail(Worker):
            def perform(self) -> None:
                other.warning("halfway")

        jid = Mail.perform_async()
        processor.process_one()
        other.warning("after it")
    finally:
        other.removeHandler(printer)
    first, second = [parts(line) for line in stream.getvalue().splitlines()]
    assert (first[4], first[6]) == (jid, "halfway")
    assert (second[4], second[6]) == (None, "after it")


def test_a_job_that_failed_leaves_no_jid_behind(printed: io.StringIO) -> None:
    with pytest.raises(RuntimeError), job_context("Mail", "1"):
        raise RuntimeError
    logger.info("after it")
    assert "JID" not in printed.getvalue()


def test_each_thread_has_its_own_name_and_its_own_jid(printed: io.StringIO) -> None:
    both = threading.Barrier(2)

    def run(jid: str) -> str:
        with job_context("Mail", jid):
            both.wait(timeout=10)
            logger.info(jid)
            both.wait(timeout=10)
            return tid()

    with ThreadPoolExecutor(2) as pool:
        threads = [future.result() for future in [pool.submit(run, jid) for jid in ("1", "2")]]
    lines = {line[4]: line for line in map(parts, printed.getvalue().splitlines())}
    assert {jid: line[6] for jid, line in lines.items()} == {"1": "1", "2": "2"}
    assert [lines["1"][2], lines["2"][2]] == threads
    assert len({*threads, tid()}) == 3


def test_a_level_may_be_asked_for() -> None:
    stream, level = io.StringIO(), logger.level
    printer = show(stream, logging.WARNING)
    logger.info("quiet")
    logger.warning("loud")
    logger.removeHandler(printer)
    logger.setLevel(level)
    assert [parts(line)[6] for line in stream.getvalue().splitlines()] == ["loud"]


def test_without_a_stream_lines_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    level = logger.level
    printer = show()
    logger.info("hello")
    logger.removeHandler(printer)
    logger.setLevel(level)
    out, err = capsys.readouterr()
    assert (out, parts(err.rstrip("\n"))[6]) == ("", "hello")


def test_what_is_shown_twice_is_printed_once(printed: io.StringIO) -> None:
    again = show(printed)
    logger.info("hello")
    logger.removeHandler(again)
    assert len(printed.getvalue().splitlines()) == 1


# The two lines of each job


def test_whoever_adds_something_to_every_record_finds_it_in_these_as_well(printed: io.StringIO) -> None:
    factory = logging.getLogRecordFactory()

    def with_a_number(*args: object, **kwargs: object) -> logging.LogRecord:
        record = factory(*args, **kwargs)
        record.msg = f"7 {record.msg}"
        return record

    logging.setLogRecordFactory(with_a_number)
    try:
        logger.line("done: %.3f sec", 0.5)
    finally:
        logging.setLogRecordFactory(factory)
    assert parts(printed.getvalue().rstrip("\n"))[6] == "7 done: 0.500 sec"


def test_they_are_said_only_to_who_wants_to_know_so_much(printed: io.StringIO) -> None:
    logger.line("done: %.3f sec", 0.5)
    logger.setLevel(logging.WARNING)
    logger.line("start")
    assert [parts(line)[5:] for line in printed.getvalue().splitlines()] == [("INFO", "done: 0.500 sec")]


# What fails in somebody's logging decides nothing


class Fails(logging.Filter, logging.Handler):
    def __init__(self) -> None:
        logging.Handler.__init__(self)

    def filter(self, record: logging.LogRecord) -> bool:
        raise RuntimeError("a filter")

    def handle(self, record: logging.LogRecord) -> bool:
        raise RuntimeError("a handler")


def a_record_factory(*args: object, **options: object) -> logging.LogRecord:
    raise RuntimeError("a record factory")


@pytest.mark.parametrize("what", ["a filter", "a handler", "a record factory"])
def test_what_fails_in_somebodys_logging_is_said_and_the_job_is_done(
    processor: Processor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    class Mail(Worker):
        def perform(self, ok: bool) -> None:
            assert ok

    Mail.perform_async(True)
    Mail.perform_async(False)
    monkeypatch.setattr(logger, "level", logging.INFO)
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    if what == "a filter":
        monkeypatch.setattr(logger, "filters", [Fails()])
    elif what == "a handler":
        monkeypatch.setattr(logger, "handlers", [Fails()])
    else:
        monkeypatch.setattr(logging, "_logRecordFactory", a_record_factory)
    outcomes = [outcome.name for _ in range(2) if (outcome := processor.process_one())]
    monkeypatch.undo()
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    assert outcomes == ["done", "retry"]
    assert f"RuntimeError: {what}" in capsys.readouterr().err


def test_a_line_says_where_in_the_code_it_was_logged(caplog: pytest.LogCaptureFixture) -> None:
    logger.error("from here")
    (record,) = caplog.records
    assert (record.filename, record.funcName) == ("test_log.py", "test_a_line_says_where_in_the_code_it_was_logged")


@pytest.mark.parametrize(("worker", "jid"), [("Mail\nforged", "1"), ("Mail", "1\r\nforged"), ("Mail\x1b[2J", "1")])
def test_a_name_or_a_jid_writes_no_line_of_its_own(printed: io.StringIO, worker: str, jid: str) -> None:
    with job_context(worker, jid):
        logger.info("start")
    assert len(printed.getvalue().splitlines()) == 1
    assert printed.getvalue().rstrip("\n").isprintable()
