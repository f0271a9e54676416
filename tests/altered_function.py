"""A function of the database with something about it altered: a protection taken away, say."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

ENTER = "enter_stock_document"
HOLDS = "ORDER BY account_id FOR UPDATE"
FINDS_SHORT = "is_short := is_short OR from_after < held[place].reserved;"
TAKES_TURN = "PERFORM pg_advisory_xact_lock_shared(hashtextextended(tenant::text, 3));"


def altering(function: str, old: str, new: str) -> str:
    """Return the SQL that replaces `old` in a function; it fails where the function has it not."""
    return f"""
        DO $altering$ DECLARE
            shipped CONSTANT text := pg_get_functiondef('{function}'::regproc);
            altered CONSTANT text := replace(shipped, $old${old}$old$, $new${new}$new$);
        BEGIN
            IF altered = shipped THEN RAISE 'nothing to alter in {function}'; END IF;
            EXECUTE altered;
        END $altering$
    """


@asynccontextmanager
async def altered(
    connection: "asyncpg.Connection[asyncpg.Record]", function: str, *changes: tuple[str, str]
) -> AsyncIterator[None]:
    """Have a function altered for as long as the block lasts, in a database of the test's own."""
    name = await connection.fetchval("SELECT current_database()")
    assert name.startswith("scratch"), f"other tests use {name}, too"
    shipped = await connection.fetchval("SELECT pg_get_functiondef($1::text::regproc)", function)
    try:
        for old, new in changes:
            await connection.execute(altering(function, old, new))
        yield
    finally:
        await connection.execute(shipped)
