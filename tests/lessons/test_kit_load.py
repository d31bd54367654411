"""Jobs on real worker processes, measured; and the model, which must agree with what was measured."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest

from lessons.kit import burst, by_chance, load, measure, session, simulate, start, write
from lessons.kit.load import TASKS, NobodyRanThem

COMING = by_chance(60, every=0.015, waits=lambda dice: dice.expovariate(1 / 0.01))


@pytest.fixture(scope="module", autouse=True)
def _lesson():
    """One lesson for all tests here: what takes long is to start processes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("REDIS_URL", raising=False)
        start(server=True)
        write("jobs.py", TASKS)
        yield
        session.end()


@pytest.fixture(autouse=True)
def _nobody_watches():
    """In place of the one of all lessons, which ends the lesson after each test."""


@pytest.fixture(scope="module")
def came():
    """Jobs that came by chance, to one thread that was busy for most of the time."""
    return measure("-r jobs.py -c 1", COMING)


def test_every_job_is_told_with_its_moments(came):
    assert sorted(one.job for one in came.ran) == COMING
    for one in came.ran:
        assert one.pushed <= one.begun + 0.001
        assert one.ended - one.begun >= one.job.waits
    begun = sorted(came.ran, key=lambda one: one.begun)
    assert all(earlier.ended <= later.begun + 0.001 for earlier, later in pairwise(begun))  # one thread
    assert {one.host for one in came.ran} == {os.uname().nodename}
    assert 0 < came.busy <= 1.05
    assert came.extra > 0


def test_the_model_agrees_with_what_was_measured(came):
    simulated = simulate("-c 1", came.as_they_came(), extra=came.extra, lag=came.lag)
    assert simulated.waited == pytest.approx(came.waited, rel=0.5)


def test_littles_law_holds_for_the_queue(came):
    assert came.length == pytest.approx(came.arrived * came.waited, rel=0.5)


def test_a_process_that_runs_already_is_used_again(came):
    before = {worker.pid for worker in session.beside().workers}
    jobs = burst(6, waits=0.05)
    runs = measure("-r jobs.py -c 1", jobs)
    assert {worker.pid for worker in session.beside().workers} == before
    assert runs.within(1) > 0.2  # one after the other


def test_two_processes_serve_two_queues_and_jobs_that_nobody_serves_are_told(monkeypatch):
    monkeypatch.setattr(load, "NO_PROGRESS", 0.5)
    lines = ["-r jobs.py -q a -c 1", "-r jobs.py -q b -c 2"]
    jobs = [job for queue in ("a", "b") for job in burst(3, waits=0.01, queue=queue)]
    runs = measure(lines, jobs)
    assert (len(runs.of("a").ran), len(runs.of("b").ran), runs.threads) == (3, 3, 3)
    with pytest.raises(NobodyRanThem, match=r"1 of 7 jobs have not run") as error:
        measure(lines, [*jobs, *burst(1, queue="c")])
    assert [job.queue for job in error.value.left] == ["c"]
