"""What is known of a request, also when it is tried again."""

from uuid import UUID

from sokho.core.domain.ids import new_id_text
from sokho.core.infrastructure.database.pool import Pool
from sokho.core.infrastructure.database.reading import ReadTransaction
from sokho.core.infrastructure.http.context import RequestContext


def transaction_of(round_trips: int) -> ReadTransaction:
    transaction = ReadTransaction(Pool("postgresql://nowhere", size=1), UUID(int=1))
    transaction.round_trips = round_trips
    return transaction


class TestRoundTrips:
    def test_are_none_without_a_transaction(self):
        assert RequestContext(new_id_text(), ()).round_trips == 0

    def test_of_every_attempt_are_counted(self):
        context = RequestContext(new_id_text(), ())
        for round_trips in (3, 2, 1):
            context.begin(transaction_of(0))
            assert context.transaction is not None
            context.transaction.round_trips = round_trips
        assert context.round_trips == 6
