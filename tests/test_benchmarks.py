"""`make bench` measures for half an hour. Here: that its files can be run at all, and that it calculates rightly."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BENCHMARKS = ROOT / "tests" / "benchmarks"


class Parts:
    """The benchmark's own modules, which find each other by their bare names."""

    def __init__(self) -> None:
        self.catalogue, self.plan, self.report, self.machine = map(
            importlib.import_module, ("catalogue", "plan", "report", "machine")
        )


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    before = set(sys.modules)
    yield Parts()
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(BENCHMARKS)):
            del sys.modules[name]


def results(bench, numbers):
    """Made-up measurements: {(peer, figure): [a number for each round, or None]}, jobs a second."""
    return bench.report.Results(
        [
            bench.report.Measurement(number, peer, figure, {"per second": value})
            for (peer, figure), values in numbers.items()
            for number, value in enumerate(values, start=1)
            if value is not None
        ]
    )


@pytest.mark.parametrize("path", sorted(BENCHMARKS.rglob("*.py")), ids=lambda path: path.relative_to(BENCHMARKS).as_posix())
def test_every_file_is_python(path):
    compile(path.read_text(encoding="utf-8"), str(path), "exec")


def test_every_peer_has_its_file_and_every_file_its_peer(bench):
    files = {path.name for path in (BENCHMARKS / "peers").iterdir() if path.is_file()} - {"common.py", "common.js"}
    assert {peer.file for peer in bench.catalogue.PEERS} == files


def test_a_ratio_is_taken_within_each_round(bench):
    # Given a machine that was three times slower in the second round
    drain = bench.plan.Figure("drain")
    made_up = results(bench, {("minijobs", drain): [300, 100, 330], ("sidekiq", drain): [100, 33, 100]})

    # Then the ratio is not what the medians would give, and has its extremes
    assert made_up.ratios(("minijobs", drain), ("sidekiq", drain), "per second") == (3, pytest.approx(100 / 33), 3.3)
    assert made_up.median("minijobs", drain, "per second") == 300


def test_a_round_that_one_of_them_missed_is_left_out(bench):
    drain = bench.plan.Figure("drain")
    made_up = results(bench, {("minijobs", drain): [300, None, 330], ("sidekiq", drain): [100, 100, None]})
    assert made_up.ratios(("minijobs", drain), ("sidekiq", drain), "per second") == (3, 3, 3)
    assert made_up.ratios(("minijobs", drain), ("huey", drain), "per second") is None


def test_a_bare_loop_has_one_figure_for_all_threads_and_log_levels(bench):
    quiet, loop = bench.plan.Figure("drain", threads=25, level="warning"), bench.plan.Figure("drain", threads=1)
    made_up = results(bench, {("minijobs", quiet): [500], ("bare", loop): [200]})
    assert made_up.ratios(("minijobs", quiet), ("bare", quiet), "per second").median == 2.5


def test_aims_are_judged_by_the_median(bench):
    # Given
    drain, naps = bench.plan.Figure("drain"), bench.plan.Figure("drain", "50ms")
    few, many = (bench.plan.Figure("backlog", backlog=size) for size in bench.plan.BACKLOGS)
    made_up = results(
        bench,
        {
            ("minijobs", drain): [290, 310, 400],
            ("minijobs+hiredis", drain): [299, 299, 400],
            ("sidekiq", drain): [100, 100, 100],
            ("minijobs", naps): [180],
            ("minijobs", few): [100],
            ("minijobs", many): [95],
        },
    )
    aims = {str(aim): aim for aim in bench.report.AIMS}

    def reached(text, ours="minijobs"):
        return aims[text].reached(aims[text].ratio(made_up, ours))

    # Then
    assert reached("drain as shipped ÷ sidekiq ≥ 3")
    assert not reached("drain as shipped ÷ sidekiq ≥ 3", "minijobs+hiredis")
    assert not reached("50 ms jobs ÷ (threads ÷ 50 ms) ≥ 0.95")
    assert reached("drain, a million waiting ÷ ten thousand ≥ 0.9")
    assert aims["drain as shipped ÷ huey ≥ 1"].ratio(made_up, "minijobs") is None


