"""Whatever is started in turns does not interrupt others; what was chosen before stays."""

import os
import subprocess
import sys

import pytest

from sokho.core.infrastructure.embedded_postgres.turns import in_turns

as_usual = pytest.mark.skipif(
    sys.platform != "linux" or os.sched_getscheduler(0) != os.SCHED_OTHER,
    reason="Linux alone has the policy; and another one, as of chrt(1), stays",
)


def policy_of_a_child() -> int:
    """Return the policy of a process that is started here."""
    told = "import os; print(os.sched_getscheduler(0))"
    return int(subprocess.run([sys.executable, "-c", told], capture_output=True, check=True).stdout)


def forbidden(*_: object) -> None:
    raise PermissionError


@as_usual
def test_holds_for_children_and_no_longer_than_the_block():
    with in_turns():
        assert os.sched_getscheduler(0) == policy_of_a_child() == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == policy_of_a_child() == os.SCHED_OTHER


@as_usual
def test_ends_with_a_block_that_fails():
    with pytest.raises(KeyError), in_turns():
        raise KeyError
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


@as_usual
def test_leaves_a_policy_alone_that_somebody_chose():
    script = (
        "import os; from sokho.core.infrastructure.embedded_postgres.turns import in_turns\n"
        "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
        "with in_turns(): assert os.sched_getscheduler(0) == os.SCHED_IDLE\n"
        "assert os.sched_getscheduler(0) == os.SCHED_IDLE"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@as_usual
@pytest.mark.parametrize("call", ["sched_getscheduler", "sched_setscheduler"])
def test_works_where_the_system_forbids_it(monkeypatch: pytest.MonkeyPatch, call: str):
    with monkeypatch.context() as patched:
        patched.setattr(os, call, forbidden)
        with in_turns():
            assert policy_of_a_child() == os.SCHED_OTHER
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_is_nothing_on_other_systems(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    for name in ("sched_getscheduler", "sched_setscheduler", "sched_param", "SCHED_BATCH"):
        monkeypatch.delattr(os, name, raising=False)
    entered = False
    with in_turns():
        entered = True
    assert entered
