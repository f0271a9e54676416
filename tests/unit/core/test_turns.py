"""Whatever is started in turns does not interrupt others; what was chosen before stays."""

import os
import subprocess
import sys

import pytest

from sokho.core.infrastructure.embedded_postgres.turns import in_turns

linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has the policy")


def policy_of_a_child() -> int:
    """Return the policy of a process that is started here."""
    told = "import os; print(os.sched_getscheduler(0))"
    return int(subprocess.run([sys.executable, "-c", told], capture_output=True, check=True).stdout)


@linux
def test_holds_for_children_and_no_longer_than_the_block():
    with in_turns():
        assert os.sched_getscheduler(0) == policy_of_a_child() == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == policy_of_a_child() == os.SCHED_OTHER


@linux
def test_leaves_a_policy_alone_that_somebody_chose():
    script = (
        "import os; from sokho.core.infrastructure.embedded_postgres.turns import in_turns\n"
        "os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\n"
        "with in_turns(): assert os.sched_getscheduler(0) == os.SCHED_IDLE\n"
        "assert os.sched_getscheduler(0) == os.SCHED_IDLE"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@linux
def test_works_where_the_system_forbids_it(monkeypatch: pytest.MonkeyPatch):
    def forbidden(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "sched_setscheduler", forbidden)
    with in_turns():
        assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_is_nothing_on_other_systems(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(os, "sched_setscheduler", raising=False)
    with in_turns():
        assert policy_of_a_child() == 0
