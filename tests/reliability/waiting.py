"""Waiting for what another process is about to do."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

_PAUSE_SECONDS: Final = 0.02


async def until(condition: Callable[[], Awaitable[bool]], *, seconds: float = 60) -> None:
    """Wait until `condition` holds; raises `TimeoutError`."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(_PAUSE_SECONDS)
