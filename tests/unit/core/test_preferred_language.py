"""The language of a problem's texts, by Accept-Language (RFC 9110, section 12.5.4)."""

import pytest

from sokho.core.domain.texts import Text
from sokho.core.infrastructure.http.problems import preferred_language


def language(*headers: str) -> str:
    return preferred_language(
        {"headers": [(b"accept-language", header.encode()) for header in headers]}
    )


class TestPreferredLanguage:
    def test_is_vietnamese_unless_told(self):
        assert language() == "vi"

    @pytest.mark.parametrize(
        "header",
        [
            "en",
            "EN",
            "en-US",
            "en-GB,en;q=0.9",
            "fr, en;q=0.1",
            "vi;q=0.5, en;q=0.6",
            "en ; q=0.6 , vi ; q=0.5",
            "en, vi;q=0.9",
            "vi;q=0, en;q=0.001",
            "en;Q=0.6, vi;Q=0.5",
        ],
    )
    def test_is_english_where_it_ranks_above(self, header: str):
        assert language(header) == "en"

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "vi",
            "vi-VN,vi;q=0.9,en;q=0.8",
            "en;q=0.5, vi;q=0.5",
            "en;q=0",
            "fr",
            "*",
            "english",
            "en;q=x",
            "en;q=nan",
            ";;,,=",
            "vi;Q=0.6, en;Q=0.5",
        ],
    )
    def test_is_vietnamese_where_english_does_not(self, header: str):
        assert language(header) == "vi"

    def test_reads_the_header_in_two_lines(self):
        assert language("vi;q=0.2", "en;q=0.3") == "en"
        assert language("en;q=0.2", "vi;q=0.3") == "vi"

    def test_takes_any_bytes(self):
        assert preferred_language({"headers": [(b"accept-language", b"\xff\xfe;q=\x00")]}) == "vi"


class TestText:
    def test_is_formatted_in_both_languages(self):
        text = Text(vi="{n} nhãn", en="{n} tags").format(n=3)
        assert (text.in_language("vi"), text.in_language("en")) == ("3 nhãn", "3 tags")
