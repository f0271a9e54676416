"""What PostgreSQL is told of the machine that it is made on."""

from pathlib import Path
from typing import NamedTuple

import pytest

from sokho.core.infrastructure.embedded_postgres import sizing

MIB = 2**20
GIB = 1024 * MIB


class _Disk(NamedTuple):
    total: int


@pytest.fixture
def cgroups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of 16 GiB with a disk of 200 GiB; this process is in the group a/b."""
    own = tmp_path / "cgroup"
    own.write_text("4:memory:/elsewhere\n0::/a/b\n")
    (tmp_path / "fs/a/b").mkdir(parents=True)
    monkeypatch.setattr(sizing, "_OWN_CGROUPS", own)
    monkeypatch.setattr(sizing, "_CGROUPS", tmp_path / "fs")
    machine(monkeypatch, memory=16 * GIB, disk=200 * GIB)
    return tmp_path / "fs"


def machine(monkeypatch: pytest.MonkeyPatch, *, memory: int, disk: int) -> None:
    monkeypatch.setattr("os.sysconf", {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": memory}.get)
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: _Disk(disk))


class TestSizedSettings:
    @pytest.mark.parametrize(
        ("memory", "disk", "buffers", "log", "kept"),
        [
            (16 * GIB, 40 * GIB, "2048MB", "2048MB", "512MB"),
            (512 * MIB, 1 * GIB, "128MB", "1024MB", "256MB"),  # never less than PostgreSQL's own
            (1024 * GIB, 8192 * GIB, "4096MB", "4096MB", "1024MB"),  # and never without bounds
        ],
    )
    def test_are_shares_of_what_there_is(  # noqa: PLR0917
        self,
        cgroups: Path,
        monkeypatch: pytest.MonkeyPatch,
        memory: int,
        disk: int,
        buffers: str,
        log: str,
        kept: str,
    ):
        machine(monkeypatch, memory=memory, disk=disk)
        assert sizing.sized_settings(cgroups) == {
            "shared_buffers": buffers,
            "max_wal_size": log,
            "min_wal_size": kept,
        }

    @pytest.mark.parametrize("group", [".", "a", "a/b"])
    def test_keep_to_the_least_that_a_container_may_use(self, cgroups: Path, group: str):
        (cgroups / "a/b/memory.max").write_text("max\n")
        (cgroups / group / "memory.max").write_text(f"{4 * GIB}\n")
        assert sizing.sized_settings(cgroups)["shared_buffers"] == "512MB"

    def test_need_no_cgroups(self, cgroups: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(sizing, "_OWN_CGROUPS", cgroups / "none")
        (cgroups / "memory.max").write_text(f"{4 * GIB}\n")
        assert sizing.sized_settings(cgroups)["shared_buffers"] == "2048MB"

    def test_of_a_container_are_of_its_root(self, cgroups: Path):
        """There the group's name is `/`, and what limits it lies at the top."""
        sizing._OWN_CGROUPS.write_text("0::/\n")
        (cgroups / "memory.max").write_text(f"{8 * GIB}\n")
        assert sizing.sized_settings(cgroups)["shared_buffers"] == "1024MB"

    @pytest.mark.parametrize("group", [".", "docker", "docker/0a1b"])
    def test_keep_to_the_limits_of_version_1(self, cgroups: Path, group: str):
        """A container may be told its name on the host, where its own top lies at the top."""
        sizing._OWN_CGROUPS.write_text("5:cpu:/docker\n4:hugetlb,memory:/docker/0a1b\n0::/\n")
        (cgroups / "memory/docker/0a1b").mkdir(parents=True)
        (cgroups / "cpu").mkdir()
        (cgroups / "cpu/memory.limit_in_bytes").write_text(f"{1 * GIB}\n")
        (cgroups / "memory/memory.limit_in_bytes").write_text("9223372036854771712\n")  # no limit
        (cgroups / "memory" / group / "memory.limit_in_bytes").write_text(f"{4 * GIB}\n")
        assert sizing.sized_settings(cgroups)["shared_buffers"] == "512MB"

    def test_pass_over_lines_that_name_no_group(self, cgroups: Path):
        sizing._OWN_CGROUPS.write_bytes(b"\nnothing\n1:memory\n7:pids:/\xff\x0c\r:\n0::/a\n")
        (cgroups / "a/memory.max").write_text(f"{4 * GIB}\n")
        assert sizing.sized_settings(cgroups)["shared_buffers"] == "512MB"
