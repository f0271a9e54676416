"""Faults planted in the database: a trigger on items that sleeps, or raises a chosen error."""

from typing import Final

from tests.reliability.sites import Site

# In a schema of its own, which the service neither sees nor needs to trust. A sequence counts
# the attempts, since what it counts is not rolled back.
_PLANT: Final = (
    "CREATE SCHEMA faults",
    "CREATE SEQUENCE faults.attempts",
    "CREATE TABLE faults.planted (code text, times int, seconds float)",
    "INSERT INTO faults.planted VALUES ('', 0, 0)",
    """
    CREATE FUNCTION faults.happen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE planted faults.planted;
    BEGIN
        SELECT * INTO planted FROM faults.planted;
        PERFORM pg_sleep(planted.seconds);
        IF nextval('faults.attempts') <= planted.times THEN
            RAISE EXCEPTION 'planted' USING ERRCODE = planted.code;
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER happen BEFORE INSERT ON public.items
    FOR EACH ROW EXECUTE FUNCTION faults.happen()
    """,
)


async def plant(site: Site) -> None:
    """Make the trigger, which does nothing yet."""
    await site.execute(*_PLANT)


async def raise_in_inserts(site: Site, code: str, *, times: int) -> None:
    """Have the next inserts of an item fail with an SQLSTATE so many times."""
    await site.execute(
        f"UPDATE faults.planted SET code = '{code}', times = {times}, seconds = 0",
        "SELECT setval('faults.attempts', 1, false)",
    )


async def slow_down_inserts(site: Site, *, seconds: float) -> None:
    """Have each insert of an item take so long; 0 ends it."""
    await site.execute(f"UPDATE faults.planted SET times = 0, seconds = {seconds}")


async def attempts(site: Site) -> int:
    """Return how many inserts were tried since the faults were planted."""
    [row] = await site.fetch("SELECT last_value, is_called FROM faults.attempts")
    return int(row["last_value"]) if row["is_called"] else 0
