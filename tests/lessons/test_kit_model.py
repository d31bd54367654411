"""The simulated worker processes: threads, the interpreter, queues. That they agree with real ones: see test_kit_load."""

from __future__ import annotations

import pytest

from lessons.kit import Day, burst, by_chance, simulate
from lessons.kit.command_line import NotTheWords, plans
from lessons.kit.model import Model
from lessons.kit.runs import Coming


def ended(words, jobs):
    """When the last job has ended."""
    return max(one.ended for one in simulate(words, jobs).ran)


@pytest.mark.parametrize(
    ("words", "job", "seconds"),
    [
        ("-c 1", {"waits": 1.0}, 10.0),
        ("-c 5", {"waits": 1.0}, 2.0),
        ("-c 1", {"computes": 1.0}, 10.0),
        ("-c 5", {"computes": 1.0}, 10.0),
        (["-c 1", "-c 1"], {"computes": 1.0}, 5.0),
        ("-c 1 --processes 5", {"computes": 1.0}, 2.0),
        ("-c 10", {"waits": 1.0, "computes": 1.0}, 11.0),
    ],
    ids=[
        "one thread waits",
        "five wait",
        "one computes",
        "five compute",
        "two processes compute",
        "five processes compute",
        "both",
    ],
)
def test_threads_wait_side_by_side_and_compute_one_at_a_time(words, job, seconds):
    assert ended(words, burst(10, **job)) == pytest.approx(seconds)


def test_what_a_job_costs_beside_its_own_work_is_computed():
    runs = simulate("-c 2", burst(4, waits=1.0), extra=0.5)
    assert max(one.ended for one in runs.ran) == pytest.approx(4.0, rel=0.05)  # twice: a wait, and half a second each


def test_a_computing_thread_lets_the_next_one_go_on():
    jobs = [Coming(0.0, computes=10.0), Coming(1.0, computes=0.1)]
    quick, long = simulate("-c 2", jobs).ran
    assert quick.ended == pytest.approx(1.2, abs=0.15)
    assert long.ended == pytest.approx(10.1)


def test_the_queues_of_a_process_are_looked_into_in_their_order():
    jobs = [job for queue in ("b", "a") for job in burst(3, waits=1.0, queue=queue)]
    for words in ("-q a -q b -c 1", "-q b -q a -c 1"):
        _, *then = [one.job.queue for one in simulate(words, jobs).ran]  # the first was alone when it came
        assert then == sorted(then, reverse=words.startswith("-q b"))


def test_with_weights_each_queue_gets_its_share():
    jobs = [job for queue in ("a", "b") for job in burst(400, waits=1.0, queue=queue)]
    first = [one.job.queue for one in simulate("-q a,3 -q b,1 -c 1", jobs).ran][:400]
    assert 0.6 < first.count("a") / len(first) < 0.9


def test_a_queue_that_nobody_serves_keeps_its_jobs():
    model = Model(plans("-q a"), burst(2, queue="b"))
    assert model.run().ran == []
    assert len(model.left) == 2


def test_littles_law_holds():
    runs = simulate("-c 1", by_chance(2_000, every=0.0125, waits=0.01))
    threads_busy = sum(one.ended - one.begun for one in runs.ran) / runs.seconds
    assert threads_busy == pytest.approx(runs.arrived * 0.01)
    assert runs.busy == pytest.approx(0.8, rel=0.05)


def test_chance_is_the_same_each_time_and_another_one_with_another_seed():
    assert by_chance(5, every=1.0) == by_chance(5, every=1.0) != by_chance(5, every=1.0, seed=11)
    waits = [job.waits for job in by_chance(5, every=1.0, waits=lambda dice: dice.random())]
    assert len(set(waits)) == 5


def test_the_day_is_what_its_file_says():
    day = Day()
    assert day.total == 300_000
    assert len(day["mail"]) == len(day.times) == 144
    mails = day.coming("12:00", "mail", minutes=10)
    assert len(mails) == day["mail"][72]
    assert {job.queue for job in day.coming("09:00", queues={"mail": "m"})} == {"m", "gif", "report"}
    assert sum(job.worker == "ReportWorker" for job in day.coming("09:00", minutes=1)) == 60
    flat = day.coming("12:00", "mail", minutes=10, flat=True)
    assert len(flat) == round(sum(day["mail"]) / 144)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--threads 5", "unrecognized arguments: --threads 5"),
        ("-c many", "invalid int value"),
        ("-c 0", "must be at least 1"),
        ("-q mails,gifs", "a queue's name, and perhaps a weight"),
    ],
)
def test_words_that_minijobs_does_not_take_are_refused_with_its_own_reason(words, said, capsys):
    with pytest.raises(NotTheWords, match=said):
        plans(words)
    assert capsys.readouterr() == ("", "")
