"""Either half of the seal alone: row-level security, and the predicates in the statements."""

import pytest

from tests.sealing.checker import check_every_operation
from tests.sealing.stripping import Stripper
from tests.sealing.world import World


class TestRowLevelSecurity:
    async def test_alone_keeps_businesses_apart(self, world: World, without_predicates: Stripper):
        await check_every_operation(world)
        assert without_predicates.faults == []
        assert without_predicates.removed > 0


class TestPredicates:
    @pytest.mark.usefixtures("without_row_security")
    async def test_alone_keep_businesses_apart(self, world: World):
        await check_every_operation(world)
