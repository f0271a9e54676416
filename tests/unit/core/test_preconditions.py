"""If-Match is compared strongly, If-None-Match weakly, and what is no tag matches nothing."""

from typing import Final

import pytest

from sokho.core.domain.errors import PreconditionFailedError
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion
from sokho.core.infrastructure.http.errors import PreconditionRequiredError
from sokho.core.infrastructure.http.preconditions import (
    etag,
    get_expected_version,
    get_expected_version_if_given,
    is_known,
)

NO_TAG: Final = ["", " ", "1", "'1'", '"', '"1', '1"', "**", '""', '"01"', '"+1"', '"-1"', '"0"']
HALF_A_TAG: Final = ['w/"3"', 'W/ "3"', 'x"3"', '"3"x', '"3""3"', '""3""', '"3";"3"', '"3"\'']
NO_VERSION: Final = ['"x"', '"1.0"', '"1 "', '" 1"', '"\u0661"', '"%s"' % ("1" * 20), '"1_0"']


class TestIfMatch:
    @pytest.mark.parametrize(
        ("header", "versions"),
        [
            ('"1"', {1}),
            (' "12" ', {12}),
            ('"1","2"', {1, 2}),
            ('"1" , "3",,"3"', {1, 3}),
            ('W/"1"', set()),
            ('W/"1", "2"', {2}),
            ('"x", "2"', {2}),
            ('"*"', set()),
            ('"9223372036854775807"', {2**63 - 1}),
        ],
    )
    async def test_names_the_versions_of_its_strong_tags(self, header: str, versions: set[int]):
        assert await get_expected_version(header) == ExpectedVersion(versions)

    @pytest.mark.parametrize("header", ["*", " * "])
    async def test_takes_a_star_for_any(self, header: str):
        assert await get_expected_version(header) is ANY_VERSION

    @pytest.mark.parametrize("header", [*NO_TAG, *NO_VERSION])
    async def test_matches_nothing_by_what_is_no_version(self, header: str):
        expected = await get_expected_version(header)
        for version in (0, 1, 10):
            with pytest.raises(PreconditionFailedError):
                expected.require(version)

    @pytest.mark.parametrize("header", HALF_A_TAG)
    async def test_matches_nothing_by_what_only_holds_a_tag(self, header: str):
        assert await get_expected_version(header) == ExpectedVersion(set())
        assert await get_expected_version(f'{header}, "4"') == ExpectedVersion({4})

    async def test_is_needed_where_it_is_needed(self):
        with pytest.raises(PreconditionRequiredError):
            await get_expected_version()
        assert await get_expected_version_if_given() is ANY_VERSION
        assert await get_expected_version_if_given('"3"') == ExpectedVersion({3})

    async def test_takes_the_tag_that_an_answer_showed(self):
        assert await get_expected_version(etag(7)["ETag"]) == ExpectedVersion({7})


class TestIfNoneMatch:
    @pytest.mark.parametrize(
        "header", ['"3"', 'W/"3"', '"1", "3"', '"1",W/"3" ,"2"', "*", " * ", ',"3"']
    )
    def test_knows_a_version_by_any_tag_of_it(self, header: str):
        assert is_known(header, 3)

    @pytest.mark.parametrize("header", [*NO_TAG, *NO_VERSION, '"2"', 'W/"33"', '"13"', "3", '"03"'])
    def test_knows_nothing_by_another(self, header: str):
        assert not is_known(header, 3)

    @pytest.mark.parametrize("header", HALF_A_TAG)
    def test_knows_nothing_by_what_only_holds_a_tag(self, header: str):
        assert not is_known(header, 3)

    def test_left_out_knows_nothing(self):
        assert not is_known(None, 3)
