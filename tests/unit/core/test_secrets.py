"""The service's secret: made once, for its owner alone, and never used as it is."""

import hmac
import os
import stat
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple
from multiprocessing import get_context
from pathlib import Path

import pytest

from sokho.core.infrastructure.private_files import write_private
from sokho.core.infrastructure.secrets import DerivedKeys, keyed_hash, secret_in


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


class TestWritePrivate:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_lets_only_the_owner_read(self, tmp_path: Path, umask: int):
        before = os.umask(umask)
        try:
            write_private(tmp_path / "secret", "đá")
        finally:
            os.umask(before)
        assert mode_of(tmp_path / "secret") == 0o600
        assert (tmp_path / "secret").read_text() == "đá\n"

    def test_replaces_an_open_file_by_a_private_one(self, tmp_path: Path):
        path = tmp_path / "secret"
        path.write_text("cũ")
        path.chmod(0o644)
        write_private(path, "mới")
        assert (path.read_text(), mode_of(path)) == ("mới\n", 0o600)

    def test_keeps_what_must_not_be_replaced(self, tmp_path: Path):
        path = tmp_path / "secret"
        path.write_text("cũ")
        with pytest.raises(FileExistsError):
            write_private(path, "mới", replace=False)
        assert path.read_text() == "cũ"

    def test_leaves_no_draft_behind(self, tmp_path: Path):
        write_private(tmp_path / "secret", "a")
        with pytest.raises(FileExistsError):
            write_private(tmp_path / "secret", "b", replace=False)
        assert [path.name for path in tmp_path.iterdir()] == ["secret"]

    def test_goes_on_after_a_crash_that_left_a_draft(self, tmp_path: Path):
        (tmp_path / f".secret.{os.getpid()}").write_text("half")
        write_private(tmp_path / "secret", "whole")
        assert [path.name for path in tmp_path.iterdir()] == ["secret"]

    def test_does_not_follow_a_link_that_stands_in_for_the_draft(self, tmp_path: Path):
        victim = tmp_path / "victim"
        victim.write_text("mine")
        (tmp_path / f".secret.{os.getpid()}").symlink_to(victim)
        write_private(tmp_path / "secret", "whole")
        assert victim.read_text() == "mine"


class TestSecretIn:
    def test_makes_its_folder(self, tmp_path: Path):
        assert secret_in(tmp_path / "a" / "b") == secret_in(tmp_path / "a" / "b")

    def test_is_made_once_and_kept(self, tmp_path: Path):
        secret = secret_in(tmp_path)
        assert secret_in(tmp_path) == secret
        assert mode_of(tmp_path / "secret") == 0o600

    def test_is_long_and_another_in_every_folder(self, tmp_path: Path):
        folders = [tmp_path / name for name in "abc"]
        for folder in folders:
            folder.mkdir()
        secrets = {secret_in(folder) for folder in folders}
        assert len(secrets) == 3
        assert all(len(secret) >= 43 for secret in secrets)

    def test_is_one_for_all_who_race_for_it(self, tmp_path: Path):
        with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as racers:
            for number in range(10):
                folder = tmp_path / str(number)
                folder.mkdir()
                answers = [racers.submit(secret_in, folder) for _ in range(4)]
                assert len({answer.result() for answer in answers}) == 1
                assert [path.name for path in folder.iterdir()] == ["secret"]


class TestDerivedKeys:
    def test_are_the_same_for_the_same_secret(self):
        assert DerivedKeys.from_secret("a" * 32) == DerivedKeys.from_secret("a" * 32)

    def test_are_what_they_always_were(self):
        """Another pepper would make every stored key useless."""
        keys = DerivedKeys.from_secret("a secret that never changes, 32+")
        assert keys.pepper_id == "00684a8b"
        assert keys.pepper.hex() == (
            "9f8487f014a16d5e24c577d766b080871d816cf5e72ad7a6c5cf4ab844cff7c7"
        )

    def test_of_one_secret_have_nothing_in_common(self):
        one, other = DerivedKeys.from_secret("a" * 32), DerivedKeys.from_secret("b" * 32)
        values = [*astuple(one), *astuple(other)]
        assert len(set(values)) == len(values)
        assert not one.pepper.hex().startswith(one.pepper_id)

    def test_do_not_hold_the_secret(self):
        assert b"a" * 8 not in DerivedKeys.from_secret("a" * 32).pepper


def test_a_keyed_hash_is_an_hmac_of_32_bytes():
    assert keyed_hash(b"k", b"m") == hmac.new(b"k", b"m", "sha256").digest()
