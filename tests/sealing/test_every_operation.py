"""Every operation of the OpenAPI document, called with another business's values.

As shipped, and with either half of the seal alone: the predicates in the statements, and
row-level security. With neither the same check has to fail, or it would show nothing.
"""

import pytest

from tests.sealing.checker import LEAKS, SealError, check_every_operation
from tests.sealing.document import operations_of
from tests.sealing.stripping import Stripper
from tests.sealing.world import World


@pytest.fixture
def stripper(world: World, monkeypatch: pytest.MonkeyPatch) -> Stripper:
    """Removes the predicates from every statement that runs."""
    stripper = Stripper(world.tables)
    stripper.install(monkeypatch)
    return stripper


async def disable_row_security(world: World) -> None:
    for table in world.tables:
        await world.admin.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


class TestEveryOperation:
    async def test_keeps_businesses_apart(self, world: World):
        assert await check_every_operation(world) > 0

    async def test_keeps_them_apart_by_row_level_security_alone(
        self, world: World, stripper: Stripper
    ):
        await check_every_operation(world)
        assert stripper.faults == []
        assert stripper.removed > 0

    async def test_keeps_them_apart_by_its_statements_alone(self, world: World):
        await disable_row_security(world)
        await check_every_operation(world)

    async def test_is_found_to_leak_with_neither(self, world: World, stripper: Stripper):
        """The control: what finds nothing here would have found nothing above."""
        await disable_row_security(world)
        with pytest.raises(SealError) as found:
            await check_every_operation(world)
        assert stripper.faults == []
        leaking = {leak.operation for leak in found.value.findings if leak.code in LEAKS}
        assert leaking >= {
            str(operation)
            for operation in operations_of(await world.document())
            if operation.method != "POST"  # an INSERT looks at nobody's rows
        }
