"""The demo's year of stock documents is always the same, possible, and looks like a real one."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from sokho.demo.businesses import demo_businesses
from sokho.demo.catalogue import DemoBusiness
from sokho.demo.documents import HOME, year_of_documents
from sokho.modules.locations.domain.service import FIRST_CODE
from sokho.modules.stock.domain.documents import Reason, TransactionType

UNTIL = datetime(2026, 11, 23, 1, tzinfo=UTC)


@pytest.fixture(params=[0, 1], ids=["hardware_shop", "cafe"])
def business(request: pytest.FixtureRequest) -> DemoBusiness:
    place: int = request.param
    return demo_businesses()[place]


class TestYearOfDocuments:
    def test_is_equal_at_every_call(self, business: DemoBusiness):
        assert [*year_of_documents(business, UNTIL)] == [*year_of_documents(business, UNTIL)]

    def test_goes_by_date_over_the_year(self, business: DemoBusiness):
        dates = [each.effective_at for each in year_of_documents(business, UNTIL)]
        assert dates == sorted(dates)
        assert dates[0] == UNTIL - timedelta(weeks=52)
        assert UNTIL - timedelta(weeks=1) < dates[-1] < UNTIL

    def test_has_all_four_types_receipts_and_issues_above_all(self, business: DemoBusiness):
        documents = [*year_of_documents(business, UNTIL)]
        types = Counter(each.type for each in documents)
        assert types.keys() == set(TransactionType)
        assert min(types[TransactionType.RECEIPT], types[TransactionType.ISSUE]) > 45
        assert types[TransactionType.TRANSFER] == 13
        reasons = {each.reason for each in documents if each.type is TransactionType.ADJUSTMENT}
        assert reasons == {Reason.OPENING, Reason.COUNT}
        sizes = [len(each.lines) for each in documents]
        assert max(sizes) == 50
        assert min(sizes) >= 1
        assert sum(sizes) / len(sizes) > 15

    def test_never_takes_what_is_not_there(self, business: DemoBusiness):
        there: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for document in year_of_documents(business, UNTIL):
            for line in document.lines:
                assert line.quantity > 0
                assert line.source != line.target
                if line.source is not None:
                    there[line.sku, line.source] -= line.quantity
                    assert there[line.sku, line.source] >= 0
                if line.target is not None:
                    there[line.sku, line.target] += line.quantity
        assert {sku for sku, _ in there} == {item.sku for item in business.items}
        codes = {place.code for place in business.locations} | {FIRST_CODE}
        assert {code for _, code in there} <= codes

    def test_measures_only_what_is_measured_by_quarters(self, business: DemoBusiness):
        units = {item.sku: item.unit for item in business.items}
        broken = {
            units[line.sku]
            for document in year_of_documents(business, UNTIL)
            for line in document.lines
            if line.quantity % 1
        }
        assert broken
        assert broken <= {"kg", "m", "m²", "lít"}

    def test_begins_in_the_first_warehouse(self):
        assert HOME == FIRST_CODE
