"""The check of the ledger names each row that was tampered with, and nothing else."""

from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.modules.stock.infrastructure.digests import Seal
from tests.integration.late_tampering import LATE_BEYOND_CONSTRAINTS, LATE_TAMPERINGS
from tests.integration.tampering import (
    BEYOND_CONSTRAINTS,
    OF_DOCUMENT,
    OF_MOVE,
    TAMPERINGS,
    Posted,
    Tampering,
    post_some,
)


@pytest.fixture
async def posted(database: Database, urls: DatabaseUrls, derived_keys: DerivedKeys) -> Posted:
    return await post_some(database, urls.admin, derived_keys)


@pytest.fixture
async def breakable(scratch: DatabaseUrls, derived_keys: DerivedKeys) -> AsyncIterator[Posted]:
    """The same in a database whose constraints may be dropped."""
    database = Database(scratch.app, pool_size=1)
    yield await post_some(database, scratch.admin, derived_keys)
    await database.close()


class TestTampering:
    @pytest.mark.parametrize(
        "tampering", [*TAMPERINGS, *LATE_TAMPERINGS], ids=lambda each: each.name
    )
    async def test_is_named_and_nothing_else_is(self, posted: Posted, tampering: Tampering):
        row = UUID(posted.row(tampering.what))
        await posted.ledger.as_superuser(tampering.statement, row)
        expected = posted.expected(tampering.told)
        assert await posted.ledger.findings() == expected
        of_item = expected - posted.expected(tampering.unseen)
        assert of_item
        assert await posted.ledger.findings("A") == of_item
        assert await posted.ledger.findings("C") == set()

    async def test_a_balance_of_what_is_no_place_is_named(self, posted: Posted):
        account = await posted.ledger.as_superuser(
            "INSERT INTO stock_balances SELECT tenant_id, id, 1, 0, 1 FROM stock_accounts "
            "WHERE tenant_id = $1 AND kind = 'customer' RETURNING account_id"
        )
        assert await posted.ledger.findings() == {f"I2 balance_unexpected {account}"}

    async def test_a_late_leg_of_what_is_no_place_is_named(self, posted: Posted):
        account = await posted.ledger.as_superuser(
            "INSERT INTO stock_late_legs SELECT tenant_id, id, 9, now() - interval '1 day', now(), "
            "1, 1, 0 FROM stock_accounts WHERE tenant_id = $1 AND kind = 'customer' "
            "RETURNING account_id"
        )
        assert await posted.ledger.findings() == {f"I2 late_leg_differs {account}/9"}

    async def test_a_move_given_to_another_business_is_named_at_both(
        self, posted: Posted, database: Database, urls: DatabaseUrls, derived_keys: DerivedKeys
    ):
        other = await post_some(database, urls.admin, derived_keys)
        await posted.ledger.as_superuser(
            f"UPDATE stock_moves SET tenant_id = $3 {OF_MOVE}",
            *(posted.documents[2], other.ledger.tenant_id),
        )
        assert await posted.ledger.findings() == posted.expected(
            "I5 document_changed 2\nI4 sequence_broken 3/1\nI2 balance_differs kho"
        )
        move = posted.row("2/1")
        assert await other.ledger.findings() == {
            f"I1 move_invalid {move}",
            f"I5 document_missing {move}",
        }

    async def test_another_secret_is_told_as_that(self, posted: Posted):
        away = DerivedKeys.from_secret("another secret, under which nothing was posted")
        found = await posted.ledger.findings(seal=Seal(away.ledger_id, away.ledger))
        assert found == {f"I5 document_of_other_secret {id}" for id in posted.documents}

    async def test_a_document_said_to_be_of_another_secret_is_still_told(self, posted: Posted):
        await posted.ledger.as_superuser(
            "UPDATE stock_transactions SET note = 'x', digest_key_id = '00000000' " + OF_DOCUMENT,
            posted.documents[1],
        )
        expected = posted.expected("I5 document_of_other_secret 1")
        assert await posted.ledger.findings() == expected


class TestTamperingWithoutConstraints:
    @pytest.mark.parametrize(
        "tampering", [*BEYOND_CONSTRAINTS, *LATE_BEYOND_CONSTRAINTS], ids=lambda each: each.name
    )
    async def test_is_named_and_nothing_else_is(self, breakable: Posted, tampering: Tampering):
        connection = await asyncpg.connect(breakable.ledger.admin)
        await connection.execute(tampering.without_constraint)
        await connection.close()
        row = UUID(breakable.row(tampering.what))
        await breakable.ledger.as_superuser(tampering.statement, row)
        expected = breakable.expected(tampering.told)
        assert await breakable.ledger.findings() == expected
        assert await breakable.ledger.findings("A") == expected