def test_with_hiredis_it_is_held_against_the_bare_loop_that_has_it_too(bench):
    assert bench.report.against("bare", "minijobs+hiredis") == "bare+hiredis"
    assert bench.report.against("bare", "minijobs") == "bare"
    assert bench.report.against("sidekiq", "minijobs+hiredis") == "sidekiq"


def test_every_aim_is_measured_in_the_quick_run_too(bench):
    choice = bench.plan.Choice(bench.catalogue.PEERS, quick=True)
    measured = {(peer.name, figure) for peer, figure in choice.round(1)}
    for aim in bench.report.AIMS:
        for name, figure in (("minijobs", aim.figure), (aim.peer or "minijobs", aim.other or aim.figure)):
            assert (name, figure.of(bench.report.BY_NAME[name])) in measured, f"{aim}: {name}"


def test_what_is_measured_can_be_read_again(bench):
    one = bench.report.Measurement(1, "bare", bench.plan.Figure("drain", threads=1), {"per second": 5.0})
    assert bench.report.Measurement.from_json(one.to_json()) == one


def test_minijobs_is_imported_from_bytecode_as_its_peers_are(bench, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert "PYTHONDONTWRITEBYTECODE" not in bench.machine.clean_environment()


@pytest.mark.parametrize(("peer", "missing"), [("sidekiq", "ruby"), ("bullmq", "node"), ("bee-queue", "node")])
def test_a_peer_that_cannot_be_installed_says_why(bench, monkeypatch, peer, missing):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(bench.machine.Failed, match=f"no {missing}"):
        bench.report.BY_NAME[peer].install()


def test_what_npm_installs_is_pinned(bench):
    node = [peer for peer in bench.catalogue.PEERS if peer.language == "node"]
    assert {peer.name for peer in node} == {"bullmq", "bee-queue"}
    for peer in node:
        assert {name.rpartition("@")[0] for name in peer.installs} == set(peer.packages)
        assert all(re.fullmatch(r"[\w-]+@\d+\.\d+\.\d+", name) for name in peer.installs)


def test_a_hundred_jobs_at_a_time_are_measured_where_that_is_usual_and_here(bench):
    for quick in (False, True):
        measured = bench.plan.Choice(bench.catalogue.PEERS, quick=quick).round(1)
        many = {peer.name for peer, figure in measured if figure.threads == bench.plan.MANY}
        assert many == {"minijobs", "minijobs+hiredis", "bullmq", "bee-queue"}


def test_the_readme_shows_what_was_measured(bench):
    stored = json.loads((BENCHMARKS / "measured" / "results.json").read_text())
    readme = (BENCHMARKS / "README.md").read_text(encoding="utf-8")
    measured = [bench.report.Measurement.from_json(one) for one in stored["measurements"]]
    assert bench.report.markdown(bench.report.Results(measured)) in readme
    for fact in (stored["date"][:10], stored["machine"]["processor"], f"{stored['machine']['cores']} cores"):
        assert fact in readme
    assert stored["rounds"] >= 5
    # A peer or an aim that came after the last full run is named there, with a note, until the next one, which writes the
    # file anew.
    not_yet = stored.get("not measured yet", {})
    assert all(not_yet.values())
    peers = {one.peer for one in measured}
    assert {peer.name for peer in bench.catalogue.PEERS} - not_yet.keys() == peers, stored["absent"]
    for aim in bench.report.AIMS:
        assert not_yet.keys() & {aim.peer, aim.text} or aim.ratio(bench.report.Results(measured), bench.catalogue.OURS), aim


def test_its_command_line_can_be_read():
    command = [sys.executable, str(BENCHMARKS), "--help"]
    assert "--only" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
