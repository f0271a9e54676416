"""From measurements to ratios, verdicts and tables."""

import os
import subprocess
import sys
import time
from math import isnan
from subprocess import PIPE

import pytest

from benchmarks import bulk, goals, pgbench, report, row_security
from benchmarks.goals import Goal
from benchmarks.load import Measurement
from benchmarks.operations import CREATE, FILTER, GET, LIST, MOVE
from benchmarks.processes import cpu_seconds
from benchmarks.rounds import Results, Spread, per_cpu_second, rate, ratios
from benchmarks.servers import DJANGO, NAIVE, SOKHO, TEMPLATE
from benchmarks.throughput import PACED


def measured(*rates: float) -> list[Measurement]:
    return [Measurement(rate, 1.0, 2.0, 100.0, 50.0) for rate in rates]


def throughput(of_sokho: float) -> Results:
    peers = (NAIVE, DJANGO, TEMPLATE, pgbench.TRIPS, pgbench.SAME_ROWS)
    others = {(op, peer): measured(100.0) for op in (GET, LIST, CREATE, MOVE) for peer in peers}
    return {**others, **{(op, SOKHO): measured(of_sokho) for op in (GET, LIST, CREATE, MOVE)}}


def sealing(sealed: float) -> Results:
    names = {row_security.SEALED: sealed, row_security.UNSEALED: 100.0}
    operations = row_security.OPERATIONS
    return {(op, name): measured(rate) for op in operations for name, rate in names.items()}


def loading(batches: float) -> Results:
    rates = {bulk.BATCHES: batches, bulk.COPY: 100.0}
    return {(bulk.OPERATION, name): measured(rate) for name, rate in rates.items()}


def at_half() -> Results:
    return {(operation, SOKHO): measured(100.0) for operation in PACED}


def found(*, of_sokho: float, sealed: float, batches: float) -> list[Goal]:
    return [*goals.goals(throughput(of_sokho), at_half(), sealing(sealed), loading(batches))]


class TestRatios:
    def test_are_those_of_each_round(self):
        above, below = measured(400, 20, 300), measured(100, 10, 100)
        assert ratios(above, below, rate) == [4, 2, 3]
        spread = Spread.of(ratios(above, below, rate))
        assert spread == (3, 2, 4)

    def test_differ_from_the_ratio_of_the_medians(self):
        above, below = measured(400, 20, 100), measured(100, 10, 20)
        assert Spread.of(ratios(above, below, rate)).middle == 4
        assert Spread.of([*map(rate, above)]).middle / Spread.of([*map(rate, below)]).middle == 5

    def test_want_as_many_rounds_of_both(self):
        with pytest.raises(ValueError, match="shorter"):
            ratios(measured(1, 2), measured(1), rate)


class TestCpuOfARequest:
    def test_has_the_database_in_it(self):
        cheap, dear = Measurement(1, None, None, 100, 100), Measurement(1, None, None, 100, 300)
        assert ratios([cheap], [dear], per_cpu_second) == [2]

    def test_is_not_told_where_the_system_does_not(self):
        assert isnan(per_cpu_second(Measurement(1, None, None, 100, None)))


class TestVerdicts:
    @pytest.mark.parametrize(
        ("middle", "verdict"),
        [
            (12.0, "goal reached"),
            (11.0, "goal reached"),
            (10.9, "floor reached, goal not"),
            (6.4, "**floor not reached**"),
        ],
    )
    def test_more_is_better(self, middle: float, verdict: str):
        assert Goal("", 6.5, 11, Spread(middle, 0, 99)).verdict == verdict

    @pytest.mark.parametrize(
        ("middle", "verdict"),
        [
            (-1.0, "goal reached"),
            (5.1, "floor reached, goal not"),
            (8.1, "**floor not reached**"),
        ],
    )
    def test_less_is_better_where_it_says_so(self, middle: float, verdict: str):
        assert Goal("", 8, 5, Spread(middle, 0, 99), at_most=True).verdict == verdict

    def test_all_are_reached_by_what_is_fast_enough(self):
        verdicts = {goal.verdict for goal in found(of_sokho=2000, sealed=99, batches=61)}
        assert verdicts == {"goal reached"}

    def test_none_of_those_measured_is_reached_by_what_is_slow(self):
        slow = found(of_sokho=20, sealed=90, batches=39)
        missed = [goal for goal in slow if goal.verdict == "**floor not reached**"]
        assert len(missed) == len(slow) - len(PACED)

    def test_latency_grows_by_what_throughput_loses(self):
        more = goals.more_latency(sealing(80), GET)
        assert more.middle == pytest.approx(25)


class TestDocument:
    def test_says_plainly_what_is_not_reached(self):
        text = report.document(self.findings(of_sokho=1500))
        assert "- get by id: throughput vs naive: " not in text
        text = report.document(self.findings(of_sokho=640))
        assert "- get by id: throughput vs naive: 6.4 (6.4–6.4)×; the floor is 6.5×" in text
        assert "| get by id: throughput vs naive | 6.5× | 11× | 6.4 (6.4–6.4)×" in text

    def test_leaves_out_who_has_no_such_operation(self):
        results = {(FILTER, SOKHO): measured(200), (FILTER, NAIVE): measured(100)}
        row = report.ratio_table(results).splitlines()[-1]
        assert row == f"| {FILTER} | 2.0 (2.0–2.0) | – | – | – | – | – | – |"

    def findings(self, *, of_sokho: float) -> report.Findings:
        paced = {share: at_half() for share in (0.5, 0.8)}
        return report.Findings(
            throughput(of_sokho), paced, {SOKHO: None}, sealing(99), loading(61), "5 rounds."
        )


class TestCpuTime:
    def test_of_those_that_live_and_of_those_that_ended(self):
        busy = "import time\nwhile time.process_time() < 0.5: pass\n"
        for waits in ("", "import sys; sys.stdin.read()"):
            own, before = time.process_time(), cpu_seconds(os.getpid())
            with subprocess.Popen([sys.executable, "-c", busy + waits], stdin=PIPE) as child:
                if not waits:
                    child.wait()
                deadline = time.monotonic() + 30
                while (after := cpu_seconds(os.getpid()) or 0.0) - (before or 0.0) < 0.5:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                assert (child.poll() is None) == bool(waits)
            assert time.process_time() - own < 0.5 <= after - (before or 0.0)
