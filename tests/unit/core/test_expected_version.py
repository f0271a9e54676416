"""Which version a change was meant for."""

import pytest

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion


class TestExpectedVersion:
    @pytest.mark.parametrize("version", [1, 2, 2**63 - 1])
    def test_any_takes_every_version(self, version: int):
        ANY_VERSION.require(version)

    def test_takes_one_of_those_named(self):
        expected = ExpectedVersion({2, 5})
        for version in (2, 5):
            expected.require(version)
        for version in (1, 3, 4, 6):
            with pytest.raises(PreconditionFailedError):
                expected.require(version)

    def test_takes_none_where_none_is_named(self):
        with pytest.raises(PreconditionFailedError):
            ExpectedVersion(()).require(1)
