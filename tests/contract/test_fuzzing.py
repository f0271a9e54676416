"""Schemathesis finds nothing in the service, in short, and whatever is planted in it.

The long form is ``python -m tests.contract.fuzzing``.
"""

import sys
from typing import Final

import pytest

from sokho.app import create_app
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.conftest import settings_for
from tests.contract.faulty import FAULTS
from tests.contract.fuzzing import StuckError, fuzz

PLANTED: Final = {
    "undocumented_status": ("get_tenant", "UndefinedStatusCode"),
    "broken_schema": ("get_tenant", "JsonSchemaError"),
    "server_error": ("post_item_batch", "ServerError"),
    "invalid_accepted": ("post_unit", "AcceptedNegativeData"),
    "valid_refused": ("post_unit", "RejectedPositiveData"),
}
"""Each fault, an operation that has it, and what it is to be found as."""

RARELY_MET: Final = {
    "DELETE /v1/items/{item_id}/conversions/{unit}",
    "POST /v1/api-keys/{key_id}/rotate",
    "POST /v1/stock/counts/{count_id}/lines",
    "POST /v1/stock/counts/{count_id}/post",
}
"""What few examples only refuse: they need a conversion, a key or a stocktake of the run's own."""

SEED: Final = 20_261_101


class TestSchemathesis:
    def test_finds_nothing_in_any_operation(self, urls: DatabaseUrls):
        figures = fuzz(urls, seed=SEED, examples=3, longest=300)
        assert figures["findings"] == []
        assert figures["errors"] == 0
        assert figures["complete"]
        assert set(figures["phases"].values()) == {"success"}
        paths = create_app(settings_for(urls)).openapi()["paths"]
        assert figures["tested"] == sum(map(len, paths.values()))
        assert RARELY_MET.issuperset(figures["never_accepted"])

    @pytest.mark.parametrize("fault", FAULTS)
    def test_finds_what_is_planted(self, urls: DatabaseUrls, fault: str):
        """The control: each kind of fault, as what it is."""
        operation, kind = PLANTED[fault]
        command = (sys.executable, "-m", "tests.contract.faulty", fault, "serve")
        only = ("--include-operation-id", operation)
        figures = fuzz(urls, *only, seed=SEED, examples=3, command=command, longest=300)
        assert not figures["complete"]
        assert kind in {finding["type"] for finding in figures["findings"]}

    def test_does_not_wait_for_ever(self, urls: DatabaseUrls):
        """A run that comes to no end is ended, and says where it stood."""
        with pytest.raises(StuckError, match="Fatal Python error: Aborted"):
            fuzz(urls, seed=SEED, examples=3, longest=1)
