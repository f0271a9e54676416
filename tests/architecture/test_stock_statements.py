"""Each statement of the ledger that is made for a query names the tenant for each of its tables."""

from collections.abc import Iterator
from itertools import chain, combinations, product

from sokho.core.domain.paging import Sort
from sokho.core.infrastructure.database import Statement, metadata
from sokho.modules.stock.domain.reads import Basis
from sokho.modules.stock.domain.reservations import ReservationState
from sokho.modules.stock.infrastructure.count_statements import (
    COUNT_CONDITIONS,
    counts_statement,
    differing_statement,
    sheet_statement,
)
from sokho.modules.stock.infrastructure.read_statements import (
    CARD_CONDITIONS,
    LEVEL_CONDITIONS,
    card_statement,
    levels_statement,
)
from sokho.modules.stock.infrastructure.reservation_statements import reservations_statement
from sokho.modules.stock.infrastructure.transaction_statements import (
    CONDITIONS,
    transactions_statement,
)
from sokho.modules.stock.infrastructure.verification_statements import (
    documents_statement,
    faulty_moves_statement,
    heads_statement,
)
from tests.sealing.stripping import Stripper

BOTH = (False, True)


def subsets(names: Iterator[str]) -> Iterator[frozenset[str]]:
    listed = sorted(names)
    choices = (combinations(listed, size) for size in range(len(listed) + 1))
    return (frozenset(choice) for choice in chain.from_iterable(choices))


def made() -> Iterator[Statement]:
    """Yield what the makers make of every choice that a request has."""
    for subset, basis, descending, resumed in product(
        subsets(iter(LEVEL_CONDITIONS)), (None, *Basis), BOTH, BOTH
    ):
        yield levels_statement(subset, basis, descending=descending, resumed=resumed)
    for subset, below, descending, resumed in product(
        subsets(iter(LEVEL_CONDITIONS)), BOTH, BOTH, BOTH
    ):
        yield levels_statement(subset, None, below=below, descending=descending, resumed=resumed)
    for state, descending, resumed in product((None, *ReservationState), BOTH, BOTH):
        yield reservations_statement(state, descending=descending, resumed=resumed)
    for subset, field, descending, resumed in product(
        subsets(iter(CARD_CONDITIONS)), ("posted_at", "effective_at"), BOTH, BOTH
    ):
        yield card_statement(subset, Sort(field, descending=descending), resumed=resumed)
    for subset, field, descending, resumed in product(
        subsets(iter(CONDITIONS)), ("id", "effective_at"), BOTH, BOTH
    ):
        yield transactions_statement(subset, Sort(field, descending=descending), resumed=resumed)
    for subset, descending, resumed in product(subsets(iter(COUNT_CONDITIONS)), BOTH, BOTH):
        yield counts_statement(subset, descending=descending, resumed=resumed)
    for descending, resumed in product(BOTH, BOTH):
        yield sheet_statement(descending=descending, resumed=resumed)
    for uncounted_as_zero in BOTH:
        yield differing_statement(uncounted_as_zero=uncounted_as_zero)
    for of_one in BOTH:
        yield heads_statement(of_item=of_one)
        yield documents_statement(by_ids=of_one)
        yield faulty_moves_statement(by_ids=of_one)


def test_none_reads_a_table_without_its_tenant():
    stripper = Stripper(metadata.tables)
    statements = [stripper.stripped(statement) for statement in made()]
    assert len(statements) == 2**4 * (12 + 8) + 5 * 4 + 2**2 * 8 + 2**3 * 8 + 2**2 * 4 + 4 + 2 + 6
    assert stripper.removed > len(statements)
    assert stripper.faults == []
