"""Every operation of the OpenAPI document, called with another business's values.

Where both halves of the seal are gone the same check has to fail, or it would show nothing.
"""

import pytest

from tests.sealing.checker import LEAKS, SealError, check_every_operation
from tests.sealing.document import operations_of
from tests.sealing.stripping import Stripper
from tests.sealing.world import World


class TestEveryOperation:
    async def test_keeps_businesses_apart(self, world: World):
        assert await check_every_operation(world) > 0

    @pytest.mark.usefixtures("without_row_security")
    async def test_is_found_to_leak_without_any_seal(
        self, world: World, without_predicates: Stripper
    ):
        with pytest.raises(SealError) as found:
            await check_every_operation(world)
        assert without_predicates.faults == []
        leaking = {leak.operation for leak in found.value.findings if leak.code in LEAKS}
        assert leaking >= {
            str(operation)
            for operation in operations_of(await world.document())
            # An INSERT looks at nobody's rows, and who may be where is decided before any.
            if operation.method != "POST" and not operation.is_the_operators
        }
